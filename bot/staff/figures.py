"""The figures: how many patients ask, how it goes, and what changed with a new version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping, Tuple
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from bot.staff import access, charts, view
from bot.staff.charts import NotLoaded
from bot.staff.desk import Desk, desk
from bot.staff.download import download
from bot.staff.fields import FILTERS, choices, known
from bot.staff.sheets import Sheet, sheets, versions, written
from bot.store.export import Form
from bot.store.inbox import MOST_CHARACTERS, MOST_WORDS, Kind, Malformed, Query, tags_in_use
from bot.store.period import HERE
from bot.store.statistics import Statistics

PATH = "/staff/tal"
# How many days are counted when none is chosen; what else is one click away.
DAYS, PERIODS = 30, (7, 30, 90)
# How many rows of the longest table are shown; files hold all.
SHOWN = 30
PAIR = ("foer", "efter")
_OF_PERIOD = ("fra", "til")
router = APIRouter(dependencies=[Depends(access.reviewer)])


@router.get("/tal")
def figures(request: Request, at: Desk = Depends(desk)) -> Response:
    """All figures of a period, narrowed by filters."""
    values = dict(request.query_params)
    try:
        query = _query(request, at)
    except Malformed as problem:
        return _page(request, at, values, 422, problem=problem.field)
    counted = at.census.anew(query)
    pair = _pair(request, counted)
    given = dict(parse_qsl(str(query)))
    return _page(
        request,
        at,
        {**values, **given},
        query=query,
        figures=counted,
        sheets=sheets(counted, query, pair),
        versions=versions(counted),
        pair=pair,
        given=given,
        address=f"{query}&{urlencode(dict(zip(PAIR, pair)))}",
        narrowed=any(name not in _OF_PERIOD for name in given),
        busiest=max(map(max, counted.week)),
    )


@router.get("/tal/{name}.svg")
def chart(name: str, request: Request, at: Desk = Depends(desk)) -> Response:
    """A table's chart."""
    drawn = _sheet(name, request, at).chart
    if drawn is None:
        raise HTTPException(404)
    try:
        return Response(at.charts.svg(drawn), media_type="image/svg+xml", headers=charts.HEADERS)
    except NotLoaded:
        return Response(status_code=503, headers={**charts.HEADERS, "Retry-After": "30"})


@router.get("/tal/{name}.csv")
def file(name: str, request: Request, at: Desk = Depends(desk)) -> Response:
    """A table as a file."""
    sheet = _sheet(name, request, at)
    access.record(request, "figures exported", {"rows": str(len(sheet.rows))}, subject=name)
    return download(sheet.as_rows(), Form.CSV, list(sheet.heads), name)


def _page(request: Request, at: Desk, values: Mapping[str, str], status: int = 200, **shown: Any) -> Response:
    """The page; `values` are those of the form as they were filled in, `figures` are missing where one is malformed."""
    return view.page(
        request,
        "figures.html",
        status,
        **{"problem": "", "figures": None, "address": "", "narrowed": False, **shown},
        values=values,
        fields=[name for name in ("tekst", *FILTERS) if name not in _OF_PERIOD],
        choices=choices(tags_in_use(at.database)),
        periods={days: str(_last(days, at)) for days in PERIODS},
        limits={"characters": MOST_CHARACTERS, "words": MOST_WORDS},
        here=PATH,
        shown=SHOWN,
        written=written,
    )


def _query(request: Request, at: Desk) -> Query:
    """The period and the filters of the address; without a day the last thirty. Raises Malformed."""
    query = Query.of(dict(request.query_params), known())
    days = query if query.first or query.last else _last(DAYS, at)
    return query.with_(first=days.first, last=days.last, kind=Kind.NEED)


def _last(days: int, at: Desk) -> Query:
    """So many days until today."""
    today = at.now().astimezone(HERE).date()
    return Query(first=today - timedelta(days=days - 1), last=today)


def _sheet(name: str, request: Request, at: Desk) -> Sheet:
    try:
        query = _query(request, at)
    except Malformed:
        raise HTTPException(422) from None
    counted = at.census.recent(query)
    found = sheets(counted, query, _pair(request, counted)).get(name)
    if found is None:
        raise HTTPException(404)
    return found


def _pair(request: Request, counted: Statistics) -> Tuple[str, str]:
    """The versions to compare: those of the address, else the last two of the texts, else the last two models."""
    every = list(versions(counted))
    before, after = (request.query_params.get(name, "") for name in PAIR)
    if before in every and after in every:
        return before, after
    texts, models = every[: len(counted.contents)], every[len(counted.contents) :]
    latest = texts[-2:] if len(texts) > 1 else models[-2:]
    return (latest[0], latest[1]) if len(latest) > 1 else ("", "")

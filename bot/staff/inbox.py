"""The inbox: the conversations that reviewers look for, and the searches that they keep."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import Response

from bot import edition
from bot.staff import access, fields, view
from bot.staff.access import Person
from bot.staff.desk import Desk, desk
from bot.store import inbox as store
from bot.store.filters import MOST_OF_NAME
from bot.store.inbox import Kind, Malformed, Query

PATH = "/staff/samtaler"
_MOST_ID = 2**31 - 1
router = APIRouter()


@router.get("/samtaler")
def inbox(request: Request, person: Person = Depends(access.reviewer), at: Desk = Depends(desk)) -> Response:
    """The conversations of a search, a page of them."""
    values = dict(request.query_params)
    try:
        query = Query.of(values, fields.known())
    except Malformed as problem:
        return _page(request, at, person, values, 422, problem=problem.field)
    found = store.conversations(at.database, query)
    access.record(request, "inbox seen", {"fields": " ".join(query.given), "conversations": str(len(found.rows))})
    return _page(request, at, person, values, query=query, found=found)


@router.post("/samtaler/filtre", dependencies=[Depends(access.genuine)])
def save(
    request: Request,
    navn: str = Form(""),
    filter: str = Form(""),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Keep a search under a name."""
    values = dict(parse_qsl(filter))
    try:
        query = Query.of(values, fields.known())
        at.filters.save(person.name, navn, query)
    except Malformed as problem:
        return _page(request, at, person, {**values, "navn": navn}, 422, problem=problem.field)
    return view.done(request, address(query), "inbox.was_saved", name=" ".join(navn.split()))


@router.post("/samtaler/filtre/{id}/slet", dependencies=[Depends(access.genuine)])
def delete(
    request: Request,
    id: int = Path(..., ge=1, le=_MOST_ID),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Delete a search that the person kept."""
    at.filters.delete(person.name, id)
    return view.done(request, PATH, "inbox.was_deleted")


def address(query: Query) -> str:
    """The inbox's address with a search."""
    return f"{PATH}?{query}" if query.given else PATH


def _page(request: Request, at: Desk, person: Person, values: Mapping[str, str], status: int = 200, **shown: Any) -> Response:
    """The inbox; `values` are those of the form as they were filled in, `found` is missing where one of them is malformed."""
    return view.page(
        request,
        "inbox.html",
        status,
        **{"problem": "", "query": Query(), "found": None, **shown},
        values=values,
        more=any(values.get(name) for name in fields.FILTERS),
        fields=fields.FILTERS,
        choices=fields.choices(store.tags_in_use(at.database)),
        flags=edition.current().flags,
        filters=at.filters.of(person.name),
        limits={"most": MOST_OF_NAME, "count": store.MOST, "words": store.MOST_WORDS, "characters": store.MOST_CHARACTERS},
        address=address,
        kinds=Kind,
    )

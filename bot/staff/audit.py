"""The audit log, for administrators: who saw and did what. Looking at it is written there, too."""

from __future__ import annotations

from datetime import date
from typing import Any, Callable, Dict, Mapping, Optional
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from bot.staff import access, view
from bot.staff.desk import Desk, desk
from bot.staff.download import download
from bot.store import audit
from bot.store.audit import COLUMNS, Search
from bot.store.export import Form
from bot.store.inbox import Malformed
from bot.store.period import day_of
from bot.store.tables import NAME

PATH = "/staff/logbog"
LINES = 100
_BEFORE = "foer"
# The greatest whole number that both databases compare with an id.
_MOST = 2**31 - 1
router = APIRouter(dependencies=[Depends(access.admin)])


@router.get("/logbog")
def log(request: Request, at: Desk = Depends(desk)) -> Response:
    """A page of the log, newest first."""
    values = _given(request)
    try:
        chosen, before = _search(values), _read(values, _BEFORE, _id)
    except Malformed as problem:
        return _page(request, values, 422, problem=problem.field, lines=(), older="")
    access.record(request, "audit log seen", values)
    found = audit.lines(at.database, chosen, LINES + 1, before)
    older = {**values, _BEFORE: str(found[LINES - 1].id)} if len(found) > LINES else {}
    return _page(request, values, 200, problem="", lines=found[:LINES], older=urlencode(older))


@router.get("/logbog.{form}")
def export(form: Form, request: Request, at: Desk = Depends(desk)) -> Response:
    """All lines that a search finds, oldest first, as a file."""
    values = _given(request)
    try:
        chosen = _search(values)
    except Malformed as problem:
        return _page(request, values, 422, problem=problem.field, lines=(), older="")
    access.record(request, "audit log exported", {**values, "form": form.value})
    rows = (line.as_row() for line in audit.every_line(at.database, chosen))
    return download(rows, form, list(COLUMNS), view.words_of("audit.file"))


def _page(request: Request, values: Mapping[str, str], status: int, **shown: Any) -> Response:
    filters = {name: value for name, value in values.items() if name != _BEFORE}
    return view.page(request, "audit.html", status, values=values, filters=urlencode(filters), path_of=PATH, **shown)


def _given(request: Request) -> Dict[str, str]:
    """The values that were filled in, without what is none of the page's."""
    known = ("person", "handling", "om", "fra", "til", _BEFORE)
    return {name: value for name in known if (value := request.query_params.get(name, "").strip())}


def _search(values: Mapping[str, str]) -> Search:
    """What is searched for. Raises Malformed."""
    chosen = Search(
        actor=_read(values, "person", _name) or "",
        action=_read(values, "handling", _name) or "",
        subject=_read(values, "om", _name) or "",
        first=_read(values, "fra", day_of),
        last=_read(values, "til", day_of),
    )
    if _is_backwards(chosen.first, chosen.last):
        raise Malformed("til")
    return chosen


def _read(values: Mapping[str, str], field: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(values[field]) if field in values else None
    except ValueError:
        raise Malformed(field) from None


def _name(text: str) -> str:
    if len(text) > NAME or "\0" in text:
        raise ValueError
    return text


def _id(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number <= _MOST:
        raise ValueError
    return number


def _is_backwards(first: Optional[date], last: Optional[date]) -> bool:
    return bool(first and last and last < first)


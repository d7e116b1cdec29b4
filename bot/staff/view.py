"""Pages for staff: templates, the words in them, and what a page says after something was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any, List, Mapping, Optional
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.paths import WEB
from bot.render import html
from bot.staff import access
from bot.staff.access import Role, form_token
from bot.staff.words import load_staff_words

HERE = ZoneInfo("Europe/Copenhagen")
POLICY = (
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SAID = "said"
_templates = Environment(
    loader=FileSystemLoader(WEB / "templates"), autoescape=select_autoescape(["html"]), undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template of web/templates/staff, with all that every page has."""
    return HTMLResponse(rendered(request, template, **values), status, _HEADERS)


def unavailable(request: Request) -> HTMLResponse:
    """The page that says that the database does not work."""
    return page(request, "problem.html", 503, problem="unavailable")


def rendered(request: Request, template: str, **values: Any) -> str:
    """The text of a page or of a part of one."""
    return _templates.get_template(f"staff/{template}").render(
        t=load_staff_words(),
        person=access.person(request),
        token=form_token(request),
        path=request.url.path,
        said=request.session.pop(_SAID, []),
        html=html,
        when=when,
        Role=Role,
        **values,
    )


def done(request: Request, to: str, sentence: str = "", **values: Any) -> Response:
    """Go to another page, which says a sentence (`area.key` of the words, with `values` filled in) once."""
    if sentence:
        request.session[_SAID] = [*_waiting(request), words_of(sentence).format(**values)]
    return RedirectResponse(local(to), 303, {"Cache-Control": "no-store"})


def words_of(key: str) -> str:
    """The words that stand under `area.key`. Raises KeyError."""
    found: Any = load_staff_words()
    for part in key.split("."):
        found = found[part]
    return str(found)


def local(path: str) -> str:
    """The path when it leads into the staff's pages, else their first page: no link shall lead anywhere else."""
    return path if path.startswith("/staff/") and "\\" not in path else "/staff/"


def when(moment: Optional[datetime]) -> str:
    """A time as the staff reads it."""
    return moment.astimezone(HERE).strftime("%d.%m.%Y %H.%M") if moment else ""


def _waiting(request: Request) -> List[str]:
    said: Mapping[str, Any] = request.session
    return list(said.get(_SAID, []))

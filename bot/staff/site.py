"""The staff's site, mounted at /staff: an application of its own, so that nothing in it can reach the chat."""

from __future__ import annotations

import logging
from typing import Any, Sequence
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from bot.staff import access, audit, conversation, editing, figures, gaps, improvement, inbox, oidc, sign_in, texts, view
from bot.staff.access import Forged, NotAllowed, SignInNeeded
from bot.staff.cookies import COOKIE, StaffSessions, with_session
from bot.staff.desk import Desk
from bot.staff.view import page
from bot.store.database import Refused, Unavailable

logger = logging.getLogger(__name__)
_SECRET = ("csrf", "password", "new", "again")
_ROUTERS = (
    sign_in.router, oidc.router, inbox.router, conversation.router, texts.router, editing.router, gaps.router, audit.router,
    figures.router, improvement.router,
)


def create_site(desk: Desk) -> FastAPI:
    """The application of the staff's pages. Raises SettingsError."""
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.state.desk = desk
    site.state.provider = oidc.provider(desk.settings)
    site.add_middleware(StaffSessions, store=desk.sessions, https=desk.settings.public_url.startswith("https:"))
    for router in _ROUTERS:
        site.include_router(router)
    for kind, handler in (
        (SignInNeeded, _sign_in_needed),
        (NotAllowed, _not_allowed),
        (Forged, _forged),
        (Unavailable, _unavailable),
        (Refused, _invalid),
        (RequestValidationError, _invalid),
        (HTTPException, _missing),
        (Exception, _failed),
    ):
        site.add_exception_handler(kind, handler)
    return site


async def _sign_in_needed(request: Request, error: Any) -> Response:
    """To the form and back here; what was typed into a form is shown, so that it is not lost."""
    if request.method != "GET":
        came_from = request.headers.get("referer", "").removeprefix(f"{request.url.scheme}://{request.url.netloc}")
        return page(request, "unsaved.html", 403, problem="expired", typed=await _typed(request), back=_sign_in_for(came_from))
    had_one = COOKIE in request.cookies and not request.session
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return view.done(request, _sign_in_for(there), "sign_in.expired" if had_one else "")


def _not_allowed(request: Request, error: Any) -> Response:
    access.record_refusal(request, "role")
    return page(request, "problem.html", 403, problem="not_allowed")


async def _forged(request: Request, error: Any) -> Response:
    await run_in_threadpool(access.record_refusal, request, "form")
    return page(request, "unsaved.html", 403, problem="forged", typed=await _typed(request), back="")


async def _unavailable(request: Request, error: Any) -> Response:
    return view.unavailable(request)


async def _invalid(request: Request, error: Any) -> Response:
    return page(request, "problem.html", 422, problem="invalid")


async def _missing(request: Request, error: Any) -> Response:
    return page(request, "problem.html", error.status_code, problem="missing")


async def _failed(request: Request, error: Exception) -> Response:
    with_session(request.scope)
    return page(request, "problem.html", 500, problem="failed")


def _sign_in_for(there: str) -> str:
    return f"/staff/ind?{urlencode({'naeste': view.local(there)})}"


async def _typed(request: Request) -> Sequence[str]:
    """What was typed into a form, as far as it has several words (ids in hidden fields have one); never a password."""
    values = [value for name, value in (await request.form()).multi_items() if name not in _SECRET]
    return [value for value in values if isinstance(value, str) and len(value.split()) > 1]

"""The sessions of the staff's site as middleware: starsessions with our store, and a page for when the database fails."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starsessions import SessionAutoloadMiddleware, SessionMiddleware

from bot.staff import view
from bot.store.database import Unavailable
from bot.store.sessions import Sessions

COOKIE = "personale"


class StaffSessions:
    """Loads the session of each request and keeps it afterwards. Its cookie ends with the browser, and is Secure on TLS."""

    def __init__(self, app: ASGIApp, store: Sessions, https: bool):
        self._https = https
        self._by_scheme = {
            secure: SessionMiddleware(
                SessionAutoloadMiddleware(app), store, cookie_name=COOKIE, cookie_path="/staff", cookie_https_only=secure
            )
            for secure in (False, True)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._by_scheme[self._https or scope.get("scheme") == "https"](scope, receive, send)
        except Unavailable:
            await view.unavailable(Request(with_session(scope)))(scope, receive, send)


def with_session(scope: Scope) -> Scope:
    """The scope of a request, with an empty session where none could be read: a page that tells of a failure needs one."""
    # What stands there before allows no question, not even isinstance.
    if type(scope.get("session")) is not dict:
        scope["session"] = {}
    return scope

"""How much a request may bring."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import api

MOST_BYTES = 256 * 1024


class BodyLimit:
    """Refuses a request whose body is longer than MOST_BYTES, before it is parsed."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._app(scope, receive, send)
        body, more = b"", True
        while more and len(body) <= MOST_BYTES:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        if len(body) > MOST_BYTES:
            return await api.problem(413, "body", f"longer than {MOST_BYTES} bytes")(scope, receive, send)
        await self._app(scope, _replay(body, receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again

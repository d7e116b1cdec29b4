"""The JSON interface: Rasa's REST channel, the API of pages and widget, and whether the server is well."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Dict, List, Optional

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field, StrictBool, StrictStr, validator
from starlette.exceptions import HTTPException

from bot.conversation import NotYet
from bot.edition import current
from bot.figures import FIGURES
from bot.render import nodes
from bot.store.keeper import Health
from bot.store.turn import Turn

MOST_CHARACTERS = 2000
MOST_SENDER = 255
MOST_REASON = 500
LEAST_TOKEN = 16
# A sender's own name for a message; empty for none.
NAME = "^([A-Za-z0-9_-]{16,64})?$"
router = APIRouter()


def readable(text: str) -> str:
    """The text without control characters (line breaks stay) and surrounding blanks.

    Raises ValueError when nothing is left, when it is too long, or when it is not Unicode text.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode text")
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is longer than {MOST_CHARACTERS} characters")
    kept = "".join(char if char in "\n\t" or unicodedata.category(char) != "Cc" else " " for char in text).strip()
    if not kept:
        raise ValueError("is empty")
    return kept


class Incoming(BaseModel):
    """A message to the REST channel."""

    sender: StrictStr = Field(..., min_length=1, max_length=MOST_SENDER)
    message: StrictStr
    metadata: Optional[Dict[str, Any]] = None

    _readable = validator("message", allow_reuse=True)(readable)

    @validator("sender")
    def _sender_is_text(cls, value: str) -> str:
        return readable(value)


class PageMessage(BaseModel):
    """A message from a page or widget; without `conversation` it begins a new one."""

    message: StrictStr
    conversation: Optional[StrictStr] = Field(None, min_length=LEAST_TOKEN, max_length=MOST_SENDER)
    id: StrictStr = Field("", regex=NAME, description="Sent again with the same, it is answered once")

    _readable = validator("message", "conversation", allow_reuse=True)(readable)


class OutgoingButton(BaseModel):
    """A choice; `payload` is the message that choosing it sends."""

    title: str
    payload: str


class Outgoing(BaseModel):
    """A message to the patient; `custom` holds status, answer_id, topic, suggestions, sources, scope, version."""

    recipient_id: str
    text: str
    buttons: List[OutgoingButton] = []
    custom: Dict[str, Any]


class PageOutgoing(Outgoing):
    """The same for pages that build their own elements: `body` and `more` as in bot.render.nodes."""

    body: List[Any]
    more: List[Any]


class PageFeedback(BaseModel):
    """What a visitor makes of the answer in a turn."""

    conversation: StrictStr = Field(..., min_length=LEAST_TOKEN, max_length=MOST_SENDER)
    turn: StrictStr = Field(..., regex="^[0-9a-f]{32}$")
    helpful: StrictBool
    reason: StrictStr = Field("", max_length=MOST_REASON)

    _readable = validator("conversation", allow_reuse=True)(readable)

    @validator("reason")
    def _reason_is_text(cls, value: str) -> str:
        return readable(value) if value.strip() else ""


class PageTurn(BaseModel):
    """A turn as it is kept: what the visitor said, de-identified, and what answered it."""

    turn: str
    at: datetime
    said: str
    messages: List[PageOutgoing]


class PageConversation(BaseModel):
    """The turns of a conversation, oldest first."""

    turns: List[PageTurn]


class PageReply(PageTurn):
    """The turn (its id is to be sent with feedback) and the conversation (to be sent with the next message)."""

    conversation: str


def new_conversation() -> str:
    """An id that nobody can guess."""
    return secrets.token_urlsafe(24)


def problem(status: int, field: str, message: str) -> JSONResponse:
    """An error that names the field."""
    return JSONResponse({"error": {"field": field, "message": message}}, status)


@router.post("/webhooks/rest/webhook", response_model=List[Outgoing])
async def rest_channel(incoming: Incoming, request: Request) -> Any:
    """Rasa's REST channel. Open to this machine; elsewhere a key is needed (`Authorization: Bearer …`)."""
    if not _may_use_rest(request):
        raise HTTPException(401, "the REST channel needs a key from other machines")
    key = request.app.state.identities.of_rest(incoming.sender)
    turn = await request.app.state.conversations.handle_message(key, incoming.message)
    return _outgoing(turn, incoming.sender)


@router.post("/api/messages", response_model=PageReply)
async def page_message(incoming: PageMessage, request: Request) -> Any:
    """A message from a page or widget. One with an `id` gets 503 while the server is starting, unless it is an alarm."""
    token = incoming.conversation or new_conversation()
    try:
        turn = await request.app.state.conversations.handle_message(
            _key(request, token), incoming.message, incoming.id, waits=bool(incoming.id)
        )
    except NotYet:
        return problem(503, "server", "is starting; send the message again with the same id")
    return {"conversation": token, **_page_turn(turn, token)}


@router.get("/api/conversation", response_model=PageConversation)
async def conversation(request: Request, authorization: str = Header("")) -> Any:
    """The conversation as it is kept, de-identified. `Authorization: Bearer <conversation>`, so that no id is in a URL.

    503 while nothing of it can be read: an empty one would say that it was deleted.
    """
    turns = await request.app.state.conversations.archive.turns(_key(request, _token(authorization)))
    if not turns and not _health(request).available:
        return problem(503, "server", "the conversation cannot be read just now; try again later")
    return {"turns": [_page_turn(turn, "") for turn in turns]}


@router.delete("/api/conversation", status_code=204)
async def delete_conversation(request: Request, authorization: str = Header("")) -> Response:
    """Delete the conversation and all that hangs on it: 204 when that is done, 202 when the database does it later only."""
    done = await request.app.state.conversations.forget(_key(request, _token(authorization)))
    return Response(status_code=204 if done else 202)


@router.post("/api/feedback", status_code=204)
async def feedback(given: PageFeedback, request: Request) -> Response:
    """Thumbs up or down for the answer in a turn, in place of the ones before."""
    key = _key(request, given.conversation)
    kept = await request.app.state.conversations.rate(key, given.turn, given.helpful, given.reason)
    if kept is None:
        return problem(503, "server", "the feedback cannot be kept just now; try again later")
    return Response(status_code=204) if kept else problem(404, "turn", "is no turn of this conversation")


@router.get("/healthz")
async def healthz() -> Dict[str, str]:
    """The server is alive."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 when messages can be answered and kept, else 503 and why."""
    readiness, health = request.app.state.assistant.readiness, _health(request)
    deidentifies = request.app.state.conversations.redactor.ready
    body = {
        "ready": readiness.ready and health.available and deidentifies,
        "detail": readiness.detail,
        "model": readiness.model,
        "language": readiness.language,
        "deidentification": "works" if deidentifies else "not loaded: texts are neither stored nor answered",
        "database": "works" if health.available else f"does not work ({health.failure}): turns wait in a queue on disk",
        "turns_waiting": health.waiting,
        "turns_lost": health.lost,
        "content": current().version,
        "answers_awaiting_approval": len(current().content.unapproved()),
    }
    return JSONResponse(body, 200 if body["ready"] else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Figures for Prometheus: no text, no ids."""
    text = FIGURES.text(_health(request), request.app.state.assistant.readiness.ready)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _health(request: Request) -> Health:
    health: Health = request.app.state.conversations.archive.keeper.health
    return health


def _key(request: Request, token: str) -> str:
    return str(request.app.state.identities.of_page(token))


def _token(authorization: str) -> str:
    token = authorization.removeprefix("Bearer ").strip()
    if not LEAST_TOKEN <= len(token) <= MOST_SENDER:
        raise HTTPException(401, "the header Authorization must hold the conversation: Bearer …")
    return token


def _outgoing(turn: Turn, recipient: str) -> List[Dict[str, Any]]:
    return [{**message, "recipient_id": recipient} for message in turn.replies]


def _page_turn(turn: Turn, recipient: str) -> Dict[str, Any]:
    numbers = current().content.numbers
    messages = [
        {**message, "body": nodes(message["text"], numbers), "more": nodes(message["custom"].get("more", ""), numbers)}
        for message in _outgoing(turn, recipient)
    ]
    return {"turn": turn.id, "at": turn.at, "said": turn.said, "messages": messages}


def _may_use_rest(request: Request) -> bool:
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    keys = request.app.state.settings.keys
    return _is_loopback(request) or any(secrets.compare_digest(key.encode(), known.encode()) for known in keys)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False

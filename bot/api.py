"""The JSON interface: Rasa's REST channel, the API of pages and widget, and whether the server is well."""

from __future__ import annotations

import secrets
import unicodedata
from ipaddress import ip_address
from typing import Any, Dict, List, Optional

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StrictStr, validator
from starlette.exceptions import HTTPException

MOST_CHARACTERS = 2000
MOST_SENDER = 255
CONVERSATION = "conversation"
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
    conversation: Optional[StrictStr] = Field(None, min_length=16, max_length=MOST_SENDER)

    _readable = validator("message", allow_reuse=True)(readable)


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


class PageReply(BaseModel):
    """The conversation (to be sent with the next message) and the messages that answer."""

    conversation: str
    messages: List[Outgoing]


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
    return await request.app.state.conversations.handle_message(incoming.sender, incoming.message)


@router.post("/api/messages", response_model=PageReply)
async def page_message(incoming: PageMessage, request: Request) -> Any:
    """A message from a page or widget."""
    conversation = incoming.conversation or new_conversation()
    messages = await request.app.state.conversations.handle_message(conversation, incoming.message)
    return {"conversation": conversation, "messages": messages}


@router.get("/healthz")
async def healthz() -> Dict[str, str]:
    """The server is alive."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 when messages can be answered, else 503 and why."""
    readiness = request.app.state.assistant.readiness
    unapproved = len(request.app.state.content.unapproved())
    body = {
        "ready": readiness.ready,
        "detail": readiness.detail,
        "model": readiness.model,
        "language": readiness.language,
        "answers_awaiting_approval": unapproved,
    }
    return JSONResponse(body, 200 if readiness.ready else 503)


def _may_use_rest(request: Request) -> bool:
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    keys = request.app.state.settings.keys
    return _is_loopback(request) or any(secrets.compare_digest(key.encode(), known.encode()) for known in keys)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False

"""The chat page: server-rendered, usable as plain forms, lighter to use where JavaScript is on."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.api import MOST_CHARACTERS, new_conversation, readable
from bot.content import Content
from bot.paths import WEB
from bot.render import html
from bot.reply import buttons_to
from bot.transcripts import Turn

COOKIE = "samtale"
_DAY = 24 * 60 * 60
_POLICY = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-ancestors 'self'"
_ENTRANCES = ("smerte.definition", "forloeb.oversigt", "medicin.opioider", "lob.hvad", "praktisk.telefon")
_templates = Environment(
    loader=FileSystemLoader(WEB / "templates"), autoescape=select_autoescape(["html"]), undefined=StrictUndefined
)
router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/chat")
async def chat(request: Request) -> Response:
    """The conversation so far, and the form to go on."""
    return _page(request)


@router.post("/chat")
async def say(request: Request, message: str = Form("")) -> Response:
    """A message from the form. A script that sends `X-Fragment` gets the new turn alone, else the page is shown anew."""
    conversation = request.cookies.get(COOKIE) or new_conversation()
    try:
        text = readable(message)
    except ValueError:
        return _page(request, _too_long_or_empty(request, message), 422)
    replies = await request.app.state.conversations.handle_message(conversation, text)
    if request.headers.get("x-fragment"):
        turns = request.app.state.conversations.transcripts.turns(conversation)
        turn = turns[-1] if turns else Turn(message, tuple(replies))
        response: Response = HTMLResponse(_render("turn.html", request.app.state.content, turn=turn))
    else:
        response = RedirectResponse("/chat#seneste", 303)
    response.set_cookie(COOKIE, conversation, max_age=_DAY, httponly=True, samesite="lax")
    return response


@router.post("/chat/slet")
async def delete(request: Request) -> Response:
    """Delete the conversation and begin with an empty page."""
    conversation = request.cookies.get(COOKIE)
    if conversation:
        await request.app.state.conversations.forget(conversation)
    response = RedirectResponse("/chat", 303)
    response.delete_cookie(COOKIE)
    return response


def _page(request: Request, complaint: str = "", status: int = 200) -> Response:
    conversation = request.cookies.get(COOKIE, "")
    content: Content = request.app.state.content
    turns = request.app.state.conversations.transcripts.turns(conversation)
    text = _render(
        "chat.html",
        content,
        turns=turns,
        standing=_contacts_of_last_card(turns),
        entrances=buttons_to(_ENTRANCES, content),
        complaint=complaint,
        most=MOST_CHARACTERS,
        alarm=content.contacts["alarmcentralen"],
        doctor=content.contacts["laegevagt"],
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"})


def _contacts_of_last_card(turns: Sequence[Turn]) -> List[Dict[str, str]]:
    """Whom to ring after the last alarm of the conversation; none without one."""
    flags = [m["custom"]["red_flag"] for turn in turns for m in turn.replies if m["custom"].get("red_flag")]
    return [contact for contact in flags[-1]["contacts"] if contact.get("tel")] if flags else []


def _too_long_or_empty(request: Request, message: str) -> str:
    page = request.app.state.content.phrases.page
    return str(page.too_long if len(message) > MOST_CHARACTERS else page.empty)


def _render(template: str, content: Content, **values: Any) -> str:
    numbers = [contact.tel for contact in content.contacts.values() if contact.tel]
    return _templates.get_template(template).render(
        phrases=content.phrases, page=content.phrases.page, html=lambda text: html(text, numbers), **values
    )

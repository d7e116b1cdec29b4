"""The chat page: server-rendered, usable as plain forms, lighter to use where JavaScript is on."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.api import MOST_CHARACTERS, new_conversation, readable
from bot.content import Content
from bot.paths import WEB
from bot.render import html
from bot.reply import buttons_to
from bot.store.turn import Turn

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
    return await _page(request)


@router.post("/chat")
async def say(request: Request, message: str = Form("")) -> Response:
    """A message from the form. A script that sends `X-Fragment` gets the new turn alone, else the page is shown anew."""
    token = request.cookies.get(COOKIE) or new_conversation()
    try:
        text = readable(message)
    except ValueError:
        return await _page(request, _too_long_or_empty(request, message), 422)
    turn = await request.app.state.conversations.handle_message(_key(request, token), text)
    if request.headers.get("x-fragment"):
        response: Response = HTMLResponse(_render("turn.html", request.app.state.content, turn=turn))
    else:
        response = RedirectResponse("/chat#seneste", 303)
    days = request.app.state.settings.retention_days
    response.set_cookie(COOKIE, token, max_age=days * _DAY, httponly=True, samesite="lax", secure=_is_https(request))
    return response


@router.get("/chat/hent")
async def download(request: Request) -> Response:
    """The conversation as a text file, as it is kept."""
    content: Content = request.app.state.content
    text = _render("conversation.txt", content, turns=await _turns(request), zone=ZoneInfo("Europe/Copenhagen"))
    headers = {"Content-Disposition": f'attachment; filename="{content.phrases.page.file}"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


@router.post("/chat/slet")
async def delete(request: Request) -> Response:
    """Delete the conversation and begin with an empty page."""
    token = request.cookies.get(COOKIE)
    done = not token or await request.app.state.conversations.forget(_key(request, token))
    if done:
        response: Response = RedirectResponse("/chat", 303)
    else:
        response = _shown(request, (), str(request.app.state.content.phrases.page.delete_later), 202)
    response.delete_cookie(COOKIE)
    return response


async def _page(request: Request, complaint: str = "", status: int = 200) -> Response:
    return _shown(request, await _turns(request), complaint, status)


async def _turns(request: Request) -> Sequence[Turn]:
    token = request.cookies.get(COOKIE)
    return await request.app.state.conversations.archive.turns(_key(request, token)) if token else ()


def _shown(request: Request, turns: Sequence[Turn], complaint: str, status: int) -> Response:
    content: Content = request.app.state.content
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
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)


def _key(request: Request, token: str) -> str:
    return str(request.app.state.identities.of_page(token))


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


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

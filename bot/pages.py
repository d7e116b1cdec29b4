"""The pages that patients open: the chat as a page of its own, a demonstration, and the statement on accessibility.

The chat page is server-rendered and works as plain forms. Where scripts are on, the widget takes their place.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.api import MOST_CHARACTERS, NAME, new_conversation, readable
from bot.content import Content
from bot.edition import current
from bot.paths import WEB
from bot.render import html
from bot.store.turn import Turn
from bot.widget import bundle, topics

COOKIE = "samtale"
_DAY = 24 * 60 * 60
# Trusted types: no script of ours makes elements from text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
_templates = Environment(
    loader=FileSystemLoader(WEB / "templates"), autoescape=select_autoescape(["html"]), undefined=StrictUndefined
)
router = APIRouter(include_in_schema=False)


@router.get("/")
async def demonstration() -> Response:
    """A page as a hospital might have it, with the widget on it."""
    return _page(_render("demonstration.html", current().content))


@router.get("/tilgaengelighed")
async def statement() -> Response:
    """The statement on accessibility."""
    return _page(_render("statement.html", current().content))


@router.get("/widget.js")
async def widget(request: Request) -> Response:
    """The widget's script. Browsers ask each time whether there is a newer one."""
    made = bundle(current().content)
    headers = {
        "ETag": f'"{made.version}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if made.version in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(made.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript; charset=utf-8")
    return Response(made.script, headers=headers, media_type="text/javascript; charset=utf-8")


@router.get("/chat")
async def chat(request: Request) -> Response:
    """The conversation so far, and the form to go on."""
    return await _chat(request)


@router.post("/chat")
async def say(request: Request, message: str = Form(""), id: str = Form("", regex=NAME)) -> Response:
    """A message from the form, and the page anew. `id` is the form's own: sent twice, it is answered once."""
    token = request.cookies.get(COOKIE) or new_conversation()
    try:
        text = readable(message)
    except ValueError:
        return await _chat(request, _too_long_or_empty(message), message, 422)
    await request.app.state.conversations.handle_message(_key(request, token), text, f"{id} {text}" if id else "")
    response = RedirectResponse("/chat#seneste", 303)
    days = request.app.state.settings.retention_days
    response.set_cookie(COOKIE, token, max_age=days * _DAY, httponly=True, samesite="lax", secure=_is_https(request))
    return response


@router.get("/chat/hent")
async def download(request: Request) -> Response:
    """The conversation as a text file, as it is kept."""
    content = current().content
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
        response = _shown((), "", current().content.phrases.page.delete_later, "", 202)
    response.delete_cookie(COOKIE)
    return response


async def _chat(request: Request, complaint: str = "", draft: str = "", status: int = 200) -> Response:
    return _shown(await _turns(request), request.cookies.get(COOKIE, ""), complaint, draft, status)


async def _turns(request: Request) -> Sequence[Turn]:
    token = request.cookies.get(COOKIE)
    return await request.app.state.conversations.archive.turns(_key(request, token)) if token else ()


def _shown(turns: Sequence[Turn], token: str, complaint: str, draft: str, status: int) -> Response:
    content = current().content
    text = _render(
        "chat.html",
        content,
        turns=turns,
        conversation=token,
        id=new_conversation(),
        standing=_contacts_of_last_card(turns),
        topics=topics(content),
        complaint=complaint,
        draft=draft,
    )
    return _page(text, status)


def _page(text: str, status: int = 200) -> Response:
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


def _too_long_or_empty(message: str) -> str:
    page = current().content.phrases.page
    return page.too_long if len(message) > MOST_CHARACTERS else page.empty


def _render(template: str, content: Content, **values: Any) -> str:
    return _templates.get_template(template).render(
        phrases=content.phrases,
        page=content.phrases.page,
        pages=content.pages,
        alarm=content.contacts["alarmcentralen"],
        doctor=content.contacts["laegevagt"],
        clinic=content.contacts["smertecenter"],
        html=lambda text: html(text, content.numbers),
        **values,
    )

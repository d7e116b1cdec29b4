"""The gateway: the HTTP interface of the assistant.

The port opens before Rasa is imported; until the model is loaded, messages get a kind sentence with the numbers.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Optional

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bot import api, content, pages
from bot.assistant import Assistant
from bot.conversation import Conversations
from bot.limits import BodyLimit
from bot.paths import WEB
from bot.safety.card import load_cards
from bot.safety.flags import load_context, load_flags
from bot.safety.guard import Guard
from bot.settings import Settings
from bot.transcripts import Transcripts


def create_app(settings: Settings, assistant: Optional[Assistant] = None) -> FastAPI:
    """The application. Raises ContentError when the content may not be used."""
    loaded = content.load()
    running = assistant or Assistant(settings.model, settings.reply_seconds)

    load_flags(), load_context(), load_cards()
    guard = Guard()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running.start(after=guard.start())
        yield
        running.stop()

    app = FastAPI(title="Smertebot", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.assistant = running
    app.state.content = loaded
    app.state.conversations = Conversations(running, loaded, Transcripts(), guard)
    app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["POST"], allow_headers=["*"])
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    return app


async def _invalid(request: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    whole = not isinstance(error.body, dict)
    named = [] if whole else [str(part) for part in first["loc"] if isinstance(part, str) and part != "body"]
    return api.problem(422, ".".join(named) or "body", "is not a JSON object" if whole else first["msg"])


async def _refused(request: Request, error: Any) -> JSONResponse:
    return api.problem(error.status_code, "body" if error.status_code == 400 else "request", str(error.detail))


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return api.problem(500, "server", "internal error")

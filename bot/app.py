"""The gateway: the HTTP interface of the assistant.

The port opens before Rasa is imported; until the model is loaded, messages get a kind sentence with the numbers.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Optional

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bot import api, edition, logs, pages
from bot.archive import Archive
from bot.assistant import Assistant
from bot.conversation import Conversations
from bot.identity import Identities
from bot.improvement.live import ModelFollower
from bot.languages import load as load_languages
from bot.limits import BodyLimit
from bot.paths import WEB
from bot.privacy.names import Names
from bot.privacy.redactor import Redactor
from bot.privacy.words import load_words
from bot.publication import Follower
from bot.safety.flags import load_context
from bot.safety.guard import Guard
from bot.safety.sources import Sources
from bot.settings import Settings
from bot.staff.desk import Desk
from bot.staff.site import create_site
from bot.staff.words import load_staff_words
from bot.store.backlog import Backlog
from bot.store.database import Database
from bot.store.keeper import Keeper


def create_app(settings: Settings, assistant: Optional[Assistant] = None) -> FastAPI:
    """The application. Raises ContentError, DatabaseError, NamesMissing, SettingsError when one of these may not be used."""
    edition.of_files(), load_context(), load_words(), load_staff_words()
    Names.require()
    database = Database(settings.database)
    keeper = Keeper(database, Backlog(settings.folder / "backlog.jsonl"), settings.retention_days)
    keeper.open()
    redactor = Redactor()
    desk = Desk(settings, database, redactor=redactor)
    desk.publication.open(keeper.available)
    follower = Follower(desk.publication)
    improvements = ModelFollower(desk.improvement)
    improved = improvements.open(keeper.available)
    running = assistant or Assistant(settings.model, settings.reply_seconds, database, keeper, improved.model if improved else None)
    guard = Guard(improved.sources if improved else Sources())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.handle_loop_errors(asyncio.get_running_loop())
        keeper.start()
        follower.start()
        # One after another: threads that import the same large packages at once can wait for each other for ever.
        deidentifying = redactor.start(after=guard.patterns)
        deidentifying.add_done_callback(lambda done: load_languages())
        loading = running.start(after=guard.start(after=deidentifying))
        desk.charts.start(after=loading)
        desk.sorter.start(after=loading)
        improvements.start(running, guard, after=loading)
        yield
        improvements.stop()
        desk.sorter.stop()
        running.stop()
        follower.stop()
        keeper.stop()

    app = FastAPI(title="Smertebot", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.assistant = running
    app.state.identities = Identities(settings.secret)
    app.state.conversations = Conversations(running, Archive(keeper), guard, redactor)
    app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["GET", "POST", "DELETE"], allow_headers=["*"])
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/staff", create_site(desk))
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

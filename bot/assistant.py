"""Rasa's agent inside this process, on a thread and an event loop of its own.

Importing Rasa and loading a model take seconds, and understanding a message blocks its event loop: on a thread of its
own neither keeps the server from answering, and a hanging Rasa is given up after a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, TYPE_CHECKING

from bot import logs
from bot.models import ModelMissing, newest
from bot.store.database import Database
from bot.store.keeper import Keeper
from bot.store.turn import Ranking
from bot.understanding import SCREENED

if TYPE_CHECKING:
    from rasa.core.agent import Agent

    from bot.store.trackers import Trackers

logger = logging.getLogger(__name__)


class NotReady(Exception):
    """The assistant cannot answer yet or at all; the message says why, for operators."""


@dataclass(frozen=True)
class Answered:
    """Rasa's messages to a text, and the intents that the text may have, likeliest first."""

    messages: Tuple[Dict[str, Any], ...]
    ranking: Ranking = ()


@dataclass(frozen=True)
class Readiness:
    """Whether messages can be answered, and if not why; which model and which spaCy pipeline are in use."""

    ready: bool
    detail: str
    model: str = ""
    language: str = ""


class Assistant:
    """Answers messages with the trained model, once that is loaded."""

    def __init__(self, model: Optional[Path], reply_seconds: float, database: Database, keeper: Keeper):
        self._model, self._seconds = model, reply_seconds
        self._database, self._keeper = database, keeper
        self._loop = asyncio.new_event_loop()
        logs.handle_loop_errors(self._loop)
        self._agent: Optional["Agent"] = None
        self._trackers: Optional["Trackers"] = None
        self.readiness = Readiness(False, "starting")

    def start(self, after: "Optional[Future[Any]]" = None) -> None:
        """Load the model in the background once `after` is done; `readiness` says how far it is."""
        threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True).start()
        self._submit(self._load(after))

    def stop(self) -> None:
        """Let the thread end."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def answer(self, conversation: str, text: str) -> Answered:
        """Rasa's messages to a text. Raises NotReady, asyncio.TimeoutError, and whatever Rasa or an action raises."""
        if self._agent is None:
            raise NotReady(self.readiness.detail)
        future = asyncio.wrap_future(self._submit(self._handle(conversation, text)))
        return await asyncio.wait_for(future, self._seconds)

    async def forget(self, conversation: str) -> None:
        """Drop what Rasa remembers of the conversation."""
        if self._agent is not None:
            await asyncio.wrap_future(self._submit(self._forget(conversation)))

    def _submit(self, coroutine: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _load(self, after: "Optional[Future[Any]]") -> None:
        if after is not None:
            # Two threads that import the same large packages at once can wait for each other for ever.
            await asyncio.wait([asyncio.wrap_future(after)])
        try:
            path = self._model or newest()
            if not path.is_file():
                raise ModelMissing(f"the model {path.name} does not exist")
            self.readiness = Readiness(False, "loading the model")
            self._trackers = _trackers(self._database, self._keeper)
            self._agent = _load_agent(path, self._trackers)
            # The first message loads tables and engines: better before a patient waits for it.
            await self._agent.parse_message("hej")
            self.readiness = Readiness(True, "ready", path.name, _language())
            logger.info("ready: model %s, spaCy pipeline %s", path.name, self.readiness.language)
        except Exception as error:
            # Whatever is wrong with the model, the server goes on and says so.
            self.readiness = Readiness(False, f"the model cannot be used: {error or type(error).__name__}")
            logger.error("%s", self.readiness.detail)

    async def _handle(self, conversation: str, text: str) -> Answered:
        from rasa.core.channels.channel import UserMessage

        from bot.channel import OneMessageChannel

        assert self._agent is not None
        channel = OneMessageChannel()
        # Whoever asks here has screened the text: the detector in Rasa's pipeline lets it pass.
        screened = {SCREENED: True}
        await self._agent.handle_message(UserMessage(text, channel, conversation, input_channel="rest", metadata=screened))
        assert self._trackers is not None
        return Answered(tuple(channel.messages), self._trackers.take_ranking(conversation))

    async def _forget(self, conversation: str) -> None:
        assert self._agent is not None and self._trackers is not None
        # After the message that may be in the middle of being answered, which would save its tracker again.
        async with self._agent.lock_store.lock(conversation):
            self._trackers.forget(conversation)


def _trackers(database: Database, keeper: Keeper) -> "Trackers":
    from bot.store.trackers import Trackers

    return Trackers(database, keeper)


def _load_agent(path: Path, trackers: "Trackers") -> "Agent":
    """The agent of the model at `path`; Rasa alone would swallow what is wrong with it."""
    from rasa.core.agent import Agent
    from rasa.core.lock_store import InMemoryLockStore
    from rasa.core.utils import AvailableEndpoints

    from bot.paths import ROOT

    # Loading Rasa sets structlog up in its own way.
    logs.tame_structlog()
    logging.getLogger("rasa").setLevel(logging.ERROR)
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    agent = Agent(
        tracker_store=trackers,
        lock_store=InMemoryLockStore(),
        action_endpoint=endpoints.action,
    )
    agent.load_model(path)
    if not agent.is_ready():
        raise ModelMissing("Rasa could not load the model")
    return agent


def _language() -> str:
    from bot.language import FALLBACK, pipeline_name

    name = pipeline_name()
    return f"{name} (fallback: da_core_news_sm is not installed)" if name == FALLBACK else name

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
    from rasa.core.lock_store import LockStore

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
class _Loaded:
    """Rasa with a model, and the tracker store that it writes to."""

    agent: "Agent"
    trackers: "Trackers"


@dataclass(frozen=True)
class Readiness:
    """Whether messages can be answered, and if not why (`starting`: soon); which model and spaCy pipeline are in use."""

    ready: bool
    detail: str
    model: str = ""
    language: str = ""
    starting: bool = False


class Assistant:
    """Answers messages with the trained model, once that is loaded."""

    def __init__(
        self, model: Optional[Path], reply_seconds: float, database: Database, keeper: Keeper, improved: Optional[Path] = None
    ):
        """`improved` is the model to begin with; where it cannot be used, `model` takes its place (or the newest one)."""
        self._model, self._improved, self._seconds = model, improved, reply_seconds
        self._database, self._keeper = database, keeper
        self._loop = asyncio.new_event_loop()
        logs.handle_loop_errors(self._loop)
        # One attribute: a message is answered by one agent and its trackers from beginning to end.
        self._loaded: Optional[_Loaded] = None
        self.readiness = Readiness(False, "starting", starting=True)

    def start(self, after: "Optional[Future[Any]]" = None) -> "Future[Any]":
        """Load the model in the background once `after` is done; done when it is there or has failed, see `readiness`."""
        threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True).start()
        return self._submit(self._load(after))

    def stop(self) -> None:
        """Let the thread end."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def answer(self, conversation: str, text: str) -> Answered:
        """Rasa's messages to a text. Raises NotReady, asyncio.TimeoutError, and whatever Rasa or an action raises."""
        loaded = self._loaded
        if loaded is None:
            raise NotReady(self.readiness.detail)
        future = asyncio.wrap_future(self._submit(_handle(loaded, conversation, text)))
        return await asyncio.wait_for(future, self._seconds)

    async def forget(self, conversation: str) -> None:
        """Drop what Rasa remembers of the conversation."""
        if self._loaded is not None:
            await asyncio.wrap_future(self._submit(_forget(self._loaded, conversation)))

    def switch(self, path: Path) -> None:
        """Answer with another model from the next message on. Blocks while it is loaded and the one before it answers.

        Raises what is wrong with it; then nothing changes. Call it on a thread that answers nobody.
        """
        loaded = self._load_model(path)
        asyncio.run(_warm(loaded.agent))
        self._use(loaded, path)

    def _submit(self, coroutine: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _load(self, after: "Optional[Future[Any]]") -> None:
        if after is not None:
            # Two threads that import the same large packages at once can wait for each other for ever.
            await asyncio.wait([asyncio.wrap_future(after)])
        try:
            await self._begin()
        except Exception as error:
            # Whatever is wrong with the model, the server goes on and says so.
            self.readiness = Readiness(False, f"the model cannot be used: {error or type(error).__name__}")
            logger.error("%s", self.readiness.detail)

    async def _begin(self) -> None:
        self.readiness = Readiness(False, "loading the model", starting=True)
        if self._improved is not None:
            try:
                return await self._begin_with(self._improved)
            except Exception as error:
                logger.error("the improved model cannot be used, the one before takes its place: %s", type(error).__name__)
        await self._begin_with(self._model or newest())

    async def _begin_with(self, path: Path) -> None:
        loaded = self._load_model(path)
        await _warm(loaded.agent)
        self._use(loaded, path)

    def _load_model(self, path: Path) -> _Loaded:
        """Rasa with the model at `path`; it shares locks and trackers with the one in use. Raises what is wrong with it."""
        if not path.is_file():
            raise ModelMissing(f"the model {path.name} does not exist")
        before = self._loaded
        trackers = before.trackers.for_another_agent() if before else _trackers(self._database, self._keeper)
        return _Loaded(_load_agent(path, trackers, before.agent.lock_store if before else None), trackers)

    def _use(self, loaded: _Loaded, path: Path) -> None:
        self._loaded = loaded
        self.readiness = Readiness(True, "ready", path.name, _language())
        logger.info("ready: model %s, spaCy pipeline %s", path.name, self.readiness.language)


async def _warm(agent: "Agent") -> None:
    """The first message loads tables and engines: better before a patient waits for it."""
    from rasa.core.channels.channel import UserMessage

    assert agent.processor is not None
    await agent.processor.parse_message(UserMessage("hej", metadata={SCREENED: True}))


async def _handle(loaded: _Loaded, conversation: str, text: str) -> Answered:
    from rasa.core.channels.channel import UserMessage

    from bot.channel import OneMessageChannel

    channel = OneMessageChannel()
    # Whoever asks here has screened the text: the detector in Rasa's pipeline lets it pass.
    screened = {SCREENED: True}
    await loaded.agent.handle_message(UserMessage(text, channel, conversation, input_channel="rest", metadata=screened))
    return Answered(tuple(channel.messages), loaded.trackers.take_ranking(conversation))


async def _forget(loaded: _Loaded, conversation: str) -> None:
    # After the message that may be in the middle of being answered, which would save its tracker again.
    async with loaded.agent.lock_store.lock(conversation):
        loaded.trackers.forget(conversation)


def _trackers(database: Database, keeper: Keeper) -> "Trackers":
    from bot.store.trackers import Trackers

    return Trackers(database, keeper)


def _load_agent(path: Path, trackers: "Trackers", locks: "Optional[LockStore]") -> "Agent":
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
        lock_store=locks or InMemoryLockStore(),
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

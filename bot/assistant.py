"""Rasa's agent inside this process, on a thread and an event loop of its own.

Importing Rasa and loading a model take seconds, and understanding a message blocks its event loop: on a thread of its
own neither keeps the server from answering, and a hanging Rasa is given up after a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, TYPE_CHECKING

from bot.models import ModelMissing, newest
from bot.understanding import SCREENED

if TYPE_CHECKING:
    from rasa.core.agent import Agent

logger = logging.getLogger(__name__)
HISTORY = 60


class NotReady(Exception):
    """The assistant cannot answer yet or at all; the message says why, for operators."""


@dataclass(frozen=True)
class Readiness:
    """Whether messages can be answered, and if not why; which model and which spaCy pipeline are in use."""

    ready: bool
    detail: str
    model: str = ""
    language: str = ""


class Assistant:
    """Answers messages with the trained model, once that is loaded."""

    def __init__(self, model: Optional[Path], reply_seconds: float):
        self._model, self._seconds = model, reply_seconds
        self._loop = asyncio.new_event_loop()
        self._agent: Optional["Agent"] = None
        self._trackers: Dict[str, Any] = {}
        self.readiness = Readiness(False, "starting")

    def start(self, after: "Optional[Future[Any]]" = None) -> None:
        """Load the model in the background once `after` is done; `readiness` says how far it is."""
        threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True).start()
        self._submit(self._load(after))

    def stop(self) -> None:
        """Let the thread end."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def answer(self, conversation: str, text: str) -> List[Dict[str, Any]]:
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
            self._agent, self._trackers = _load_agent(path)
            # The first message loads tables and engines: better before a patient waits for it.
            await self._agent.parse_message("hej")
            self.readiness = Readiness(True, "ready", path.name, _language())
            logger.info("ready: model %s, spaCy pipeline %s", path.name, self.readiness.language)
        except Exception as error:
            # Whatever is wrong with the model, the server goes on and says so.
            self.readiness = Readiness(False, f"the model cannot be used: {error or type(error).__name__}")
            logger.error("%s", self.readiness.detail)

    async def _handle(self, conversation: str, text: str) -> List[Dict[str, Any]]:
        from rasa.core.channels.channel import UserMessage

        from bot.channel import OneMessageChannel

        assert self._agent is not None
        channel = OneMessageChannel()
        # Whoever asks here has screened the text: the detector in Rasa's pipeline lets it pass.
        screened = {SCREENED: True}
        await self._agent.handle_message(UserMessage(text, channel, conversation, input_channel="rest", metadata=screened))
        return channel.messages

    async def _forget(self, conversation: str) -> None:
        self._trackers.pop(conversation, None)


def _load_agent(path: Path) -> Tuple["Agent", Dict[str, Any]]:
    """The agent of the model at `path` and its trackers by conversation; Rasa alone would swallow what is wrong with it."""
    from rasa.core.agent import Agent
    from rasa.core.lock_store import InMemoryLockStore
    from rasa.core.tracker_store import InMemoryTrackerStore
    from rasa.core.utils import AvailableEndpoints
    from rasa.shared.core.domain import Domain

    from bot.paths import ROOT

    _keep_text_out_of_the_log()
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    trackers = InMemoryTrackerStore(Domain.empty())
    trackers.max_event_history = HISTORY
    agent = Agent(
        tracker_store=trackers,
        lock_store=InMemoryLockStore(),
        action_endpoint=endpoints.action,
    )
    agent.load_model(path)
    if not agent.is_ready():
        raise ModelMissing("Rasa could not load the model")
    return agent, trackers.store


def _keep_text_out_of_the_log() -> None:
    """Rasa logs messages on its debug level, and prints that level unless told otherwise."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=False)
    logging.getLogger("rasa").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def _language() -> str:
    from bot.language import FALLBACK, pipeline_name

    name = pipeline_name()
    return f"{name} (fallback: da_core_news_sm is not installed)" if name == FALLBACK else name

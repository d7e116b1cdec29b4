"""What is in use: each worker follows the rounds that come into use and go out of it, without dropping a message."""

from __future__ import annotations

import json
import logging
import os
import threading
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from bot.assistant import Assistant
from bot.improvement.build import Build, base_of
from bot.improvement.job import Improvement
from bot.models import ModelMissing
from bot.safety.guard import Guard, loaded
from bot.settings import Settings
from bot.store.database import Unavailable

logger = logging.getLogger(__name__)
REFRESH_SECONDS = 3.0


@dataclass(frozen=True)
class Live:
    """The round in use, as far as files need to know it."""

    id: int
    base: str
    own_detector: bool


class ModelFollower:
    """Switches assistant and guard to the round in use, or back to the base: the model of the files when this worker began.

    A round counts only on the base that it started from. A copy on disk says which one it is while the database does not
    work: missed alarms that were learnt shall be caught all the same.
    """

    def __init__(self, improvement: Improvement):
        self._improvement, self._folders = improvement, improvement.folders
        self._copy = improvement.folders.root / "live.json"
        self._base = _base(improvement.settings)
        self._used = Build(self._base or Path())
        self._seen: Optional[Live] = None
        self._ended = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def open(self, database_works: bool) -> Optional[Build]:
        """What the round in use made, to begin with; None for the base."""
        try:
            self._seen = self._live() if database_works else self._copied()
        except Unavailable as failure:
            logger.error("whether an improvement is in use could not be read: %s", failure)
            self._seen = self._copied()
        build = self._made(self._seen)
        self._used = build or self._used
        return build

    def start(self, assistant: Assistant, guard: Guard, after: "Future[Any]") -> None:
        """Follow in the background once `after` is done."""
        self._thread = threading.Thread(target=self._follow, args=(assistant, guard, after), name="models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=5)

    def _follow(self, assistant: Assistant, guard: Guard, after: "Future[Any]") -> None:
        wait([after])
        while not self._ended.wait(REFRESH_SECONDS):
            try:
                self._improvement.settle()
                live = self._live()
                if live != self._seen:
                    self._switch(live, assistant, guard)
            except Unavailable:
                # The keeper says in the log that the database does not work.
                pass
            except Exception as failure:
                logger.error("the model in use stays, switching failed: %s", type(failure).__name__)

    def _switch(self, live: Optional[Live], assistant: Assistant, guard: Guard) -> None:
        """Load first, then switch. What failed is not tried again: it would fail the same way."""
        self._seen = live
        build = self._made(live) or Build(self._base or Path())
        detector = loaded(build.sources) if build.sources != self._used.sources else None
        if build.model != self._used.model:
            assistant.switch(build.model)
        if detector:
            guard.switch(detector)
        self._used = build

    def _live(self) -> Optional[Live]:
        """The round that is to be used. Raises Unavailable."""
        found = self._improvement.rounds.live()
        live = Live(found.id, found.base, found.own_detector) if found else None
        self._keep_copy(live)
        return self._on_this_base(live)

    def _on_this_base(self, live: Optional[Live]) -> Optional[Live]:
        return live if live and self._base and live.base == self._base.name else None

    def _made(self, live: Optional[Live]) -> Optional[Build]:
        found = self._folders.found(live.id, live.own_detector) if live else None
        if live and not found:
            logger.error("the files of improvement %d are missing: the model that it started from is used", live.id)
        return found

    def _keep_copy(self, live: Optional[Live]) -> None:
        if live == self._read_copy():
            return
        partial = self._copy.with_suffix(f".{os.getpid()}")
        try:
            self._copy.parent.mkdir(exist_ok=True, mode=0o700)
            partial.write_text(json.dumps(asdict(live) if live else None))
            partial.replace(self._copy)
        except OSError as failure:
            logger.error("which improvement is in use could not be written down: %s", type(failure).__name__)

    def _copied(self) -> Optional[Live]:
        return self._on_this_base(self._read_copy())

    def _read_copy(self) -> Optional[Live]:
        """What the copy says; None when it is missing or broken."""
        try:
            data = json.loads(self._copy.read_text())
            return Live(int(data["id"]), str(data["base"]), bool(data["own_detector"])) if data else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _base(settings: Settings) -> Optional[Path]:
    try:
        return base_of(settings)
    except ModelMissing:
        return None

"""Groups unanswered messages by meaning in the background, while patients go first.

A thread embeds what is new, one message at a time, and rests three times as long as each took. With several workers on one
PostgreSQL only one of them groups at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from bot.embedding import Embedding
from bot.examples import same_words
from bot.gaps import SAME_MEANING, SAME_WORDS, Axes, groups, normaliser, similarities_of_words
from bot.store.gaps import Gaps, Unanswered

logger = logging.getLogger(__name__)
EVERY, AFTER_A_FAILURE = timedelta(minutes=10), timedelta(minutes=1)
REST = 3.0
MOST_TURNS, MOST_MESSAGES = 5_000, 2_000
_KEPT_AT_ONCE = 16
# Turns that say the same, the newest first.
Message = List[Unanswered]


class Sorter:
    """Keeps the groups of unanswered messages up to date."""

    def __init__(self, gaps: Gaps, now: Callable[[], datetime]):
        self._gaps, self._now = gaps, now
        self._loaded, self._asked, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._working = self._failed = False
        self._thread = threading.Thread(target=self._run, name="sorter", daemon=True)

    def start(self, after: "Future[Any]") -> None:
        """Group in the background once `after` is done, and every ten minutes from then on; a minute after a failure."""
        after.add_done_callback(lambda done: self._loaded.set())
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        for event in (self._ended, self._loaded, self._asked):
            event.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def ask(self) -> None:
        """Group now, or as soon as all is loaded."""
        self._asked.set()

    @property
    def running(self) -> bool:
        """Whether messages are being grouped, or will be at once, here or by another worker. Raises Unavailable."""
        return self._asked.is_set() or self._working or self._gaps.claimed()

    def tend(self) -> None:
        """Group when that was asked for, is due or failed before; a failure is logged."""
        asked, self._working = self._asked.is_set(), True
        if asked:
            self._asked.clear()
        try:
            if asked or self._failed or self._is_due():
                self.sort()
            self._failed = False
        except Exception as failure:
            # Its words may hold a message.
            logger.error("unanswered messages could not be grouped: %s", type(failure).__name__)
            self._failed = True
        finally:
            self._working = False

    def sort(self) -> None:
        """Group now, unless another worker does. Raises Unavailable, Refused."""
        with self._gaps.claim() as mine:
            if mine:
                self._embed(self._messages())
            # Read again: some may have been deleted meanwhile.
            if mine and not self._ended.is_set():
                self._group(self._messages())

    def _run(self) -> None:
        self._loaded.wait()
        while not self._ended.is_set():
            self.tend()
            self._asked.wait((AFTER_A_FAILURE if self._failed else EVERY).total_seconds())

    def _is_due(self) -> bool:
        """Whether no other worker has done it a moment ago."""
        made_at = self._gaps.made_at()
        return made_at is None or self._now() - made_at > EVERY / 2

    def _messages(self) -> List[Message]:
        """The newest messages that differ."""
        same: Dict[str, Message] = {}
        for turn in self._gaps.unanswered(MOST_TURNS):
            same.setdefault(same_words(turn.said), []).append(turn)
        return list(same.values())[:MOST_MESSAGES]

    def _embed(self, messages: Sequence[Message]) -> None:
        """Embed what is new, as long as the program runs, and keep it as it is made."""
        new = [message[0] for message in messages if _vector(message) is None] if Embedding.available() else []
        for start in range(0, len(new), _KEPT_AT_ONCE):
            if not self._ended.is_set():
                self._gaps.keep({turn.turn: self._embedded(turn.said) for turn in new[start : start + _KEPT_AT_ONCE]})

    def _embedded(self, said: str) -> np.ndarray:
        begun = time.monotonic()
        vector = Embedding.shared().encode([normaliser()(said)])[0]
        self._ended.wait(REST * (time.monotonic() - begun))
        return np.asarray(vector)

    def _group(self, messages: Sequence[Message]) -> None:
        known = [message for message in messages if _vector(message) is not None] if Embedding.available() else messages
        self._gaps.write([[[turn.turn for turn in message] for message in group] for group in _grouped(known)], self._now())


def _grouped(messages: Sequence[Message]) -> List[List[Message]]:
    """Groups of one meaning, each from its most typical message on."""
    if not messages:
        return []
    if Embedding.available():
        similarities, threshold = Axes.load().similarities(np.array(list(map(_vector, messages)))), SAME_MEANING
    else:
        similarities, threshold = similarities_of_words([message[0].said for message in messages]), SAME_WORDS
    return [[messages[row] for row in rows] for rows in groups(similarities, threshold)]


def _vector(message: Message) -> Optional[np.ndarray]:
    return next((turn.vector for turn in message if turn.vector is not None), None)

"""Keeps turns whatever the database does: in the database, else in the queue on disk, written later in order and once.

While the database fails nobody waits for it: one failure closes it, and a thread of its own tries it again each second.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Callable, Deque, Optional, Tuple, TypeVar

from bot.store.backlog import Backlog, BacklogFull, Entry, Forgotten
from bot.store.database import Database, Refused, Unavailable
from bot.store.review import Rating, rate
from bot.store.transcripts import Transcripts
from bot.store.turn import Turn

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
IDLE_SECONDS = 60.0
PURGE_EVERY = timedelta(hours=1)
MOST_REMEMBERED = 2000
TURNS_REMEMBERED = 10
Result = TypeVar("Result")


@dataclass(frozen=True)
class Health:
    """Whether the database works (and what failed last), how many entries wait, how many turns were lost for good."""

    available: bool
    failure: str
    waiting: int
    lost: int


class Keeper:
    """The store as the rest of the program sees it. Its methods block: call them off the event loop."""

    def __init__(self, database: Database, backlog: Backlog, retention_days: int):
        self._database, self._backlog, self._days = database, backlog, retention_days
        self._transcripts = Transcripts(database)
        self._recent = Recent()
        self._forgotten: "OrderedDict[str, datetime]" = OrderedDict()
        self._failure, self._lost = "not opened yet", 0
        self._purged_at: Optional[datetime] = None
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._tend, name="keeper", daemon=True)

    @property
    def available(self) -> bool:
        """Whether the database works, as far as is known."""
        return not self._failure

    @property
    def health(self) -> Health:
        """How the store does."""
        return Health(self.available, self._failure, len(self._backlog), self._lost)

    def open(self) -> None:
        """Bring the database up to date, if it works. Raises DatabaseError when it must not be used."""
        try:
            self._open()
        except Unavailable as failure:
            logger.error("the database does not work (%s): turns wait in a queue on disk", failure)
            self._failure = str(failure)

    def start(self) -> None:
        """Go on tending the database, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end and close the connections."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._database.reconnect()

    def turns(self, conversation: str) -> Tuple[Turn, ...]:
        """The turns of a conversation, oldest first; while the database fails, the last ones that are remembered."""
        if self.available:
            try:
                return self._transcripts.turns(conversation)
            except Unavailable as failure:
                self._close(failure)
        return self.remembered(conversation)

    def remembered(self, conversation: str) -> Tuple[Turn, ...]:
        """The last turns of a conversation that this process remembers, oldest first. Asks no database."""
        return self._recent.of(conversation)

    def keep(self, turn: Turn) -> None:
        """Keep a turn; on disk when this returns, unless both database and queue fail (then it is counted as lost)."""
        if self._is_forgotten(turn):
            return
        self._recent.add(turn)
        if self.available:
            try:
                return self._write(turn)
            except Unavailable as failure:
                self._close(failure)
        self._queue(turn)

    def forget(self, conversation: str) -> bool:
        """Delete a conversation; False when the database will do it later only."""
        at = datetime.now(timezone.utc)
        self._remember_forgotten(conversation, at)
        self._recent.forget(conversation)
        if self._is_out_of_the_queue(conversation) and self.available:
            try:
                self._transcripts.forget(conversation, at)
                return True
            except Unavailable as failure:
                self._close(failure)
        self._queue(Forgotten(conversation, at))
        return False

    def rate(self, rating: Rating) -> Optional[bool]:
        """Keep what a visitor makes of a turn; False when there is no such turn, None while the database fails."""
        return self.guarded(lambda: rate(self._database, rating))

    def purge(self, now: datetime) -> int:
        """Delete what is older than the retention; how many turns that were. Raises Unavailable, OSError."""
        before = now - timedelta(days=self._days)
        self._recent.purge(before)
        self._backlog.purge(before)
        return self._transcripts.purge(before, self._days)

    def guarded(self, work: Callable[[], Result]) -> Optional[Result]:
        """What work on the same database gives; None when the database fails or has failed."""
        if not self.available:
            return None
        try:
            return work()
        except Unavailable as failure:
            self._close(failure)
        except Refused as failure:
            logger.error("the database refuses a row (%s)", failure)
        return None

    def _is_out_of_the_queue(self, conversation: str) -> bool:
        try:
            self._backlog.forget(conversation)
            return True
        except OSError as failure:
            logger.error("a deleted conversation could not be taken out of the queue: %s", type(failure).__name__)
            return False

    def _queue(self, entry: Entry) -> None:
        try:
            self._backlog.append(entry)
            self._wake.set()
        except BacklogFull as failure:
            self._lost += 1
            logger.error("a turn is lost, neither database nor queue could keep it: %s", failure)

    def _close(self, failure: Unavailable) -> None:
        if self.available:
            logger.error("the database does not work (%s): turns wait in a queue on disk", failure)
            self._wake.set()
        self._failure = str(failure)

    def _tend(self) -> None:
        while not self._ended.is_set():
            try:
                self._tend_once()
            except Unavailable as failure:
                self._close(failure)
            except Exception as failure:
                logger.error("tending the database failed: %s", type(failure).__name__)
            if self.available:
                self._wake.wait(IDLE_SECONDS)
            else:
                self._ended.wait(RETRY_SECONDS)
            self._wake.clear()

    def _tend_once(self) -> None:
        if not self.available:
            self._open()
        elif len(self._backlog):
            self._catch_up()
        now = datetime.now(timezone.utc)
        # Where a reader was in the way when text was deleted, it is still in the journal.
        self._database.wipe_journal()
        if self._purged_at is None or now - self._purged_at >= PURGE_EVERY:
            self.purge(now)
            self._purged_at = now

    def _open(self) -> None:
        self._database.reconnect()
        self._database.migrate()
        self._catch_up()

    def _catch_up(self) -> None:
        """Write the queue to the database and open it for all, with no turn in between."""
        while True:
            waiting = self._backlog.entries()
            for entry in waiting:
                self._write(entry)
            with self._backlog.lock:
                if waiting:
                    self._backlog.drop(waiting)
                    logger.warning("%d entries of the queue are in the database now", len(waiting))
                if not len(self._backlog):
                    self._failure = ""
                    return

    def _write(self, entry: Entry) -> None:
        try:
            if isinstance(entry, Forgotten):
                self._transcripts.forget(entry.conversation, entry.at)
            else:
                self._add(entry)
        except Refused as failure:
            logger.error("the database refuses an entry (%s); it is set aside", failure)
            self._backlog.reject(entry)

    def _add(self, turn: Turn) -> None:
        if not self._is_forgotten(turn):
            self._transcripts.add(turn)
        if self._is_forgotten(turn):
            # Deleted in this moment: what was just written goes too.
            self._transcripts.forget(turn.conversation, turn.at)

    def _remember_forgotten(self, conversation: str, at: datetime) -> None:
        self._forgotten[conversation] = at
        while len(self._forgotten) > MOST_REMEMBERED:
            self._forgotten.popitem(last=False)

    def _is_forgotten(self, turn: Turn) -> bool:
        """Whether its conversation was deleted while the turn was being answered."""
        at = self._forgotten.get(turn.conversation)
        return at is not None and turn.at <= at


class Recent:
    """The last turns of the latest conversations, for when the database cannot be read."""

    def __init__(self) -> None:
        self._turns: "OrderedDict[str, Deque[Turn]]" = OrderedDict()
        self._lock = threading.Lock()

    def add(self, turn: Turn) -> None:
        """Remember a turn."""
        with self._lock:
            self._turns.setdefault(turn.conversation, Deque(maxlen=TURNS_REMEMBERED)).append(turn)
            self._turns.move_to_end(turn.conversation)
            while len(self._turns) > MOST_REMEMBERED:
                self._turns.popitem(last=False)

    def of(self, conversation: str) -> Tuple[Turn, ...]:
        """The remembered turns of a conversation, oldest first."""
        with self._lock:
            return tuple(self._turns.get(conversation, ()))

    def purge(self, before: datetime) -> None:
        """Drop what is older than a time."""
        with self._lock:
            for conversation, turns in list(self._turns.items()):
                while turns and turns[0].at < before:
                    turns.popleft()
                if not turns:
                    del self._turns[conversation]

    def forget(self, conversation: str) -> None:
        """Drop a conversation."""
        with self._lock:
            self._turns.pop(conversation, None)

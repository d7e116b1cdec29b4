"""The queue on disk of what could not be written to the database, in order, one JSON line each.

A file of lines rather than a second database: it needs nothing that fails together with the database, a torn last line
costs only itself, and a conversation can be taken out of it. On a full disk a reserve made beforehand gives it room.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Union

from bot.store.turn import Turn, turn_of

logger = logging.getLogger(__name__)
MOST_BYTES = 64 * 1024 * 1024
RESERVE_BYTES = 16 * 1024 * 1024


class BacklogFull(Exception):
    """The queue holds as much as it may, or the disk has no room even for it."""


@dataclass(frozen=True)
class Forgotten:
    """A conversation that was deleted at a time, to be deleted in the database too."""

    conversation: str
    at: datetime


Entry = Union[Turn, Forgotten]


class Backlog:
    """Entries in the file `path`; safe between threads. One process writes it."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES):
        self._path, self._most = path, most_bytes
        self._rejected = path.with_suffix(".rejected.jsonl")
        self._reserve = path.with_suffix(".reserve")
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._end_last_line()
        self._length = len(self.entries())
        self._make_reserve()

    def __len__(self) -> int:
        return self._length

    @property
    def lock(self) -> "threading.RLock":
        """Held by whoever empties the queue while the last entry is written."""
        return self._lock

    def append(self, entry: Entry) -> None:
        """Keep an entry; on disk when this returns. Raises BacklogFull."""
        line = (json.dumps(_as_data(entry), ensure_ascii=False) + "\n").encode()
        with self._lock:
            if self._size() + len(line) > self._most:
                raise BacklogFull("the queue is full")
            try:
                self._write(line)
            except OSError:
                self._write_into_reserve(line)
            self._length += 1

    def entries(self) -> List[Entry]:
        """All entries, oldest first. A line that was not written to its end is left out."""
        with self._lock:
            return _read(self._path)

    def drop(self, written: Sequence[Entry]) -> None:
        """Take out entries that are in the database now."""
        done = {_key(entry) for entry in written}
        with self._lock:
            self._replace([entry for entry in self.entries() if _key(entry) not in done])
            if not self._length:
                self._make_reserve()

    def forget(self, conversation: str) -> None:
        """Take out the turns of a conversation, those set aside included. Raises OSError."""
        with self._lock:
            self._replace([entry for entry in self.entries() if entry.conversation != conversation])
            self._keep_rejected(lambda entry: entry.conversation != conversation)

    def purge(self, before: datetime) -> None:
        """Delete what was set aside and is older than a time. Raises OSError."""
        with self._lock:
            self._keep_rejected(lambda entry: entry.at >= before)

    def reject(self, entry: Entry) -> None:
        """Set aside an entry that the database will never take, so that it does not hold up the others."""
        with self._lock, self._rejected.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_as_data(entry), ensure_ascii=False) + "\n")

    def _keep_rejected(self, wanted: Callable[[Entry], bool]) -> None:
        if self._rejected.exists():
            _write_all(self._rejected, [entry for entry in _read(self._rejected) if wanted(entry)])

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _write(self, line: bytes) -> None:
        before = self._size()
        with self._path.open("ab", buffering=0) as file:
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, "written in part")
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), before)
                raise

    def _write_into_reserve(self, line: bytes) -> None:
        try:
            self._reserve.unlink(missing_ok=True)
            self._write(line)
        except OSError as error:
            raise BacklogFull(f"the queue cannot be written: {type(error).__name__}")

    def _end_last_line(self) -> None:
        """After a crash in the middle of a line: the next entry shall not be glued to it."""
        if self._size() and not self._path.read_bytes().endswith(b"\n"):
            self._write(b"\n")

    def _replace(self, entries: List[Entry]) -> None:
        _write_all(self._path, entries)
        self._length = len(entries)

    def _make_reserve(self) -> None:
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError as error:
            logger.error("no room on disk is kept in reserve for the queue: %s", type(error).__name__)


def _read(path: Path) -> List[Entry]:
    """The entries of a file; a line that is not whole is left out."""
    entries = []
    for line in filter(None, path.read_bytes().splitlines() if path.exists() else []):
        try:
            entries.append(_entry_of(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            logger.error("a line of the queue is not whole and is left out")
    return entries


def _write_all(path: Path, entries: Sequence[Entry]) -> None:
    """Replace a file in one step."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_as_data(entry), ensure_ascii=False) + "\n" for entry in entries)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _key(entry: Entry) -> str:
    return entry.id if isinstance(entry, Turn) else f"{entry.conversation} {entry.at.isoformat()}"


def _as_data(entry: Entry) -> Dict[str, Any]:
    if isinstance(entry, Turn):
        return {"turn": entry.as_data()}
    return {"forgotten": {"conversation": entry.conversation, "at": entry.at.isoformat()}}


def _entry_of(data: Mapping[str, Any]) -> Entry:
    if "turn" in data:
        return turn_of(data["turn"])
    forgotten = data["forgotten"]
    return Forgotten(forgotten["conversation"], datetime.fromisoformat(forgotten["at"]))

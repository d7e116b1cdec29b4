"""Databases for tests: a fresh SQLite file, a fresh database on a real PostgreSQL server, and a line to it that breaks."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bot.store.patience import patiently
from bot.store.turn import Screening, Turn

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def turn(said: str = "hvad er lob", conversation: str = "a", minutes: int = 0, **values: Any) -> Turn:
    """A turn, so many minutes after NOW."""
    reply = {"text": "LOB er et hold.", "buttons": [], "custom": {"status": "answered", "answer_id": "lob.hvad", "topic": "lob", "version": 1}}
    return Turn(conversation, NOW + timedelta(minutes=minutes), said, (reply,), **values)


def alarm(said: str = "jeg kan ikke få vejret", **values: Any) -> Turn:
    """A turn with a card."""
    card: Dict[str, Any] = {"text": "Ring 112 nu.", "buttons": [], "custom": {"status": "red_flag", "topic": "akut"}}
    found = {"flag": "akut.aandenoed", "level": "112", "part": "pattern", "words": ["vejret"], "softened_by": ""}
    return Turn("a", NOW, said, (card,), screening=Screening("akut.aandenoed", "112", None, 0.9, (found,)), **values)


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a database of its own; skips where no server answers, fails where one is promised."""
    name = f"smertebot_{uuid4().hex[:12]}"
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        with patiently(), server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except Exception:
        if os.environ.get("DATABASE_TESTS") == "required":
            raise
        pytest.skip("no PostgreSQL server answers")
    yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with patiently(), server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@dataclass
class Line:
    """A line to a server that can be cut, and held so that nothing passes."""

    target: int
    port: int = 0
    _open: List[socket.socket] = field(default_factory=list)
    _passes: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> None:
        """Listen and pass everything on."""
        self._passes.set()
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._open.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Close it: new connections are refused, those that were open end."""
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self._open.clear()

    def hold(self) -> None:
        """Let nothing pass, as a server that hangs."""
        self._passes.clear()

    def release(self) -> None:
        """Let everything pass again."""
        self._passes.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._passes.wait()
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def everything_in(folder: Path) -> bytes:
    """All bytes of all files below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

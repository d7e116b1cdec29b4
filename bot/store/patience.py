"""How long a statement on PostgreSQL may take, measured here: a server that hangs does not keep its own time limits."""

from __future__ import annotations

import select
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Iterator

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE, set_wait_callback

STATEMENT_SECONDS = 1.5
LONG_SECONDS = 600.0
_seconds: ContextVar[float] = ContextVar("seconds", default=STATEMENT_SECONDS)


@contextmanager
def patiently(seconds: float = LONG_SECONDS) -> Iterator[None]:
    """For statements that read or change very much."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def install() -> None:
    """Make every connection of psycopg2 in this process wait no longer (its "wait callback")."""
    set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    """Until the server has answered. Raises psycopg2.OperationalError when that takes too long."""
    until = time.monotonic() + _seconds.get()
    while (state := connection.poll()) != POLL_OK:
        reads = [connection] if state == POLL_READ else []
        writes = [connection] if state == POLL_WRITE else []
        if not any(select.select(reads, writes, [], max(0.0, until - time.monotonic()))):
            raise psycopg2.OperationalError("the server does not answer")

"""Sessions of staff in the database: a store for starsessions that knows whose session is whose.

The database holds the hash of what the browser holds. A session begins here and ends here: saving one that has ended in
the meantime, by a request that was still under way, does not bring it back.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Callable, Mapping, Optional, Tuple

from sqlalchemy import and_, delete, select
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool
from starsessions import SessionStore, generate_session_id

from bot.store.audit import note
from bot.store.database import Database, Unavailable
from bot.store.tables import sessions

logger = logging.getLogger(__name__)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
# The key in a session's data that says whose it is.
ACCOUNT = "person"


@dataclass(frozen=True)
class Session:
    """A session of somebody who is signed in; `key` is the hash of its id, `data` what its pages keep."""

    key: str
    data: Mapping[str, Any]
    began_at: datetime
    expires_at: datetime

    @property
    def last_at(self) -> datetime:
        """When it was last used."""
        return self.expires_at - IDLE


class Sessions(SessionStore):
    """The sessions in a database. Its methods that are no coroutines block and raise Unavailable."""

    def __init__(self, database: Database, now: Callable[[], datetime]):
        self.database, self.now = database, now

    async def read(self, session_id: str, lifetime: int) -> bytes:
        """The data of a session that lasts; nothing for any other. Raises Unavailable."""
        return await run_in_threadpool(self._read, session_id)

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        """Keep the data of a session for as long as it may be idle; the id of a new one is always made here.

        A failing database is logged only: the page is made by then, and at worst somebody has to sign in again.
        """
        try:
            return await run_in_threadpool(self._write, session_id, data.decode())
        except Unavailable as failure:
            logger.error("a session could not be kept: %s", failure)
            return session_id

    async def remove(self, session_id: str) -> None:
        """Nothing: a session that has become empty was ended where it did, or holds nothing and runs out."""

    def begin(self, session_id: str, account: str) -> None:
        """Somebody has signed in: a session of their own, empty so far."""
        with self.database.writing() as connection:
            self._insert(connection, session_id, account, "{}")

    def end(self, session_id: Optional[str]) -> None:
        """Delete a session, if there is one."""
        with self.database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.id == key_of(session_id or "")))

    def of(self, account: str) -> Tuple[Session, ...]:
        """The sessions of an account that last, the latest first."""
        wanted = select(sessions).where(sessions.c.account == account, self._lasts())
        with self.database.reading() as connection:
            rows = connection.execute(wanted.order_by(sessions.c.began_at.desc())).all()
        return tuple(Session(row.id, json.loads(row.data), row.began_at, row.expires_at) for row in rows)

    def end_others(self, account: str, keep: Optional[str]) -> int:
        """Delete the sessions of an account but the one with the id `keep`, with a line in the audit log; how many these were."""
        with self.database.writing() as connection:
            ended = end_sessions(connection, account, keep)
            note(connection, account, "other sessions ended", {"sessions_ended": ended}, account)
        return ended

    def _read(self, session_id: str) -> bytes:
        with self.database.reading() as connection:
            found = connection.execute(select(sessions.c.data).where(sessions.c.id == key_of(session_id), self._lasts())).scalar()
        return (found or "").encode()

    def _write(self, session_id: str, data: str) -> str:
        with self.database.writing() as connection:
            kept = sessions.update().where(sessions.c.id == key_of(session_id), self._lasts())
            if connection.execute(kept.values(data=data, expires_at=self.now() + IDLE)).rowcount or ACCOUNT in json.loads(data):
                return session_id
            new = generate_session_id()
            self._insert(connection, new, None, data)
        return new

    def _insert(self, connection: Connection, session_id: str, account: Optional[str], data: str) -> None:
        now = self.now()
        connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
        row = {"id": key_of(session_id), "account": account, "data": data, "began_at": now, "expires_at": now + IDLE}
        connection.execute(sessions.insert(), [row])

    def _lasts(self) -> Any:
        now = self.now()
        return and_(sessions.c.expires_at > now, sessions.c.began_at > now - LONGEST)


def end_sessions(connection: Connection, account: str, keep: Optional[str] = None) -> int:
    """Delete the sessions of an account but the one with the id `keep`; how many these were."""
    others = sessions.c.id != key_of(keep or "")
    return int(connection.execute(delete(sessions).where(sessions.c.account == account, others)).rowcount)


def key_of(session_id: str) -> str:
    """What the database holds of a session's id."""
    return hashlib.sha256(session_id.encode()).hexdigest()

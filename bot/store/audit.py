"""The audit log: who did what, and when. It is added to and read; the database refuses everything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from bot.store.database import Database
from bot.store.period import HERE, Period
from bot.store.tables import audit

COLUMNS = ("id", "at", "actor", "action", "subject", "detail")
_AT_ONCE = 500


@dataclass(frozen=True)
class Line:
    """What somebody did: `action` is a verb phrase in English, `subject` what it was done to, `detail` never a text."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]

    def as_row(self) -> Dict[str, Any]:
        """The line as it is exported, its time in Denmark."""
        return {**vars(self), "at": self.at.astimezone(HERE).isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Search:
    """Which lines: of a person, of an action, on a subject, from a first to a last day (in Denmark)."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    first: Optional[date] = None
    last: Optional[date] = None

    def narrow(self, query: Select) -> Select:
        """The query on the log, narrowed."""
        for column, wanted in ((audit.c.actor, self.actor), (audit.c.action, self.action), (audit.c.subject, self.subject)):
            if wanted:
                query = query.where(column == wanted)
        return query.where(*Period(self.first, self.last).holds(audit.c.at))


def note(connection: Connection, actor: str, action: str, detail: Mapping[str, Any], subject: str = "") -> None:
    """A line in the audit log, now."""
    line = {"at": datetime.now(timezone.utc), "actor": actor, "action": action, "subject": subject, "detail": dict(detail)}
    connection.execute(audit.insert(), [line])


def lines(database: Database, chosen: Search, most: int, before: Optional[int] = None) -> Tuple[Line, ...]:
    """The newest lines, newest first; only those older than the line `before`. Raises Unavailable."""
    query = chosen.narrow(select(audit))
    if before is not None:
        query = query.where(audit.c.id < before)
    return _read(database, query.order_by(audit.c.id.desc()).limit(most))


def every_line(database: Database, chosen: Search) -> Iterator[Line]:
    """All lines, oldest first, read as they are needed; in between nothing is held open. Raises Unavailable."""
    after = 0
    while found := _read(database, chosen.narrow(select(audit)).where(audit.c.id > after).order_by(audit.c.id).limit(_AT_ONCE)):
        yield from found
        after = found[-1].id


def _read(database: Database, query: Select) -> Tuple[Line, ...]:
    with database.reading() as connection:
        return tuple(Line(**row) for row in connection.execute(query).mappings())

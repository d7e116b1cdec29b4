"""The connection to SQLite or PostgreSQL: how long a statement may wait, what a failure is, and the migrations."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import QueuePool

from bot.store import patience

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_SECONDS = 1
_WIPES, _BETWEEN_WIPES_SECONDS = 10, 0.02
# Any number that other programs on the same PostgreSQL server are unlikely to lock.
_MIGRATION_LOCK = 5_651_2860
_WRITES = "writes"
_OPTIONS: Dict[str, Any] = {
    "future": True,
    "hide_parameters": True,
    "pool_size": 5,
    "pool_timeout": WAIT_SECONDS,
    "json_serializer": partial(json.dumps, ensure_ascii=False),
}
_POSTGRESQL = {
    "connect_timeout": 2,
    "options": f"-c lock_timeout={WAIT_SECONDS * 1000} -c timezone=UTC",
}


class DatabaseError(Exception):
    """The database cannot be used as it is configured; the message says why and names no text of a patient."""


class Unavailable(Exception):
    """The database does not work just now: gone, locked, full, read-only. Holds the type of the failure."""


class Refused(Exception):
    """The database works, and will never take this. Holds the type of the failure."""


def is_sqlite(connection: Connection) -> bool:
    """Whether statements are SQLite's own where the two kinds differ; else PostgreSQL's."""
    return bool(connection.dialect.name == "sqlite")


class Database:
    """One database, of one of the two kinds."""

    def __init__(self, url: str):
        self.url = _checked(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; all of it is kept, or nothing. Raises Unavailable, Refused."""
        with _failures_named():
            with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads. Raises Unavailable."""
        with _failures_named(), self.engine.connect() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the tables to the newest version; keeps every row. Raises Unavailable, DatabaseError."""
        from alembic import command
        from alembic.util.exc import CommandError

        if self.is_sqlite and self.url.database:
            with _failures_named():
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A server that hangs shall be told from one that has much to migrate, before we wait long.
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))
        try:
            with patience.patiently(), self.writing() as connection:
                if not self.is_sqlite:
                    # Several workers may start at once; the second waits for the first.
                    connection.execute(text("SET LOCAL lock_timeout = 0"))
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                command.upgrade(_alembic(connection), "head")
        except CommandError as error:
            raise DatabaseError(f"the database was made by a newer version of this program ({error})")

    def reconnect(self) -> None:
        """Forget all connections, so that the next one is new."""
        self.engine.dispose()

    def wipe_journal(self) -> bool:
        """Take deleted text out of SQLite's write-ahead log too; whether that succeeded. Raises Unavailable."""
        if not self.is_sqlite:
            return True
        with _failures_named(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            # A wipe that waits for readers keeps all writers waiting, too: better try again a moment later.
            cursor.execute("PRAGMA busy_timeout = 0")
            try:
                return any(_wiped(cursor) for _ in range(_WIPES))
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")


def _wiped(cursor: Any) -> bool:
    busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        time.sleep(_BETWEEN_WIPES_SECONDS)
    return not busy


def _checked(url: str) -> URL:
    try:
        checked = make_url(url)
        kind = checked.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        raise DatabaseError("DATABASE_URL is not a database address such as sqlite:////path or postgresql://user@host/name")
    if kind not in ("sqlite", "postgresql"):
        raise DatabaseError(f"DATABASE_URL names {kind}; sqlite and postgresql are possible")
    if kind == "sqlite" and not checked.database:
        raise DatabaseError("DATABASE_URL names no file")
    return checked


def _alembic(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _failures_named() -> Iterator[None]:
    """Errors of the driver hold statements, sometimes with the text of a patient: only their type goes on."""
    try:
        yield
    except (IntegrityError, DataError) as failure:
        raise Refused(type(failure.orig).__name__) from None
    except DBAPIError as failure:
        raise Unavailable(type(failure.orig).__name__) from None
    except StatementError as failure:
        # Nothing was sent: a value is of no kind that a column takes.
        raise Refused(type(failure.orig).__name__) from None
    except (SQLAlchemyError, OSError) as failure:
        raise Unavailable(type(failure).__name__) from None


def _postgresql(url: URL) -> Engine:
    patience.install()
    return create_engine(url, **_OPTIONS, pool_pre_ping=True, connect_args=_POSTGRESQL)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, **_OPTIONS, poolclass=QueuePool, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        # SQLAlchemy begins transactions, not the driver: otherwise tables would change outside of them.
        connection.isolation_level = None
        # temp_store: large sorts would else write text to files that nobody wipes.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        record.info["file"] = _file_id(url)

    @event.listens_for(engine, "checkout")
    def still_there(connection: sqlite3.Connection, record: Any, proxy: Any) -> None:
        # A connection to a deleted file goes on writing into nowhere.
        if record.info.get("file") != _file_id(url):
            raise DisconnectionError("the file is another one")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _file_id(url: URL) -> Optional[int]:
    try:
        return Path(str(url.database)).stat().st_ino
    except OSError:
        return None

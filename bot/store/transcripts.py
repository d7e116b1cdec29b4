"""Turns in the database: kept in one transaction, read, forgotten, purged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from sqlalchemy import case, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.schema import Table

from bot.store.audit import note
from bot.store.concern import concern_of
from bot.store.database import Database, is_sqlite
from bot.store.patience import patiently
from bot.store.tables import conversations, messages, replies, trackers, turns
from bot.store.turn import TEXT, Screening, Turn

VISITOR, JOB = "visitor", "retention"


class Transcripts:
    """The transcripts in a database. Every method raises Unavailable when the database does not work."""

    def __init__(self, database: Database):
        self.database = database

    def add(self, turn: Turn) -> None:
        """Keep a turn, once: adding the same turn again changes nothing."""
        with self.database.writing() as connection:
            _insert(connection, conversations, [{"id": turn.conversation, "started_at": turn.at, "last_at": turn.at}])
            if not _insert(connection, turns, [_row(turn)]):
                return
            bodies = [(_hash(body), body) for body in turn.replies]
            _insert(connection, replies, [{"hash": hash, "body": body} for hash, body in dict(bodies).items()])
            _insert(connection, messages, [_message(turn, position, *said) for position, said in enumerate(bodies)])
            connection.execute(_conversation_after(turn))

    def turns(self, conversation: str, most: int = 200) -> Tuple[Turn, ...]:
        """The last turns of a conversation, oldest first; none for an unknown one."""
        latest = select(turns).where(turns.c.conversation_id == conversation)
        with self.database.reading() as connection:
            rows = connection.execute(latest.order_by(turns.c.at.desc(), turns.c.id).limit(most)).mappings().all()
            bodies = _bodies(connection, [row["id"] for row in rows])
        return tuple(_turn(row, bodies.get(row["id"], ())) for row in reversed(rows))

    def turn(self, id: str) -> Optional[Turn]:
        """One turn; None for an unknown one."""
        with self.database.reading() as connection:
            row = connection.execute(select(turns).where(turns.c.id == id)).mappings().first()
            return row and _turn(row, _bodies(connection, [id]).get(id, ()))

    def forget(self, conversation: str, at: datetime) -> int:
        """Delete all of a conversation that was there at a time, Rasa's part included; how many turns that were."""
        with self.database.writing() as connection:
            gone = _delete_turns(connection, turns.c.conversation_id == conversation, turns.c.at <= at)
            connection.execute(delete(trackers).where(trackers.c.conversation_id == conversation, trackers.c.at <= at))
            _delete_empty_conversations(connection, conversations.c.id == conversation)
            if gone:
                _wipe_index(connection)
                note(connection, VISITOR, "conversation deleted", {"turns": gone})
        self.database.wipe_journal()
        return gone

    def purge(self, before: datetime, days: int) -> int:
        """Delete what is older than a time, with a line in the audit log; how many turns that were."""
        with patiently(), self.database.writing() as connection:
            gone = _delete_turns(connection, turns.c.at < before)
            gone_trackers = connection.execute(delete(trackers).where(trackers.c.at < before)).rowcount
            _delete_empty_conversations(connection, conversations.c.last_at < before)
            if gone:
                _wipe_index(connection)
                _count_again(connection, conversations.c.started_at < before)
            if gone or gone_trackers:
                note(connection, JOB, "purge", {"turns": gone, "trackers": gone_trackers, "days": days})
        self.database.wipe_journal()
        return gone


def _conversation_after(turn: Turn) -> Any:
    """The conversation is longer, perhaps of more concern, and no longer reviewed."""
    known, concern = conversations.c, int(concern_of(turn))
    return (
        conversations.update()
        .where(known.id == turn.conversation)
        .values(
            last_at=case((known.last_at < turn.at, turn.at), else_=known.last_at),
            length=known.length + 1,
            concern=case((known.concern < concern, concern), else_=known.concern),
            reviewed_at=None,
        )
    )


def _wipe_index(connection: Connection) -> None:
    """Take the words of deleted turns out of SQLite's text index, which else only marks them as deleted."""
    if is_sqlite(connection):
        connection.execute(text("INSERT INTO search (search) VALUES ('optimize')"))


def _count_again(connection: Connection, condition: Any) -> None:
    count = select(func.count()).where(turns.c.conversation_id == conversations.c.id).scalar_subquery()
    connection.execute(conversations.update().where(condition).values(length=count))


def _delete_turns(connection: Connection, *conditions: Any) -> int:
    return int(connection.execute(delete(turns).where(*conditions)).rowcount)


def _delete_empty_conversations(connection: Connection, condition: Any) -> None:
    without_turns = ~select(turns.c.id).where(turns.c.conversation_id == conversations.c.id).exists()
    connection.execute(delete(conversations).where(condition, without_turns))


def _insert(connection: Connection, table: Table, rows: List[Dict[str, Any]]) -> bool:
    """Insert what is not there yet; of a single row, whether it was new."""
    dialect: Any = sqlite if is_sqlite(connection) else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing()
    return bool(connection.execute(statement, rows[0] if len(rows) == 1 else rows).rowcount)


def _row(turn: Turn) -> Dict[str, Any]:
    screening = asdict(turn.screening)
    return {
        "id": turn.id,
        "conversation_id": turn.conversation,
        "at": turn.at,
        "said": turn.said,
        "kind": turn.kind,
        "removed": list(turn.removed),
        "language": turn.language,
        "status": turn.status,
        "ranking": [list(guess) for guess in turn.ranking],
        "flag": screening.pop("flag"),
        "level": screening.pop("level"),
        "notice": screening.pop("notice"),
        "verdict": screening,
        "seconds": turn.seconds,
        "model": turn.model,
        "content": turn.content,
        "confidence": turn.ranking[0][1] if turn.ranking and turn.kind == TEXT else None,
        "concern": int(concern_of(turn)),
    }


def _message(turn: Turn, position: int, hash: str, body: Mapping[str, Any]) -> Dict[str, Any]:
    custom = body["custom"]
    return {
        "turn_id": turn.id,
        "position": position,
        "status": custom["status"],
        "answer_id": custom.get("answer_id"),
        "topic": custom.get("topic"),
        "version": custom.get("version"),
        "reply_hash": hash,
        "at": turn.at,
    }


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _bodies(connection: Connection, ids: Iterable[str]) -> Dict[str, Tuple[Dict[str, Any], ...]]:
    rows = connection.execute(
        select(messages.c.turn_id, replies.c.body)
        .join(replies, replies.c.hash == messages.c.reply_hash)
        .where(messages.c.turn_id.in_(list(ids)))
        .order_by(messages.c.turn_id, messages.c.position)
    )
    found: Dict[str, Tuple[Dict[str, Any], ...]] = {}
    for turn_id, body in rows:
        found[turn_id] = (*found.get(turn_id, ()), body)
    return found


def _turn(row: Mapping[str, Any], bodies: Tuple[Dict[str, Any], ...]) -> Turn:
    verdict = row["verdict"]
    return Turn(
        id=row["id"],
        conversation=row["conversation_id"],
        at=row["at"],
        said=row["said"],
        replies=bodies,
        kind=row["kind"],
        removed=tuple(row["removed"]),
        language=row["language"],
        ranking=tuple((intent, confidence) for intent, confidence in row["ranking"]),
        screening=Screening(row["flag"], row["level"], row["notice"], verdict["probability"], tuple(verdict["findings"])),
        seconds=row["seconds"],
        model=row["model"],
        content=row["content"],
    )

"""The tables, as the newest migration leaves them. All times are UTC.

Everything about a conversation hangs on its row and goes with it. The messages that patients were given are curated
texts and the same for many patients: each is kept once, under the hash of its body.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Optional

from sqlalchemy import JSON, Column, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

ID, NAME = 64, 100
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator):  # type: ignore[type-arg]
    """A time with its zone; SQLite alone would forget that it is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
        """To UTC. Raises ValueError for a time without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(timezone.utc)

    def process_result_value(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
        """As UTC."""
        return value and (value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc))


def _of_conversation() -> Column:  # type: ignore[type-arg]
    return Column("conversation_id", String(ID), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False)


def _of_turn(**options: Any) -> Column:  # type: ignore[type-arg]
    return Column("turn_id", String(ID), ForeignKey("turns.id", ondelete="CASCADE"), nullable=False, **options)


conversations = Table(
    "conversations",
    metadata,
    Column("id", String(ID), primary_key=True, doc="keyed hash of what the visitor's browser holds"),
    Column("started_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Index(None, "last_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", String(ID), primary_key=True),
    _of_conversation(),
    Column("at", Moment, nullable=False, doc="when the message came"),
    Column("said", Text, nullable=False, doc="the message, de-identified; of a button its title"),
    Column("kind", String(NAME), nullable=False, doc="text or button"),
    Column("removed", JSON, nullable=False, doc="kinds of personal data that were removed, one an occurrence"),
    Column("language", String(NAME), nullable=False),
    Column("status", String(NAME), nullable=False, doc="of the first message of the reply"),
    Column("ranking", JSON, nullable=False, doc="[[intent, confidence], …], likeliest first"),
    Column("flag", String(NAME), doc="red flag of the alarm"),
    Column("level", String(NAME), doc="level of the alarm"),
    Column("notice", String(NAME), doc="red flag of a quiet notice"),
    Column("verdict", JSON, nullable=False, doc="findings with words, and the classifier's probability"),
    Column("seconds", Float, nullable=False, doc="from message to reply"),
    Column("model", String(NAME), nullable=False, doc="Rasa model"),
    Column("content", String(NAME), nullable=False, doc="version of content/ as a whole"),
    Index(None, "conversation_id", "at"),
    Index(None, "at"),
    Index(None, "status", "at"),
    Index(None, "flag", "at"),
)

replies = Table(
    "replies",
    metadata,
    Column("hash", String(ID), primary_key=True, doc="SHA-256 of the body"),
    Column("body", JSON, nullable=False, doc="text, buttons and custom, as the visitor saw them"),
)

messages = Table(
    "messages",
    metadata,
    _of_turn(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("status", String(NAME), nullable=False),
    Column("answer_id", String(NAME)),
    Column("topic", String(NAME)),
    Column("version", Integer, doc="content version of the answer"),
    Column("reply_hash", String(ID), ForeignKey("replies.hash"), nullable=False),
    Index(None, "answer_id"),
    Index(None, "topic"),
)

trackers = Table(
    "trackers",
    metadata,
    Column("conversation_id", String(ID), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("dialogue", Text, nullable=False, doc="Rasa's last events of the conversation, as JSON"),
    Index(None, "at"),
)

feedback = Table(
    "feedback",
    metadata,
    _of_turn(primary_key=True),
    Column("at", Moment, nullable=False),
    Column("helpful", Integer, nullable=False, doc="1 thumbs up, 0 down"),
    Column("reason", Text, nullable=False, doc="de-identified"),
)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    _of_turn(),
    Column("kind", String(NAME), nullable=False),
    Column("value", String(NAME), nullable=False),
    Column("reviewer", String(NAME), nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "turn_id"),
)

tags = Table(
    "tags",
    metadata,
    Column("conversation_id", String(ID), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(NAME), primary_key=True),
    Column("reviewer", String(NAME), nullable=False),
    Column("at", Moment, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    _of_conversation(),
    Column("text", Text, nullable=False),
    Column("reviewer", String(NAME), nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "conversation_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(NAME), nullable=False, doc="a reviewer's name, visitor, or the job"),
    Column("action", String(NAME), nullable=False),
    Column("detail", JSON, nullable=False, doc="counts and names of settings; never text or an id of a conversation"),
    Index(None, "at"),
)

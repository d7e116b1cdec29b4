"""The tables, as the newest migration leaves them. All times are UTC.

Everything about a conversation hangs on its row and goes with it. The messages that patients were given are curated
texts and the same for many patients: each is kept once, under the hash of its body.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Optional

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

ID, NAME = 64, 100
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
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
    Column("length", Integer, nullable=False, server_default="0", doc="how many turns"),
    Column("concern", Integer, nullable=False, server_default="0", doc="the highest of its turns, see bot.store.concern"),
    Column("flagged", Integer, nullable=False, server_default="0", doc="1 when a reviewer flagged it"),
    Column("reviewed_at", Moment, doc="when it was last marked as reviewed; empty again after a new turn"),
    Column("reviewer", String(NAME), doc="who marked it"),
    Index(None, "last_at"),
    Index(None, "reviewed_at", "concern", "last_at"),
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
    Column("confidence", Float, doc="of the likeliest intent; empty where nothing was read"),
    Column("concern", Integer, nullable=False, server_default="0", doc="see bot.store.concern"),
    Index(None, "conversation_id", "at"),
    Index(None, "at"),
    Index(None, "status", "at"),
    Index(None, "flag", "at"),
    Index(None, "concern", "at"),
    Index(None, "language", "at"),
    Index(None, "confidence"),
    Index(None, "seconds", "at"),
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
    Column("at", Moment, doc="that of its turn: answers of a period are counted without looking each turn up"),
    Index(None, "answer_id", "at", "turn_id"),
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
    Column("kind", String(NAME), nullable=False, doc="see bot.store.review.Verdict"),
    Column("value", String(NAME), nullable=False, doc="id of the right answer or of the red flag; else empty"),
    Column("reviewer", String(NAME), nullable=False),
    Column("at", Moment, nullable=False),
    Column("phrase", Text, nullable=False, server_default="", doc="what is learnt from: the message, or a part of it"),
    Column("taken", Integer, nullable=False, server_default="0", doc="1 when it has become a phrase"),
    UniqueConstraint("turn_id"),
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
    Column("actor", String(NAME), nullable=False, doc="a member of staff, visitor, or the job"),
    Column("action", String(NAME), nullable=False),
    Column("subject", String(NAME), nullable=False, server_default="", doc="key of a conversation, id of a text, account …"),
    Column("detail", JSON, nullable=False, doc="counts, states, names of fields; never what a patient wrote"),
    Index(None, "at"),
    Index(None, "actor", "at"),
)

staff = Table(
    "staff",
    metadata,
    Column("name", String(NAME), primary_key=True),
    Column("role", String(NAME), nullable=False),
    Column("password", Text, doc="Argon2 hash; empty for those who sign in elsewhere"),
    Column("subject", String(ID), doc="SHA-256 of issuer and subject of OpenID Connect", unique=True),
    Column("active", Integer, nullable=False),
    Column("failures", Integer, nullable=False, doc="failed sign-ins since the last good one"),
    Column("locked_until", Moment),
    Column("created_at", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(ID), primary_key=True, doc="SHA-256 of what the browser holds"),
    Column("account", String(NAME), doc="who is signed in; empty before that"),
    Column("data", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, doc="grows with each request"),
    Index(None, "account"),
    Index(None, "expires_at"),
)

saved_filters = Table(
    "saved_filters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("owner", String(NAME), nullable=False),
    Column("name", String(NAME), nullable=False),
    Column("query", Text, nullable=False, doc="the query part of the inbox's URL"),
    UniqueConstraint("owner", "name"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(NAME), nullable=False, doc="answer, card, level, phrase or contact"),
    Column("text_id", String(NAME), nullable=False),
    Column("state", String(NAME), nullable=False, doc="draft, submitted, published, rejected or dropped"),
    Column("fields", JSON, nullable=False, doc="what can be edited, as in content/, placeholders unfilled"),
    Column("base_version", Integer, nullable=False, doc="the version that it changes"),
    Column("version", Integer, doc="its own, once published"),
    Column("stamp", Integer, nullable=False, doc="grows with each saving, so that nobody overwrites unseen changes"),
    Column("authors", JSON, nullable=False, doc="all who wrote in it; none of them may approve it"),
    Column("approver", String(NAME)),
    Column("comment", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Index(None, "kind", "text_id", "state"),
)

phrases = Table(
    "phrases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(NAME), nullable=False, doc="as in labels"),
    Column("value", String(NAME), nullable=False),
    Column("text", Text, nullable=False, doc="de-identified; nothing leads back to its conversation"),
    Column("reviewer", String(NAME), nullable=False),
    Column("at", Moment, nullable=False),
    Column("held_out", Integer, nullable=False, doc="1 when it only measures and is never learnt"),
    Column("dropped", Integer, nullable=False, server_default="0", doc="1 when a reviewer took it out again"),
    UniqueConstraint("text"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("reviewer", String(NAME), nullable=False),
    Column("state", String(NAME), nullable=False, doc="see bot.improvement.rounds.State"),
    Column("step", String(NAME), nullable=False, doc="what is being done now"),
    Column("done", Float, nullable=False, doc="0 to 1"),
    Column("base", String(NAME), nullable=False, doc="the trained model of the files that it started from"),
    Column("report", JSON, nullable=False, doc="the comparison, and what failed"),
    Column("live", Integer, nullable=False, doc="1 for the one in use"),
)

vectors = Table(
    "vectors",
    metadata,
    _of_turn(primary_key=True),
    Column("vector", LargeBinary, nullable=False, doc="sentence embedding, float16"),
)

clusters = Table(
    "clusters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("made_at", Moment, nullable=False),
)

cluster_turns = Table(
    "cluster_turns",
    metadata,
    Column("cluster_id", Integer, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    _of_turn(primary_key=True),
    Column("position", Integer, nullable=False, doc="0 for the most typical"),
    Index(None, "turn_id"),
)

"""What reviewers make of conversations: corrections, tags, notes, flags; and what visitors made of the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.schema import Table

from bot.store import audit
from bot.store.concern import Concern, concern_of
from bot.store.database import Database, is_sqlite
from bot.store.inbox import Malformed
from bot.store.tables import conversations, feedback, labels, notes, tags, turns
from bot.store.transcripts import VISITOR, Transcripts
from bot.store.turn import Turn

MOST_OF_PHRASE, MOST_OF_NOTE, MOST_OF_TAG = 300, 2000, 30
MOST_TURNS = 500
_TAG = re.compile(r"[^\W_]+(?:[ -][^\W_]+)*")


class Verdict(str, Enum):
    """What a reviewer says of a turn: this answer is right; it should have been an alarm; it was none; no answer fits."""

    ANSWER = "answer"
    ALARM = "alarm"
    NO_ALARM = "no_alarm"
    NO_ANSWER = "no_answer"


_WITH_VALUE = (Verdict.ANSWER, Verdict.ALARM)


class Unknown(Exception):
    """There is no such conversation or turn, perhaps no longer."""


class Taken(Exception):
    """The correction has become a phrase that is learnt from, and is not changed any more."""


@dataclass(frozen=True)
class Label:
    """The correction of a turn. `value` is the id of an answer or red flag, or empty; `phrase` what is learnt from."""

    turn_id: str
    verdict: Verdict
    value: str
    phrase: str
    reviewer: str
    at: datetime
    taken: bool


@dataclass(frozen=True)
class Feedback:
    """What the visitor made of an answer; the reason is de-identified and may be empty."""

    helpful: bool
    reason: str
    at: datetime


@dataclass(frozen=True)
class Tag:
    """A tag of a conversation, and who put it there."""

    tag: str
    reviewer: str
    at: datetime


@dataclass(frozen=True)
class Note:
    """A note on a conversation, de-identified."""

    text: str
    reviewer: str
    at: datetime


@dataclass(frozen=True)
class Case:
    """A conversation and all that is known of it; `labels` and `feedback` by the id of the turn.

    `length` counts all turns, `turns` holds the last MOST_TURNS of them.
    """

    id: str
    started_at: datetime
    last_at: datetime
    length: int
    concern: Concern
    flagged: bool
    reviewed_at: Optional[datetime]
    reviewer: Optional[str]
    turns: Tuple[Turn, ...]
    labels: Mapping[str, Label]
    feedback: Mapping[str, Feedback]
    tags: Tuple[Tag, ...]
    notes: Tuple[Note, ...]


class Review:
    """Reads and corrects conversations. Every change is in the audit log, with the conversation's key as its subject.

    `deidentified` takes out of a text what names a person; what it raises goes on. Every method raises Unavailable,
    and Unknown where there is no such conversation or turn.
    """

    def __init__(self, database: Database, deidentified: Callable[[str], str], now: Callable[[], datetime]):
        self._database, self._deidentified, self._now = database, deidentified, now
        self._transcripts = Transcripts(database)

    def conversation(self, id: str, person: str) -> Case:
        """A conversation, which the person sees; that is noted."""
        held = self._transcripts.turns(id, MOST_TURNS)
        with self._database.writing() as connection:
            row = _conversation(connection, id)
            audit.note(connection, person, "conversation seen", {"turns": len(held)}, id)
            return Case(
                **{key: row[key] for key in ("id", "started_at", "last_at", "length", "reviewed_at", "reviewer")},
                concern=Concern(row["concern"]),
                flagged=bool(row["flagged"]),
                turns=held,
                labels=_labels(connection, id),
                feedback=_feedback(connection, id),
                tags=tuple(Tag(**tag) for tag in _of(connection, tags, id, tags.c.tag)),
                notes=tuple(Note(**text) for text in _of(connection, notes, id, notes.c.id)),
            )

    def label(self, turn_id: str, verdict: Verdict, value: str, phrase: str, person: str) -> Optional[Label]:
        """Correct a turn; the correction that stood there before, if any. Raises Malformed, Taken."""
        kept = self._checked(" ".join(phrase.split()), "phrase", MOST_OF_PHRASE, empty=verdict is Verdict.NO_ANSWER)
        if bool(value) != (verdict in _WITH_VALUE):
            raise Malformed("value")
        turn = self._turn(turn_id)
        row = {"kind": verdict.value, "value": value, "phrase": kept, "reviewer": person, "at": self._now()}
        with self._database.writing() as connection:
            _conversation(connection, turn.conversation)
            before = _labels(connection, turn.conversation).get(turn_id)
            if not _upsert(connection, labels, {"turn_id": turn_id, **row}, labels.c.taken == 0):
                raise Taken()
            _settle(connection, turn)
            detail = {"turn": turn_id, "label": verdict.value, "value": value}
            audit.note(connection, person, "turn labelled", detail, turn.conversation)
        return before

    def remove_label(self, turn_id: str, person: str) -> None:
        """Take a correction back. Raises Taken."""
        turn = self._turn(turn_id)
        with self._database.writing() as connection:
            label = _labels(connection, turn.conversation).get(turn_id)
            if label and label.taken:
                raise Taken()
            if label:
                connection.execute(delete(labels).where(labels.c.turn_id == turn_id))
                _settle(connection, turn)
                detail = {"turn": turn_id, "label": label.verdict.value}
                audit.note(connection, person, "label removed", detail, turn.conversation)

    def tag(self, conversation: str, tag: str, person: str) -> None:
        """Add a tag of one or few words. Raises Malformed, also when it names a person."""
        kept = self._checked(tag, "tag", MOST_OF_TAG).lower()
        if not _TAG.fullmatch(kept):
            raise Malformed("tag")
        row = {"conversation_id": conversation, "tag": kept, "reviewer": person, "at": self._now()}
        with self._database.writing() as connection:
            _conversation(connection, conversation)
            if connection.execute(_insert(connection, tags).values(row).on_conflict_do_nothing()).rowcount:
                audit.note(connection, person, "conversation tagged", {"tag": kept}, conversation)

    def untag(self, conversation: str, tag: str, person: str) -> None:
        """Take a tag away."""
        gone = delete(tags).where(tags.c.conversation_id == conversation, tags.c.tag == tag)
        with self._database.writing() as connection:
            _conversation(connection, conversation)
            if connection.execute(gone).rowcount:
                audit.note(connection, person, "tag removed", {"tag": tag}, conversation)

    def note(self, conversation: str, text: str, person: str) -> None:
        """Add a note. Raises Malformed."""
        kept = self._checked(text, "note", MOST_OF_NOTE)
        row = {"conversation_id": conversation, "text": kept, "reviewer": person, "at": self._now()}
        with self._database.writing() as connection:
            _conversation(connection, conversation)
            connection.execute(notes.insert(), [row])
            audit.note(connection, person, "conversation noted on", {"characters": len(kept)}, conversation)

    def flag(self, conversation: str, flagged: bool, person: str) -> None:
        """Put a flag on a conversation for others to find, or take it away."""
        self._change(conversation, "conversation flagged" if flagged else "flag removed", person, flagged=int(flagged))

    def mark_reviewed(self, conversation: str, length: int, person: str) -> bool:
        """Mark a conversation of so many turns as reviewed; False when there are more by now, which nobody has seen."""
        known = conversations.c
        with self._database.writing() as connection:
            if _conversation(connection, conversation)["length"] != length:
                return False
            change = conversations.update().where(known.id == conversation).values(reviewed_at=self._now(), reviewer=person)
            connection.execute(change)
            audit.note(connection, person, "conversation reviewed", {"turns": length}, conversation)
        return True

    def unmark(self, conversation: str, person: str) -> None:
        """Mark a conversation as not reviewed."""
        self._change(conversation, "review taken back", person, reviewed_at=None, reviewer=None)

    def _change(self, conversation: str, action: str, person: str, **values: Any) -> None:
        with self._database.writing() as connection:
            _conversation(connection, conversation)
            connection.execute(conversations.update().where(conversations.c.id == conversation).values(values))
            audit.note(connection, person, action, {}, conversation)

    def _checked(self, text: str, field: str, most: int, empty: bool = False) -> str:
        """The text as it is kept, without what names a person. Raises Malformed."""
        kept = self._deidentified(text.replace("\0", "").replace("\r\n", "\n").strip()) if text.strip() else ""
        if len(kept) > most or not (kept or empty):
            raise Malformed(field)
        return kept

    def _turn(self, id: str) -> Turn:
        found = self._transcripts.turn(id)
        if found is None:
            raise Unknown()
        return found


@dataclass(frozen=True)
class Rating:
    """What a visitor makes of the answer in a turn of the conversation; `reason` is de-identified."""

    conversation: str
    turn_id: str
    helpful: bool
    reason: str
    at: datetime


def rate(database: Database, rating: Rating) -> bool:
    """Keep a rating in the place of the one before; False when the conversation has no such turn. Raises Unavailable.

    After a bad one the conversation is no longer reviewed.
    """
    turn = Transcripts(database).turn(rating.turn_id)
    if turn is None or turn.conversation != rating.conversation:
        return False
    row = {"turn_id": turn.id, "at": rating.at, "helpful": int(rating.helpful), "reason": rating.reason}
    with database.writing() as connection:
        _upsert(connection, feedback, row)
        _settle(connection, turn)
        if not rating.helpful:
            again = conversations.update().where(conversations.c.id == turn.conversation).values(reviewed_at=None)
            connection.execute(again)
        detail = {"turn": turn.id, "helpful": rating.helpful, "reason": bool(rating.reason)}
        audit.note(connection, VISITOR, "feedback given", detail, turn.conversation)
    return True


def _settle(connection: Connection, turn: Turn) -> None:
    """Give a turn and its conversation the concern that they have with feedback and label."""
    label = connection.execute(select(labels.c.kind).where(labels.c.turn_id == turn.id)).scalar()
    helpful = connection.execute(select(feedback.c.helpful).where(feedback.c.turn_id == turn.id)).scalar()
    concern = max(
        concern_of(turn),
        Concern.UNHELPFUL if helpful == 0 else Concern.NONE,
        Concern.ALARM if label == Verdict.ALARM.value else Concern.NONE,
    )
    connection.execute(turns.update().where(turns.c.id == turn.id).values(concern=int(concern)))
    highest = select(func.max(turns.c.concern)).where(turns.c.conversation_id == turn.conversation).scalar_subquery()
    connection.execute(conversations.update().where(conversations.c.id == turn.conversation).values(concern=highest))


def _conversation(connection: Connection, id: str) -> Mapping[str, Any]:
    row = connection.execute(select(conversations).where(conversations.c.id == id)).mappings().first()
    if row is None:
        raise Unknown()
    return row


def _labels(connection: Connection, conversation: str) -> Dict[str, Label]:
    query = select(labels).join(turns, turns.c.id == labels.c.turn_id).where(turns.c.conversation_id == conversation)
    return {
        row["turn_id"]: Label(
            row["turn_id"], Verdict(row["kind"]), row["value"], row["phrase"], row["reviewer"], row["at"], bool(row["taken"])
        )
        for row in connection.execute(query).mappings()
    }


def _feedback(connection: Connection, conversation: str) -> Dict[str, Feedback]:
    query = select(feedback).join(turns, turns.c.id == feedback.c.turn_id).where(turns.c.conversation_id == conversation)
    rows = connection.execute(query).mappings()
    return {row["turn_id"]: Feedback(bool(row["helpful"]), row["reason"], row["at"]) for row in rows}


def _of(connection: Connection, table: Table, conversation: str, order: Any) -> Tuple[Dict[str, Any], ...]:
    query = select(table).where(table.c.conversation_id == conversation).order_by(order)
    skipped = ("conversation_id", "id")
    return tuple({key: row[key] for key in row if key not in skipped} for row in connection.execute(query).mappings())


def _upsert(connection: Connection, table: Table, row: Mapping[str, Any], condition: Any = None) -> bool:
    """Insert the row of a turn, or change the one that is there if it meets a condition; whether that was done."""
    changed = {key: value for key, value in row.items() if key != "turn_id"}
    insert = _insert(connection, table).values(row)
    upsert = insert.on_conflict_do_update(index_elements=["turn_id"], set_=changed, where=condition)
    return bool(connection.execute(upsert).rowcount)


def _insert(connection: Connection, table: Table) -> Any:
    dialect: Any = sqlite if is_sqlite(connection) else postgresql
    return dialect.insert(table)

"""Reviewers' corrections: waiting as labels of turns, and taken on as phrases from which nothing leads back to a conversation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.examples import same_words
from bot.store.database import Database
from bot.store.review import Verdict
from bot.store.tables import labels, phrases
from bot.store.audit import note

# What there is something to learn from.
TEACHING = (Verdict.ANSWER, Verdict.ALARM, Verdict.NO_ALARM)
FEWEST_TO_HOLD_OUT = 5
_ONE_IN = 5


@dataclass(frozen=True)
class Phrase:
    """A correction. `value` is the id of the right answer or of the red flag; else empty.

    `held_out`: it measures and is never learnt. `label` is the label it waits as, `id` its own once it is taken on.
    """

    kind: Verdict
    value: str
    text: str
    reviewer: str
    at: datetime
    held_out: bool = False
    dropped: bool = False
    id: Optional[int] = None
    label: Optional[int] = None

    @cached_property
    def words(self) -> str:
        """What two phrases are compared by."""
        return same_words(self.text)

    def says_as(self, other: "Phrase") -> bool:
        """Whether both say the same of their words."""
        return (self.kind, self.value) == (other.kind, other.value)


@dataclass(frozen=True)
class Taking:
    """What taking corrections on makes of the phrases: all of them, and those that a newer one replaced."""

    phrases: Tuple[Phrase, ...]
    replaced: Tuple[Phrase, ...] = ()

    @property
    def counting(self) -> Tuple[Phrase, ...]:
        """The phrases that were not dropped."""
        return tuple(phrase for phrase in self.phrases if not phrase.dropped)


def taken_on(known: Sequence[Phrase], waiting: Sequence[Phrase]) -> Taking:
    """The phrases once those that wait are taken on, oldest first. Of two with the same words the newer counts."""
    collection = _Collection(known)
    for phrase in waiting:
        collection.take(phrase)
    return collection.taking()


class _Collection:
    """Phrases by their texts, each once, and the texts by their words."""

    def __init__(self, known: Sequence[Phrase]):
        self._phrases: Dict[str, Phrase] = {phrase.text: phrase for phrase in known}
        self._texts: Dict[str, List[str]] = {}
        self._replaced: List[Phrase] = []
        for phrase in self._phrases.values():
            self._texts.setdefault(phrase.words, []).append(phrase.text)

    def take(self, new: Phrase) -> None:
        """Take one on, unless one that stands says the same."""
        alike = [self._phrases[text] for text in self._texts.setdefault(new.words, [])]
        standing = [phrase for phrase in alike if not phrase.dropped]
        if any(phrase.says_as(new) for phrase in standing):
            return
        for phrase in standing:
            self._phrases[phrase.text] = replace(phrase, dropped=True)
        self._replaced += standing
        self._append(new)

    def taking(self) -> Taking:
        """What came of it."""
        return Taking(tuple(self._phrases.values()), tuple(self._replaced))

    def _append(self, new: Phrase) -> None:
        same = self._phrases.pop(new.text, None)
        if same is None:
            self._texts[new.words].append(new.text)
        held_out = same.held_out if same else _is_held_out(new, len(self._phrases) + 1)
        held_out = held_out and new.kind is Verdict.ANSWER
        self._phrases[new.text] = replace(new, id=same.id if same else None, held_out=held_out)


def _is_held_out(phrase: Phrase, count: int) -> bool:
    """One in five, always the same ones; none of the first few, so that a single correction is learnt."""
    number = int.from_bytes(hashlib.sha256(phrase.words.encode()).digest()[:4], "big")
    return count >= FEWEST_TO_HOLD_OUT and number % _ONE_IN == 0


class Phrases:
    """The corrections in a database. Every method blocks and raises Unavailable when the database does not work."""

    def __init__(self, database: Database):
        self._database = database

    def waiting(self) -> Tuple[Phrase, ...]:
        """The corrections that are labels yet, oldest first: they go with their conversation."""
        with self._database.reading() as connection:
            return tuple(_waiting(connection))

    def known(self) -> Tuple[Phrase, ...]:
        """All phrases that were taken on, oldest first, dropped ones too."""
        with self._database.reading() as connection:
            return tuple(_known(connection))

    def preview(self) -> Taking:
        """What taking on those that wait would give."""
        with self._database.reading() as connection:
            return taken_on(list(_known(connection)), list(_waiting(connection)))

    def take(self, actor: str) -> Taking:
        """Take on all that wait."""
        with self._database.writing() as connection:
            known, waiting = list(_known(connection)), list(_waiting(connection))
            taking = taken_on(known, waiting)
            _write(connection, known, taking.phrases)
            connection.execute(labels.update().where(labels.c.id.in_([each.label for each in waiting])).values(taken=1))
            if waiting:
                note(connection, actor, "corrections taken on", {"count": len(waiting), "replaced": len(taking.replaced)})
            return Taking(tuple(_known(connection)), taking.replaced)

    def leave_out(self, label: int, actor: str) -> bool:
        """Let nothing be learnt from a label that waits; False when there is none such."""
        with self._database.writing() as connection:
            waits = (labels.c.id == label) & (labels.c.taken == 0) & (labels.c.phrase != "")
            return _noted(connection, labels.update().where(waits).values(phrase=""), actor, "correction left out", label)

    def drop(self, phrase: int, actor: str) -> bool:
        """Take a phrase out of what is learnt; False when there is none such."""
        with self._database.writing() as connection:
            counts = (phrases.c.id == phrase) & (phrases.c.dropped == 0)
            return _noted(connection, phrases.update().where(counts).values(dropped=1), actor, "phrase dropped", phrase)


def _noted(connection: Connection, change: Any, actor: str, action: str, id: int) -> bool:
    done = bool(connection.execute(change).rowcount)
    if done:
        note(connection, actor, action, {}, str(id))
    return done


def _waiting(connection: Connection) -> Iterator[Phrase]:
    waits = (labels.c.taken == 0) & (labels.c.phrase != "") & labels.c.kind.in_([kind.value for kind in TEACHING])
    for row in connection.execute(select(labels).where(waits).order_by(labels.c.at, labels.c.id)):
        yield Phrase(Verdict(row.kind), row.value, row.phrase, row.reviewer, row.at, label=row.id)


def _known(connection: Connection) -> Iterator[Phrase]:
    for row in connection.execute(select(phrases).order_by(phrases.c.at, phrases.c.id)):
        yield Phrase(
            Verdict(row.kind), row.value, row.text, row.reviewer, row.at, bool(row.held_out), bool(row.dropped), row.id
        )


def _write(connection: Connection, before: Sequence[Phrase], after: Sequence[Phrase]) -> None:
    """Keep what is new and what changed."""
    old: Dict[Optional[int], Phrase] = {phrase.id: phrase for phrase in before}
    new: List[Mapping[str, Any]] = [_row(phrase) for phrase in after if phrase.id is None]
    if new:
        connection.execute(phrases.insert(), new)
    for phrase in after:
        if phrase.id is not None and phrase != old[phrase.id]:
            connection.execute(phrases.update().where(phrases.c.id == phrase.id).values(**_row(phrase)))


def _row(phrase: Phrase) -> Dict[str, Any]:
    return {
        "kind": phrase.kind.value,
        "value": phrase.value,
        "text": phrase.text,
        "reviewer": phrase.reviewer,
        "at": phrase.at,
        "held_out": int(phrase.held_out),
        "dropped": int(phrase.dropped),
    }

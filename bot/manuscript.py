"""All texts that can be edited, as they are written: read from the files, and with published texts in their place."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from pydantic import ValidationError

from bot.content import Answer, Phrases, Written, read, texts_of
from bot.document import ContentError, Document, Record
from bot.files import APPROVALS, REACHED_SOMEONE
from bot.finding import Key, Kind
from bot.paths import CONTENT
from bot.safety.flags import CardFile, Flag, Level, load_cards, load_flags

Fields = Mapping[str, Any]
_EDITED: Mapping[Kind, Tuple[str, ...]] = {
    Kind.ANSWER: ("question", "text", "more", "sources", "follow_ups", "scope", "reassures", "lix_reason"),
    Kind.CARD: ("title", "advice", "helper_advice", "notice"),
    Kind.LEVEL: ("in_hours", "out_of_hours"),
    Kind.PHRASE: ("text",),
    Kind.CONTACT: ("label", "tel", "email", "address", "web", "hours", "source", "verified"),
}
_VERSIONED = (Kind.ANSWER, Kind.CARD)


class Misfit(Exception):
    """A text that does not fit: there is no such text, or `fields` are missing, unknown or malformed."""

    def __init__(self, fields: Tuple[str, ...] = ()):
        self.fields = fields
        super().__init__(", ".join(fields))


class Mark(Record):
    """The version of a text and the day it was approved."""

    version: int = 1
    approved: Optional[date] = None


class ApprovalFile(Record):
    """content/approvals.yml: the marks of texts that have no fields for them; those not named are version 1."""

    texts: Dict[Kind, Dict[str, Mark]]


class Sentence(Record):
    """A text that is one field."""

    text: str


@dataclass(frozen=True)
class Published:
    """A text as it was published: what is in its fields, as JSON knows it; its version; the day it was approved."""

    key: Key
    fields: Fields
    version: int
    approved: date

    def as_data(self) -> Dict[str, Any]:
        """As JSON knows it."""
        mark = {"version": self.version, "approved": self.approved.isoformat()}
        return {"kind": self.key.kind.value, "id": self.key.id, "fields": dict(self.fields), **mark}


def published_of(data: Mapping[str, Any]) -> Published:
    """What `as_data` wrote. Raises KeyError, TypeError, ValueError."""
    key = Key(Kind(data["kind"]), str(data["id"]))
    return Published(key, dict(data["fields"]), int(data["version"]), date.fromisoformat(data["approved"]))


@dataclass(frozen=True)
class Manuscript(Written):
    """Answers, cards, levels, phrases and contacts; places for contacts are not filled in."""

    flags: Mapping[str, Flag]
    cards: CardFile
    marks: Mapping[Key, Mark]

    def keys(self) -> Iterator[Key]:
        """Every text."""
        yield from (Key(Kind.ANSWER, id) for id in self.answers)
        yield from (Key(Kind.CARD, id) for id in self.flags)
        yield from (Key(Kind.LEVEL, level.value) for level in self.cards.levels)
        yield Key(Kind.LEVEL, REACHED_SOMEONE)
        yield from (Key(Kind.PHRASE, id) for id, _ in texts_of(self.phrases))
        yield from (Key(Kind.CONTACT, id) for id in self.contacts)

    def fields(self, key: Key) -> Dict[str, Any]:
        """What can be edited of a text, as JSON knows it. Raises Misfit when there is no such text."""
        record = self._record(key)
        edited = set(record.__fields__) if isinstance(record, Sentence) else set(_EDITED[key.kind])
        return dict(json.loads(record.json(include=edited)))

    def mark(self, key: Key) -> Mark:
        """The version of a text and the day of its approval. Raises Misfit when there is no such text."""
        record = self._record(key)
        if isinstance(record, (Answer, Flag)):
            return Mark(version=record.version, approved=record.approved)
        return self.marks.get(key, Mark())

    def with_text(self, text: Published) -> "Manuscript":
        """The manuscript with a published text in its place. Raises Misfit when that is no such text."""
        key, mark = text.key, Mark(version=text.version, approved=text.approved)
        record = self._record(key)
        versioned = mark.dict() if key.kind in _VERSIONED else {}
        try:
            changed = type(record).parse_obj({**dict(record), **text.fields, **versioned})
        except ValidationError as error:
            raise Misfit(tuple(str(each["loc"][0]) for each in error.errors()))
        return replace(self._with(key, changed), marks={**self.marks, key: mark})

    @cached_property
    def _sentences(self) -> Mapping[str, Record]:
        return {id: Sentence(text=text) for id, text in texts_of(self.phrases)}

    @cached_property
    def _levels(self) -> Mapping[str, Record]:
        levels = {level.value: card for level, card in self.cards.levels.items()}
        return {**levels, REACHED_SOMEONE: Sentence(text=self.cards.reached_someone)}

    def _record(self, key: Key) -> Record:
        records: Mapping[Kind, Callable[[], Mapping[str, Record]]] = {
            Kind.ANSWER: lambda: self.answers,
            Kind.CARD: lambda: self.flags,
            Kind.CONTACT: lambda: self.contacts,
            Kind.PHRASE: lambda: self._sentences,
            Kind.LEVEL: lambda: self._levels,
        }
        if found := records[key.kind]().get(key.id):
            return found
        raise Misfit()

    def _with(self, key: Key, record: Any) -> "Manuscript":
        if key.kind is Kind.ANSWER:
            return replace(self, answers={**self.answers, key.id: record})
        if key.kind is Kind.CARD:
            return replace(self, flags={**self.flags, key.id: record})
        if key.kind is Kind.CONTACT:
            return replace(self, contacts={**self.contacts, key.id: record})
        if key.kind is Kind.PHRASE:
            return replace(self, phrases=_with_phrase(self.phrases, key.id, record.text))
        return replace(self, cards=_with_level(self.cards, key.id, record))


@lru_cache(maxsize=None)
def of_files(folder: Path = CONTENT) -> Manuscript:
    """The texts as the files hold them. Raises ContentError."""
    written, document = read(folder), Document(folder / APPROVALS, folder)
    marks = {Key(kind, id): mark for kind, texts in document.parse(ApprovalFile).texts.items() for id, mark in texts.items()}
    found = Manuscript(**vars(written), flags=load_flags(folder), cards=load_cards(folder), marks=marks)
    texts = {key for key in found.keys() if key.kind not in _VERSIONED}
    if unknown := [key for key in marks if key not in texts]:
        raise ContentError([document.problem(("texts", key.kind.value, key.id), f"{key}: no such text") for key in unknown])
    return found


def _with_phrase(phrases: Phrases, path: str, text: str) -> Phrases:
    data, (*parents, name) = json.loads(phrases.json()), path.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    place[name] = text
    return Phrases.parse_obj(data)


def _with_level(cards: CardFile, id: str, record: Any) -> CardFile:
    if id == REACHED_SOMEONE:
        return cards.copy(update={"reached_someone": record.text})
    return cards.copy(update={"levels": {**cards.levels, Level(id): record}})

"""What is wrong with a text: a code and values, for whoever says it in which language."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Mapping, Tuple, Union


class Kind(str, Enum):
    """The kinds of text that patients read. A level is the first line of cards; a contact is filled into other texts."""

    ANSWER = "answer"
    CARD = "card"
    LEVEL = "level"
    PHRASE = "phrase"
    CONTACT = "contact"


@dataclass(frozen=True, order=True)
class Key:
    """Names one text: an answer or card by its id, a phrase by its path in interface.yml (`page.intro`)."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.id}"


class Code(str, Enum):
    """What can be wrong."""

    EMPTY = "empty"
    SAME_QUESTION = "same_question"
    DEAD_FOLLOW_UP = "dead_follow_up"
    UNKNOWN_SOURCE = "unknown_source"
    UNKNOWN_PLACE = "unknown_place"
    NO_NUMBER = "no_number"
    TOO_LONG = "too_long"
    HARD = "hard"
    TYPED = "typed"
    DOSE = "dose"
    TEL = "tel"
    EMAIL = "email"
    WEB = "web"
    DATE = "date"
    FUTURE = "future"
    FILE_NAME = "file_name"
    MALFORMED = "malformed"
    UNCHANGED = "unchanged"


_SENTENCES = {
    Code.EMPTY: "the {field} is empty",
    Code.SAME_QUESTION: "the question is also that of {name}",
    Code.DEAD_FOLLOW_UP: "dead follow-up {name!r}",
    Code.UNKNOWN_SOURCE: "unknown source {name!r}",
    Code.UNKNOWN_PLACE: "unknown contact {name!r}",
    Code.NO_NUMBER: "the number {number} is missing",
    Code.TOO_LONG: "{words} words, at most {most}",
    Code.HARD: "LIX {lix}, at most {most} without a lix_reason",
    Code.TYPED: "the contact {name!r} is typed; use a place from contacts.yml",
    Code.DOSE: "looks like a dose: {name!r}",
    Code.TEL: "{name!r} is no telephone number",
    Code.EMAIL: "{name!r} is no e-mail address",
    Code.WEB: "{name!r} is no web address",
    Code.DATE: "invalid date format",
    Code.FUTURE: "the date lies ahead",
    Code.FILE_NAME: "{name!r} is no file name of letters, digits and hyphens with .txt",
    Code.MALFORMED: "the {field} is malformed",
    Code.UNCHANGED: "nothing is changed",
}


@dataclass(frozen=True)
class Finding:
    """What is wrong at which place (field, and number in it) of which text; whether it blocks publication."""

    key: Key
    code: Code
    place: Tuple[Union[str, int], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    blocks: bool = True

    @property
    def field(self) -> str:
        """The field it is in; empty for the text as a whole."""
        return str(self.place[0]) if self.place else ""

    def __str__(self) -> str:
        return f"{self.key.id}: {_SENTENCES[self.code].format(field=self.field, **self.values)}"

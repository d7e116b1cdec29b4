"""The parts of a message that may each be a question of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator, List, Pattern, Tuple

from bot.document import Document, Record
from bot.language import sentences
from bot.paths import CONTENT

MOST_CLAUSES = 12


class ClauseFile(Record):
    """content/clauses.yml: what begins a question, joins a further one to it, or leans on the turn before."""

    joints: Tuple[str, ...]
    openers: Tuple[str, ...]
    follow_ups: Tuple[str, ...]


@dataclass(frozen=True)
class Clause:
    """A part of a message, and whether it has the form of a question or a request."""

    text: str
    asks: bool


@lru_cache(maxsize=1)
def _file() -> ClauseFile:
    return Document(CONTENT / "clauses.yml", CONTENT).parse(ClauseFile)


def follow_up_openers() -> Tuple[str, ...]:
    """What a message begins with that is only understood after the turn before."""
    return _file().follow_ups


@lru_cache(maxsize=1)
def _patterns() -> Tuple[Pattern[str], Pattern[str]]:
    """What splits a sentence before a further question, and what a question begins with."""
    file = _file()
    joints = "|".join(re.escape(joint) for joint in file.joints)
    openers = "|".join(re.escape(opener) for opener in file.openers)
    joint = re.compile(rf"(?:\s*,\s*|\s+)(?:{joints})\s+(?=(?:{openers})\b)", re.IGNORECASE)
    return joint, re.compile(rf"(?:(?:{joints})\s+)?(?:{openers})\b", re.IGNORECASE)


def clauses(text: str) -> List[Clause]:
    """Sentences, and within a sentence the parts joined by e.g. "og hvad …"; in order, at most MOST_CLAUSES."""
    return list(_clauses(text))[:MOST_CLAUSES]


def _clauses(text: str) -> Iterator[Clause]:
    joint, opener = _patterns()
    for sentence in sentences(text):
        parts = [part.strip() for part in joint.split(sentence)]
        for number, part in enumerate(parts):
            if any(char.isalpha() for char in part):
                yield Clause(part, bool(number or "?" in part or opener.match(part)))

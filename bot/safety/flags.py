"""The red flags of content/red_flags.yml: how each is recognised, and what its card says (the first line: content/cards.yml)."""

from __future__ import annotations

from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from bot.document import ContentError, Document, Record
from bot.paths import CONTENT
from bot.safety.context import ContextWords
from bot.safety.patterns import Sign


class Level(str, Enum):
    """What a card tells the patient to do; the higher of two is told."""

    ALARM = "112"
    CRISIS = "krise"
    POISON = "gift"
    NOW = "nu"
    SOON = "snart"


ORDER = (Level.ALARM, Level.CRISIS, Level.POISON, Level.NOW, Level.SOON)


class Flag(Record):
    """A red flag: its signs, and the words of its card after the first line (which the level decides)."""

    id: str
    level: Level
    title: str
    advice: str
    helper_advice: str
    notice: str
    version: int
    approved: Optional[date] = None
    signs: Tuple[Sign, ...]


class FlagFile(Record):
    """content/red_flags.yml."""

    flags: Tuple[Flag, ...]


class LevelCard(Record):
    """The first line of a level's card and its contacts (keys of contacts.yml), while doctors are open and else."""

    in_hours: str
    out_of_hours: str
    contacts_in_hours: Tuple[str, ...]
    contacts_out_of_hours: Tuple[str, ...]


class CardFile(Record):
    """content/cards.yml."""

    levels: Dict[Level, LevelCard]
    reached_someone: str


@lru_cache(maxsize=None)
def load_flags(folder: Path = CONTENT) -> Mapping[str, Flag]:
    """All flags by id, places for contacts not filled in. Raises ContentError."""
    document = Document(folder / "red_flags.yml", folder)
    flags = document.parse(FlagFile).flags
    by_id = {flag.id: flag for flag in flags}
    if len(by_id) != len(flags):
        raise ContentError([document.problem((), "a flag stands twice")])
    return by_id


@lru_cache(maxsize=None)
def load_cards(folder: Path = CONTENT) -> CardFile:
    """The first lines by level, places for contacts not filled in. Raises ContentError."""
    return Document(folder / "cards.yml", folder).parse(CardFile)


@lru_cache(maxsize=1)
def load_context() -> ContextWords:
    """The words of context. Raises ContentError."""
    return Document(CONTENT / "safety_context.yml", CONTENT).parse(ContextWords)

"""Differences between two texts, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Iterator, Tuple

_WORD = re.compile(r"\s+|[^\s]+")
_SIDES = {"equal": ("kept",), "delete": ("taken",), "insert": ("added",), "replace": ("taken", "added")}


@dataclass(frozen=True)
class Piece:
    """A piece of both texts (`kept`), of the old one alone (`taken`) or of the new one alone (`added`)."""

    kind: str
    text: str


def difference(old: str, new: str) -> Tuple[Piece, ...]:
    """The pieces from which both texts can be read, in order."""
    return tuple(_pieces(_WORD.findall(old), _WORD.findall(new)))


def _pieces(old: "list[str]", new: "list[str]") -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for kind in _SIDES[tag]:
            yield Piece(kind, "".join(new[c:d] if kind == "added" else old[a:b]))

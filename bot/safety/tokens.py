"""A message as the detector reads it: normalised words, and the sentence that each stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, Sequence, Tuple

from bot.language import lemma
from bot.normaliser import fold

_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[.!?]+")
_FEVER = re.compile(r"3[89](?:[.,]\d)?|4[01](?:[.,]\d)?")
_FEVER_WORD = "feber"
_NO_FEVER_BEFORE = frozenset({"år", "aar", "kg", "kilo", "uge", "uger", "procent", "kr", "gange", "min", "minutter", "årig"})


@dataclass(frozen=True)
class Tokens:
    """The words of a message, and for each the number of its sentence."""

    words: Tuple[str, ...]
    sentences: Tuple[int, ...]

    @cached_property
    def folded(self) -> Tuple[str, ...]:
        """The words with æ/ø/å as ae/oe/aa."""
        return tuple(fold(word) for word in self.words)

    @cached_property
    def lemmas(self) -> Tuple[str, ...]:
        """The words' lemmas, folded."""
        return tuple(fold(lemma(word)) for word in self.words)


def read(normalised: str) -> Tokens:
    """The words and sentences of a normalised text; a temperature of 38 to 41 is read as fever."""
    words, numbers, number = [], [], 0
    found = _TOKEN.findall(normalised)
    for token, after in zip(found, [*found[1:], ""]):
        if token[0] in ".!?":
            number += 1
        else:
            words.append(_as_fever(token, after))
            numbers.append(number)
    return Tokens(tuple(words), tuple(numbers))


def joined(messages: Sequence[Tokens]) -> Tokens:
    """Several messages as one, in their order."""
    words = tuple(word for message in messages for word in message.words)
    return Tokens(words, tuple(_renumbered(messages)))


def _renumbered(messages: Sequence[Tokens]) -> Iterator[int]:
    first = 0
    for message in messages:
        yield from (first + number for number in message.sentences)
        first += 1 + max(message.sentences, default=0)


def _as_fever(word: str, after: str) -> str:
    """39,4 is a fever unless it counts years, kilos or weeks."""
    return _FEVER_WORD if _FEVER.fullmatch(word) and after not in _NO_FEVER_BEFORE else word

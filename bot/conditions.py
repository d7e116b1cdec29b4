"""Which of the clinic's conditions a message names, however it is inflected, compounded or misspelled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from bot.content import Condition
from bot.language import is_word
from bot.normaliser import fold, words

_TYPED_WORD = re.compile(r"[^\W\d_]+")
_LONG_NAME = 6
_WINDOW = 4
_TYPO_SHARE = 0.25
_MOST_TYPOS = 2


@dataclass(frozen=True)
class Mention:
    """A condition and the words that name it, in the order in which they stand."""

    condition: str
    position: int
    words: Tuple[str, ...]


@dataclass(frozen=True)
class ConditionFinder:
    """Finds conditions by their names and, where no name is there, by their hints."""

    conditions: Mapping[str, Condition]

    def find(self, text: str) -> Tuple[str, ...]:
        """Keys of the conditions in normalised text, in the order in which they are named; each once."""
        return tuple(mention.condition for mention in self.mentions(text))

    def mentions(self, text: str) -> Tuple[Mention, ...]:
        """The first mention of each condition in normalised text, in the order in which they stand."""
        tokens = words(text)
        found = list(self._mentions(tokens, hints=False)) or list(self._mentions(tokens, hints=True))
        first: Dict[str, Mention] = {}
        for mention in sorted(found, key=lambda mention: mention.position):
            first.setdefault(mention.condition, mention)
        return tuple(first.values())

    def _mentions(self, tokens: Sequence[str], hints: bool) -> Iterator[Mention]:
        for key, condition in self.conditions.items():
            for name in condition.hints if hints else condition.names:
                places = _places(words(name), tokens)
                if places:
                    yield Mention(key, places[0], tuple(tokens[i] for i in places))


def span(mention: Mention, original: str) -> Tuple[int, int]:
    """Where the mention stands in the message as it was typed: first and last character, the last excluded."""
    typed = [(match.start(), match.end()) for match in _TYPED_WORD.finditer(original)]
    if not typed:
        return 0, len(original)
    likest = [
        max(typed, key=lambda place: fuzz.ratio(fold(original[slice(*place)].casefold()), fold(word)))
        for word in mention.words
    ]
    return min(start for start, _ in likest), max(end for _, end in likest)


def _places(name: List[str], tokens: Sequence[str]) -> Tuple[int, ...]:
    """The indices of all words of the name where they stand close together, in any order; none if they do not."""
    options = [[i for i, token in enumerate(tokens) if _same(part, token)] for part in name]
    if not all(options):
        return ()
    for first in options[0]:
        near = sorted({min(places, key=lambda i: abs(i - first)) for places in options})
        if len(near) == len(name) and near[-1] - near[0] < max(_WINDOW, len(name) + 1):
            return tuple(near)
    return ()


def _same(name: str, token: str) -> bool:
    if token == name or fold(token) == fold(name):
        return True
    if len(name) < _LONG_NAME:
        return False
    if name in token:
        return True
    if is_word(token) or token[0] != name[0]:
        return False
    return bool(OSA.distance(name, token) <= min(_MOST_TYPOS, _TYPO_SHARE * len(name)))

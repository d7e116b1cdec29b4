"""Which of the clinic's conditions a message names, however it is inflected, compounded or misspelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Mapping, Sequence, Tuple

from rapidfuzz.distance import OSA

from bot.content import Condition
from bot.language import is_word
from bot.normaliser import fold, words

_LONG_NAME = 6
_WINDOW = 4
_TYPO_SHARE = 0.3


@dataclass(frozen=True)
class Mention:
    """A condition and the word (index into the message's words) at which it is named."""

    condition: str
    position: int


@dataclass(frozen=True)
class ConditionFinder:
    """Finds conditions by their names and, where no name is there, by their hints."""

    conditions: Mapping[str, Condition]

    def find(self, text: str) -> Tuple[str, ...]:
        """Keys of the conditions in normalised text, in the order in which they are named; each once."""
        tokens = words(text)
        mentions = list(self._mentions(tokens, hints=False)) or list(self._mentions(tokens, hints=True))
        ordered = [mention.condition for mention in sorted(mentions, key=lambda mention: mention.position)]
        return tuple(dict.fromkeys(ordered))

    def _mentions(self, tokens: Sequence[str], hints: bool) -> Iterator[Mention]:
        for key, condition in self.conditions.items():
            for name in condition.hints if hints else condition.names:
                position = _position(words(name), tokens)
                if position is not None:
                    yield Mention(key, position)


def _position(name: List[str], tokens: Sequence[str]) -> "int | None":
    """Where all words of the name stand close together, in any order."""
    places = [[i for i, token in enumerate(tokens) if _same(part, token)] for part in name]
    if not all(places):
        return None
    for first in places[0]:
        near = [min(options, key=lambda i: abs(i - first)) for options in places]
        if max(near) - min(near) < max(_WINDOW, len(name) + 1):
            return min(near)
    return None


def _same(name: str, token: str) -> bool:
    if token == name or fold(token) == fold(name):
        return True
    if len(name) < _LONG_NAME:
        return False
    if name in token:
        return True
    if is_word(token) or token[0] != name[0]:
        return False
    return bool(OSA.distance(name, token) <= _TYPO_SHARE * len(name))

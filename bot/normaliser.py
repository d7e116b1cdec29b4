"""Danish as patients type it, brought to one spelling before it is understood.

Case, æ/ø/å typed as ae/oe/aa, drawn-out letters, words split in two, common misspellings and single typing errors in
the words that matter here. Nothing is thrown away: an unknown word stays as it was typed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import FrozenSet, Iterable, Iterator, List, Mapping, Optional

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.document import Document, Record
from bot.language import is_word
from bot.paths import CONTENT

_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]+")
# What stands in place of a name or a number (content/privacy.yml): nothing to understand a message by.
_PLACEHOLDER = re.compile(r"\[[A-ZÆØÅ-]{3,}\]")
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_DIGRAPHS = (("ae", "æ"), ("oe", "ø"), ("aa", "å"))
_JOINTS = ("", "s", "e")
_SHORTEST_PART = 4
_SHORTEST_COMPOUND = 8
_SHORTEST_TYPO = 5
_LONG_WORD = 8


class SpellingFile(Record):
    """content/spelling.yml."""

    words: Mapping[str, str]


@lru_cache(maxsize=1)
def load_spelling() -> Mapping[str, str]:
    """The table of common misspellings. Raises ContentError."""
    return Document(CONTENT / "spelling.yml", CONTENT).parse(SpellingFile).words


def plain(text: str) -> str:
    """NFC, lower case, no control characters, single blanks."""
    composed = unicodedata.normalize("NFC", text).casefold()
    visible = "".join(" " if unicodedata.category(char).startswith("C") else char for char in composed)
    return " ".join(visible.split())


def fold(text: str) -> str:
    """æ, ø, å as ae, oe, aa: one form for those who have the letters and those who have not."""
    for digraph, letter in _DIGRAPHS:
        text = text.replace(letter, digraph)
    return text


def words(text: str) -> List[str]:
    """The words of an already plain text."""
    return _WORD.findall(text)


@dataclass(frozen=True)
class Normaliser:
    """Brings a message to the spelling of `vocabulary`, the correctly spelled words of the field.

    `spelling` maps whole words to their correction.
    """

    vocabulary: FrozenSet[str]
    spelling: Mapping[str, str]

    def __call__(self, text: str) -> str:
        """The normalised text: lower case, tokens separated by single blanks."""
        tokens = [self._word(token) for token in _TOKEN.findall(plain(_PLACEHOLDER.sub(" ", text)))]
        return " ".join(self._joined(tokens))

    @cached_property
    def _candidates(self) -> List[str]:
        return sorted(word for word in self.vocabulary if len(word) >= _SHORTEST_TYPO)

    def _knows(self, word: str) -> bool:
        return word in self.vocabulary or is_word(word)

    def _word(self, token: str) -> str:
        if not token.isalpha():
            return token
        corrected = self.spelling.get(token)
        if corrected is not None:
            return corrected
        if self._knows(token):
            return token
        return self._respelled(token) or self._nearest(token) or token

    def _respelled(self, word: str) -> Optional[str]:
        forms = [_DRAWN_OUT.sub(r"\1", word), _DRAWN_OUT.sub(r"\1\1", word), word]
        for form in (restored for form in forms for restored in _with_letters(form)):
            if form in self.spelling:
                return self.spelling[form]
            if form != word and self._knows(form):
                return form
        return None

    def _nearest(self, word: str) -> Optional[str]:
        if len(word) < _SHORTEST_TYPO:
            return None
        limit = 2 if len(word) >= _LONG_WORD else 1
        for form in _with_letters(word):
            found = process.extractOne(form, self._candidates, scorer=OSA.distance, score_cutoff=limit)
            if found is not None:
                return str(found[0])
        return None

    def _joined(self, tokens: List[str]) -> Iterator[str]:
        waiting: Optional[str] = None
        for token in tokens:
            compound = self._compound(waiting, token) if waiting else None
            if compound:
                waiting = compound
                continue
            if waiting:
                yield waiting
            waiting = token
        if waiting:
            yield waiting

    def _compound(self, first: str, second: str) -> Optional[str]:
        if not (first.isalpha() and second.isalpha()) or min(len(first), len(second)) < _SHORTEST_PART:
            return None
        for joint in _JOINTS:
            word = first + joint + second
            if len(word) >= _SHORTEST_COMPOUND and word in self.vocabulary:
                return word
        return None


def _with_letters(word: str) -> Iterator[str]:
    """The word with its ae/oe/aa read as æ/ø/å (all of them, then each kind alone), and as it stands."""
    everything = word
    for digraph, letter in _DIGRAPHS:
        everything = everything.replace(digraph, letter)
    seen: List[str] = []
    for form in (everything, *(word.replace(digraph, letter) for digraph, letter in _DIGRAPHS), word):
        if form not in seen:
            seen.append(form)
            yield form


def vocabulary_of(texts: Iterable[str]) -> FrozenSet[str]:
    """The words (lower case) that stand in correctly spelled texts."""
    return frozenset(word for text in texts for word in words(plain(text)))

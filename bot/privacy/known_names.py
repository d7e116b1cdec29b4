"""Names that can be recognised by a list: certain ones anywhere, those that are words too by their place or capital."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import FrozenSet, Iterator, Optional

from bot.content import load as load_content
from bot.language import is_word
from bot.normaliser import fold, vocabulary_of
from bot.paths import ROOT
from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, kept_streets, load_words, same_length

MODEL = ROOT / "bot" / "privacy" / "names_model"
KNOWN, ALSO_WORDS = "known.txt", "also_words.txt"
WORD = re.compile(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*")
_NEAR = 40
_SENTENCE_END = re.compile(r"(?:^|[.!?:\n])\W*$")


class KnownNames:
    """The lists, and what is certainly no name."""

    def __init__(self, words: Optional[PrivacyWords] = None):
        self._words = words or load_words()

    def find(self, text: str) -> Iterator[Span]:
        """Spans of names from the lists, and of unheard-of words in capitals where a name must stand."""
        lower, shouted = same_length(text), text.isupper()
        for place, word in enumerate(WORD.finditer(lower)):
            capital = text[word.start()].isupper() and not shouted
            if self._is_name(lower, word, place, capital):
                yield Span(word.start(), word.end(), Kind.NAME)

    def has(self, word: str) -> bool:
        """Whether the word (lower case) is a name and nothing else."""
        return word in self._known

    def also_has(self, word: str) -> bool:
        """Whether the word (lower case) is a name as well as a word."""
        return word in self._also_words

    def never_has(self, word: str) -> bool:
        """Whether the word (lower case) is a town, a month, an illness or a drug."""
        return word in self._never

    def is_ordinary(self, word: str) -> bool:
        """Whether the word (lower case) is Danish or one of the curated answers'."""
        return word in self._never or word in self.vocabulary or is_word(word)

    @cached_property
    def vocabulary(self) -> FrozenSet[str]:
        """The words of the curated answers: names of conditions, drugs and places rather than of patients."""
        answers = load_content().answers.values()
        return vocabulary_of(part for answer in answers for part in (answer.question, answer.text, answer.more or ""))

    def _is_name(self, lower: str, word: "re.Match[str]", place: int, capital: bool) -> bool:
        forms = _forms(word.group())
        if forms & self._known:
            return word.group() not in self._never
        if forms & self._also_words:
            return self._stands_as_name(lower, word, place, capital)
        if not capital or len(word.group()) < 2 or self.is_ordinary(word.group()):
            return False
        acts = place == 0 and self._acting.match(lower, word.end())
        return bool(acts or self._related.search(_before(lower, word)))

    def _stands_as_name(self, lower: str, word: "re.Match[str]", place: int, capital: bool) -> bool:
        if self._described.match(lower, word.end()):
            return True
        if place == 0:
            return bool(self._acting.match(lower, word.end())) or "'" in word.group()
        before = _before(lower, word)
        return capital and not _SENTENCE_END.search(before) and not self._month_before.search(before)

    @cached_property
    def _known(self) -> FrozenSet[str]:
        # A foreign name in Danish letters may be a Danish word: André, Jürgen.
        return frozenset(name for name in _lines(MODEL / KNOWN) if not self.is_ordinary(name))

    @cached_property
    def _also_words(self) -> FrozenSet[str]:
        return _lines(MODEL / ALSO_WORDS)

    @cached_property
    def _never(self) -> FrozenSet[str]:
        streets = (street.split()[0] for street in kept_streets())
        words = (*self._words.never_names, *self._words.towns, *self._words.months, *streets)
        return frozenset(form for word in words for form in (same_length(word), fold(same_length(word))))

    @cached_property
    def _described(self) -> "re.Pattern[str]":
        """What follows a name: a possessive apostrophe, an age, a birth."""
        age = rf"\d{{1,3}}\s*{any_of(self._words.years)}(?!\w)"
        return re.compile(rf"['’](?!\w)|\s*[,(]?\s*(?:{age}|\(?{any_of(self._words.birth)}(?!\w)\s*\d)")

    @cached_property
    def _acting(self) -> "re.Pattern[str]":
        """A verb of what persons do."""
        return re.compile(rf"'?s?\s+{any_of(self._words.person_verbs)}(?!\w)")

    @cached_property
    def _related(self) -> "re.Pattern[str]":
        """A word for a relative or a member of staff, before a name."""
        return re.compile(rf"(?<!\w)(?:{any_of([*self._words.relations, *self._words.staff])})\s*[,:]?\s*$")

    @cached_property
    def _month_before(self) -> "re.Pattern[str]":
        """What stands before a month."""
        return re.compile(rf"(?:\d\.?|(?<!\w){any_of(self._words.before_months)})\s*$")


def _before(text: str, word: "re.Match[str]") -> str:
    """The little before a word that its patterns look at; the whole would be read again with each word."""
    return text[max(0, word.start() - _NEAR) : word.start()]


def _forms(word: str) -> FrozenSet[str]:
    """The word, without a possessive s unless it is a word with it, and the parts of a double name."""
    bare = word if is_word(word) else re.sub(r"['’]?s?$", "", word)
    return frozenset({word, bare, *(part for part in re.split(r"[-'’]", word) if len(part) > 2)})


def _lines(path: Path) -> FrozenSet[str]:
    return frozenset(same_length(path.read_text(encoding="utf-8")).split())

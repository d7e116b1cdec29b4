"""Names of persons: a trained recogniser (spaCy), a list of known names, and words that a name follows.

The recogniser is ours (bot/privacy/names_model, docs/model-card-names.md). Where spaCy's da_core_news_sm is installed it
is asked, too, and what it takes for a person counts where that is written with capitals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, FrozenSet, Iterator, List, Optional

from bot.content import load as load_content
from bot.language import is_word
from bot.normaliser import Normaliser, fold, load_spelling, vocabulary_of
from bot.paths import ROOT
from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, kept_streets, load_words, same_length

if TYPE_CHECKING:
    from spacy.language import Language

MODEL = ROOT / "bot" / "privacy" / "names_model"
PERSON = "PER"
_WORD = re.compile(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*")
_DIGIT = re.compile(r"\d")
_NEXT = re.compile(r"[\s:,.–-]{1,3}([^\W\d_][^\W\d_'’.-]*(?:[-'’][^\W\d_]+)*)")
_CAPITALISED = re.compile(r"[ \t]([A-ZÆØÅÄÖÜ][^\W\d_]+(?:-[^\W\d_]+)*)")
_CAPITALISED_BEFORE = re.compile(r"(?<!\w)([A-ZÆØÅÄÖÜ][^\W\d_]+(?:-[^\W\d_]+)*)\.?[ \t]$")
_AND_OTHER = re.compile(r"(?:,| og| &| eller)[ \t]+([A-ZÆØÅÄÖÜ][^\W\d_]+(?:-[^\W\d_]+)*)")
_MOST_WORDS = 4
_SENTENCE_END = re.compile(r"(?:^|[.!?:\n])\W*$")


class NamesMissing(Exception):
    """The trained recogniser cannot be loaded."""


class Names:
    """Finds names."""

    def __init__(self, recogniser: "Language", official: "Optional[Language]" = None, words: Optional[PrivacyWords] = None):
        self._recogniser, self._official = recogniser, official
        self._words = words or load_words()

    @classmethod
    def load(cls) -> "Names":
        """With the project's recogniser, and spaCy's official pipeline where that is installed. Raises NamesMissing."""
        import spacy

        try:
            recogniser = spacy.load(MODEL)
        except OSError as error:
            raise NamesMissing(f"the recogniser of names cannot be loaded: {error}")
        return cls(recogniser, _official())

    def find(self, text: str) -> List[Span]:
        """Spans of names; they may meet."""
        found = [span for span in (*self._recognised(text), *self._second_opinion(text)) if self._may_be_name(text, span)]
        found += [*self._after_cues(text), *self._known(text)]
        found = [self._whole(text, span) for span in found]
        return [*found, *self._beside(text, found), *self._again(text, found)]

    def _recognised(self, text: str) -> Iterator[Span]:
        for entity in self._recogniser(text).ents:
            yield Span(entity.start_char, entity.end_char, Kind.NAME)

    def _second_opinion(self, text: str) -> Iterator[Span]:
        for entity in self._official(text).ents if self._official else ():
            capitals = all(word[0].isupper() for word in _WORD.findall(entity.text))
            if entity.label_ == PERSON and capitals and not text.isupper():
                yield Span(entity.start_char, entity.end_char, Kind.NAME)

    def _may_be_name(self, text: str, span: Span) -> bool:
        """Not a word that never is a name, and not an ordinary word in small letters."""
        found = text[span.start : span.end]
        words = _WORD.findall(same_length(found))
        if not words or all(word in self._never or len(word) < 2 for word in words) or _DIGIT.search(found):
            return False
        if len(words) > 1 or found != found.lower() or words[0] in self._lists.also_words:
            return True
        return not (is_word(words[0]) or words[0] in self._vocabulary or self._is_misspelled(words[0]))

    def _is_misspelled(self, word: str) -> bool:
        return word not in self._lists.known and self._normaliser(word) != word

    def _after_cues(self, text: str) -> Iterator[Span]:
        """One to four words after `jeg hedder`, `mvh`: names, unless they are ordinary words."""
        for cue in self._cue.finditer(same_length(text)):
            end, first = cue.end(), None
            for _ in range(_MOST_WORDS):
                following = _NEXT.match(text, end)
                if not following or not self._looks_like_name(following.group(1)):
                    break
                first = following.start(1) if first is None else first
                end = following.end(1)
            if first is not None:
                yield Span(first, end, Kind.NAME)

    def _known(self, text: str) -> Iterator[Span]:
        """Names from the lists; one that is an ordinary word, too, only where its place or its capital tells."""
        lower, shouted = same_length(text), text.isupper()
        for place, word in enumerate(_WORD.finditer(lower)):
            forms = _forms(word.group())
            if forms & self._lists.known and word.group() not in self._never:
                yield Span(word.start(), word.end(), Kind.NAME)
            elif forms & self._lists.also_words:
                if self._stands_as_name(text, lower, word, place, shouted):
                    yield Span(word.start(), word.end(), Kind.NAME)
            elif text[word.start()].isupper() and not shouted and self._is_unheard_of(word.group()):
                if place == 0 and self._doing.match(lower, word.end()) or self._related.search(lower[: word.start()]):
                    yield Span(word.start(), word.end(), Kind.NAME)

    def _stands_as_name(self, text: str, lower: str, word: "re.Match[str]", place: int, shouted: bool) -> bool:
        if self._described.match(lower, word.end()):
            return True
        if place == 0:
            return bool(self._doing.match(lower, word.end())) or "'" in word.group()
        capital = text[word.start()].isupper() and not shouted
        begins = bool(_SENTENCE_END.search(lower[: word.start()]))
        return capital and not begins and not self._month_before.search(lower[: word.start()])

    def _is_unheard_of(self, word: str) -> bool:
        return len(word) > 1 and not (word in self._never or word in self._vocabulary or is_word(word))

    def _looks_like_name(self, word: str) -> bool:
        lower = same_length(word)
        return not (lower in self._never or lower in self._vocabulary or is_word(lower))

    def _whole(self, text: str, span: Span) -> Span:
        """The name with the words in capitals that follow it at once, and such a word before it that is no Danish one."""
        start, end = span.start, span.end
        while not text.isupper() and (following := _CAPITALISED.match(text, end)):
            if same_length(following.group(1)) in self._never:
                break
            end = following.end()
        before = _CAPITALISED_BEFORE.search(text[:start])
        if before and not text.isupper() and self._is_unheard_of(same_length(before.group(1))):
            start = before.start(1)
        return Span(start, end, span.kind)

    def _beside(self, text: str, found: List[Span]) -> Iterator[Span]:
        """`… og Villum`: an unheard-of word in capitals, joined to a name."""
        for span in found:
            other = _AND_OTHER.match(text, span.end)
            if other and not text.isupper() and self._is_unheard_of(same_length(other.group(1))):
                yield Span(other.start(1), other.end(1), Kind.NAME)

    def _again(self, text: str, found: List[Span]) -> Iterator[Span]:
        """Other places in the text where a name that was found stands."""
        lower = same_length(text)
        names = {word for span in found for word in _WORD.findall(lower[span.start : span.end])}
        for word in _WORD.finditer(lower):
            if word.group() in names and len(word.group()) > 2 and not is_word(word.group()):
                yield Span(word.start(), word.end(), Kind.NAME)

    @cached_property
    def _never(self) -> FrozenSet[str]:
        streets = (street.split()[0] for street in kept_streets())
        words = (*self._words.never_names, *self._words.towns, *self._words.months, *streets)
        return frozenset(form for word in words for form in (same_length(word), fold(same_length(word))))

    @cached_property
    def _vocabulary(self) -> FrozenSet[str]:
        """The words of the curated answers: names of conditions, drugs and places rather than of patients."""
        answers = load_content().answers.values()
        return vocabulary_of(part for answer in answers for part in (answer.question, answer.text, answer.more or ""))

    @cached_property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self._vocabulary, load_spelling())

    @cached_property
    def _lists(self) -> "_Lists":
        return _Lists(*(frozenset(_lines(MODEL / file)) for file in ("known.txt", "also_words.txt")))

    @cached_property
    def _described(self) -> "re.Pattern[str]":
        """What follows a name: a possessive apostrophe, an age, a birth."""
        return re.compile(rf"['’](?!\w)|\s*[,(]?\s*(?:\d{{1,3}}\s*år(?!\w)|\(?(?:{any_of(self._words.birth)})(?!\w)\s*\d)")

    @cached_property
    def _related(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<!\w)(?:{any_of([*self._words.relations, *self._words.staff])})\s*[,:]?\s*$")

    @cached_property
    def _doing(self) -> "re.Pattern[str]":
        return re.compile(rf"'?s?\s+{any_of(self._words.person_verbs)}(?!\w)")

    @cached_property
    def _month_before(self) -> "re.Pattern[str]":
        return re.compile(rf"(?:\d\.?|(?<!\w){any_of(self._words.before_months)})\s*$")

    @cached_property
    def _cue(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<![^\W\d_]){any_of(self._words.before_names)}(?![^\W\d_])\.?")


@dataclass(frozen=True)
class _Lists:
    """Names that are nothing else, and names that are ordinary words, too; lower case."""

    known: FrozenSet[str]
    also_words: FrozenSet[str]


def _forms(word: str) -> FrozenSet[str]:
    """The word, without a possessive s unless it is a word with it, and the parts of a double name."""
    bare = word if is_word(word) else re.sub(r"['’]?s?$", "", word)
    return frozenset({word, bare, *(part for part in re.split(r"[-'’]", word) if len(part) > 2)})


def _lines(path: Path) -> List[str]:
    return path.read_text(encoding="utf-8").split()


def _official() -> "Optional[Language]":
    import spacy

    from bot.language import FULL

    if not spacy.util.is_package(FULL):
        return None
    return spacy.load(FULL, exclude=["lemmatizer", "parser", "morphologizer", "attribute_ruler"])

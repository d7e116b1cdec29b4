"""Names of persons: a trained recogniser (spaCy), a list of known names, and words that a name follows.

The recogniser is ours (bot/privacy/names_model, docs/model-card-names.md). Where spaCy's da_core_news_sm is installed it
is asked, too, and what it takes for a person counts where that is written with capitals.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Iterator, List, Optional

from bot.language import is_word
from bot.normaliser import Normaliser, load_spelling
from bot.privacy.known_names import ALSO_WORDS, KNOWN, MODEL, WORD, KnownNames
from bot.privacy.span import Kind, Span
from bot.privacy.words import PrivacyWords, any_of, load_words, same_length

if TYPE_CHECKING:
    from spacy.language import Language

PERSON = "PER"
_FILES = ("config.cfg", "tok2vec/model", "ner/model", KNOWN, ALSO_WORDS)
_DIGIT = re.compile(r"\d")
_CAPITAL = r"([A-ZÆØÅÄÖÜ][^\W\d_]+(?:-[^\W\d_]+)*)"
_NEXT = re.compile(r"[\s:,.–-]{1,3}([^\W\d_][^\W\d_'’.-]*(?:[-'’][^\W\d_]+)*)")
_CAPITAL_NEXT = re.compile(rf"[ \t]{_CAPITAL}")
_CAPITAL_BEFORE = re.compile(rf"(?<!\w){_CAPITAL}\.?[ \t]$")
_MOST_WORDS, _NEAR = 4, 60


class NamesMissing(Exception):
    """The trained recogniser cannot be loaded."""


class Names:
    """Finds names."""

    def __init__(self, recogniser: "Language", official: "Optional[Language]" = None, words: Optional[PrivacyWords] = None):
        self._recogniser, self._official = recogniser, official
        self._words = words or load_words()
        self._known = KnownNames(self._words)

    @staticmethod
    def require() -> None:
        """Raises NamesMissing when the recogniser's files are not there; loads nothing."""
        missing = [name for name in _FILES if not (MODEL / name).is_file()]
        if missing:
            raise NamesMissing(f"the recogniser of names is not whole, {missing[0]} is missing in {MODEL.name}")

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
        found = [self._whole(text, span) for span in (*found, *self._after_cues(text), *self._known.find(text))]
        return [*found, *self._beside(text, found), *self._again(text, found)]

    def _recognised(self, text: str) -> Iterator[Span]:
        for entity in self._recogniser(text).ents:
            yield Span(entity.start_char, entity.end_char, Kind.NAME)

    def _second_opinion(self, text: str) -> Iterator[Span]:
        for entity in self._official(text).ents if self._official else ():
            capitals = all(word[0].isupper() for word in WORD.findall(entity.text))
            if entity.label_ == PERSON and capitals and not text.isupper():
                yield Span(entity.start_char, entity.end_char, Kind.NAME)

    def _may_be_name(self, text: str, span: Span) -> bool:
        """Not a word that never is a name, and not an ordinary or misspelled word in small letters."""
        found = text[span.start : span.end]
        words = WORD.findall(same_length(found))
        if not words or all(self._known.never_has(word) or len(word) < 2 for word in words) or _DIGIT.search(found):
            return False
        if len(words) > 1 or found != found.lower() or self._known.also_has(words[0]):
            return True
        return not (self._known.is_ordinary(words[0]) or self._is_misspelled(words[0]))

    def _is_misspelled(self, word: str) -> bool:
        return not self._known.has(word) and self._normaliser(word) != word

    def _after_cues(self, text: str) -> Iterator[Span]:
        """One to four words after a word that a name follows, unless they are ordinary words."""
        for cue in self._cue.finditer(same_length(text)):
            end, first = cue.end(), None
            for _ in range(_MOST_WORDS):
                following = _NEXT.match(text, end)
                if not following or self._known.is_ordinary(same_length(following.group(1))):
                    break
                first = following.start(1) if first is None else first
                end = following.end(1)
            if first is not None:
                yield Span(first, end, Kind.NAME)

    def _whole(self, text: str, span: Span) -> Span:
        """The name with the words in capitals that follow it at once, and such a word before it that is no Danish one."""
        if text.isupper():
            return span
        start, end = span.start, span.end
        while (following := _CAPITAL_NEXT.match(text, end)) and not self._known.never_has(same_length(following.group(1))):
            end = following.end()
        before = _CAPITAL_BEFORE.search(text, max(0, start - _NEAR), start)
        if before and not self._known.is_ordinary(same_length(before.group(1))):
            start = before.start(1)
        return Span(start, end, span.kind)

    def _beside(self, text: str, found: List[Span]) -> Iterator[Span]:
        """An unheard-of word in capitals, joined to a name by `and`."""
        for span in found:
            other = self._joined.match(text, span.end)
            if other and not text.isupper() and not self._known.is_ordinary(same_length(other.group(1))):
                yield Span(other.start(1), other.end(1), Kind.NAME)

    def _again(self, text: str, found: List[Span]) -> Iterator[Span]:
        """Other places in the text where a name that was found stands."""
        lower = same_length(text)
        names = {word for span in found for word in WORD.findall(lower[span.start : span.end])}
        for word in WORD.finditer(lower):
            if word.group() in names and len(word.group()) > 2 and not is_word(word.group()):
                yield Span(word.start(), word.end(), Kind.NAME)

    @cached_property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self._known.vocabulary, load_spelling())

    @cached_property
    def _joined(self) -> "re.Pattern[str]":
        return re.compile(rf"(?:,|[ \t]{any_of(self._words.name_joins)})[ \t]+{_CAPITAL}")

    @cached_property
    def _cue(self) -> "re.Pattern[str]":
        return re.compile(rf"(?<![^\W\d_]){any_of(self._words.before_names)}(?![^\W\d_])\.?")


def _official() -> "Optional[Language]":
    import spacy

    from bot.language import FULL

    if not spacy.util.is_package(FULL):
        return None
    return spacy.load(FULL, exclude=["lemmatizer", "parser", "morphologizer", "attribute_ruler"])

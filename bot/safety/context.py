"""The third part of the detector: what is said around a sign, so that it is not here and now.

After ConText (Harkema et al., 2009): words of negation, past, hypothesis and figure of speech reach as far as their
clause. They soften an alarm to a notice and never mute one.
"""

from __future__ import annotations

import re
from typing import List, Pattern, Sequence, Tuple

from bot.document import Record
from bot.normaliser import fold, plain
from bot.safety.tokens import Tokens

_YEAR = r"\b(?:19\d\d|20[01]\d|202[0-4])\b"
_NEGATION_REACH = 4
_FEWEST_BESIDE_A_FIGURE = 5


class ContextWords(Record):
    """content/safety_context.yml."""

    negation: Tuple[str, ...]
    past: Tuple[str, ...]
    known: Tuple[str, ...]
    hypothetical: Tuple[str, ...]
    figurative: Tuple[str, ...]
    turns: Tuple[str, ...]
    here: Tuple[str, ...]
    others: Tuple[str, ...]
    confirms: Tuple[str, ...]


class Context:
    """Reads what is said around signs."""

    def __init__(self, words: ContextWords):
        self._negations = frozenset(fold(word) for word in words.negation)
        self._turns = frozenset(fold(word) for word in words.turns)
        self._cues = _any_of((*words.known, *words.hypothetical, *words.figurative))
        self._past = re.compile(rf"{_YEAR}|{_any_of(words.past).pattern}")
        self._here = _any_of(words.here)
        self._figures = _any_of([*words.figurative, *map(fold, words.figurative)], as_written=True)
        self._others = _any_of(words.others)
        self._confirms = _any_of(words.confirms)

    def softening(self, tokens: Tokens, places: Sequence[int], history: bool = False) -> str:
        """The word that softens a sign met at these places; empty for none. With `history` the past does not soften."""
        clause = self._clause(tokens, places)
        for place in clause:
            if place not in places and places[0] - _NEGATION_REACH <= place < places[-1] and tokens.folded[place] in self._negations:
                return tokens.words[place]
        if self._here.search(" ".join(tokens.folded)):
            return ""
        said = " ".join(tokens.folded[place] for place in clause)
        found = self._cues.search(said) or (None if history else self._past.search(said))
        return found[0] if found else ""

    def literal(self, normalised: str) -> str:
        """The text without figures of speech, which would alarm the classifier for nothing; empty when little is left."""
        literal = self._figures.sub(" ", normalised)
        return "" if literal != normalised and len(literal.split()) < _FEWEST_BESIDE_A_FIGURE else literal

    def is_about_another(self, text: str) -> bool:
        """Whether the writer seems to tell of someone else."""
        return bool(self._others.search(fold(plain(text))))

    def confirms(self, text: str) -> str:
        """The word of assent that the text begins with; empty for none."""
        found = self._confirms.match(fold(plain(text)))
        return found[0] if found else ""

    def _clause(self, tokens: Tokens, places: Sequence[int]) -> List[int]:
        """The places around a sign in its sentences, up to a word that turns the meaning ("men", "nu")."""
        numbers = {tokens.sentences[place] for place in places}
        first, last = places[0], places[-1]
        while first > 0 and self._goes_on(tokens, first - 1, numbers):
            first -= 1
        while last + 1 < len(tokens.words) and self._goes_on(tokens, last + 1, numbers):
            last += 1
        return [place for place in range(first, last + 1) if tokens.sentences[place] in numbers]

    def _goes_on(self, tokens: Tokens, place: int, sentences: "set[int]") -> bool:
        return tokens.sentences[place] in sentences and tokens.folded[place] not in self._turns


def _any_of(phrases: Sequence[str], as_written: bool = False) -> Pattern[str]:
    """Finds the phrases as whole words, the longest first; folded unless `as_written`."""
    ordered = sorted((phrase if as_written else fold(phrase) for phrase in phrases), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)")

"""The first part of the detector: signs as Danish words and phrases, written for clinicians in content/red_flags.yml.

A sign is raised where each of its groups has a phrase near the others. Words are compared after case, æ/ø/å and
inflection are evened out; a word of five letters or more may hold a typing error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.document import Record
from bot.language import is_word
from bot.normaliser import fold
from bot.safety.tokens import Tokens

DEFAULT_WITHIN = 12
_GAP = 2
_SHORTEST_TYPO = 5
_LONG_WORD = 9
Run = Tuple[int, ...]


class Sign(Record):
    """A sign of a flag: every group of `all` must be met by one of its phrases, within so many words.

    A phrase is one or more words in this order, with at most two others in between; `*` stands for any letters at the
    beginning or end of a word. `not_with` are phrases beside which the sign does not count. `level` overrides the flag's.
    `history`: what is past is part of the sign (cancer years ago, and now the back), so that words of the past do not soften.
    """

    name: str
    all: Tuple[Tuple[str, ...], ...]
    within: int = DEFAULT_WITHIN
    not_with: Tuple[str, ...] = ()
    level: Optional[str] = None
    history: bool = False


@dataclass(frozen=True)
class Match:
    """A sign that was found: its flag, and the indices of the words that met it."""

    flag: str
    sign: Sign
    places: Tuple[int, ...]


class Matcher:
    """Finds signs in messages; made once from all flags' signs."""

    def __init__(self, signs: Mapping[str, Sequence[Sign]]):
        self._signs = [(flag, sign) for flag, owned in signs.items() for sign in owned]
        phrases = {p for _, sign in self._signs for group in (*sign.all, sign.not_with) for p in group}
        self._phrases = {phrase: tuple(fold(word) for word in phrase.split()) for phrase in phrases}
        self._beginning_with: Dict[str, List[str]] = {}
        for phrase, parts in self._phrases.items():
            self._beginning_with.setdefault(parts[0], []).append(phrase)
        self._vocabulary = sorted({word for parts in self._phrases.values() for word in parts})
        self._plain = [word for word in self._vocabulary if "*" not in word and len(word) >= _SHORTEST_TYPO]
        self._beginnings = {word[:-1] for word in self._vocabulary if word.endswith("*") and not word.startswith("*")}
        self._parts = [word for word in self._vocabulary if word.startswith("*")]
        self._exact = set(self._vocabulary)

    def find(self, tokens: Tokens, reaching: int = 0) -> List[Match]:
        """The signs in a message; of a conversation those that reach the word `reaching`, where its last message begins."""
        runs = self._runs(self._places(tokens))
        return [
            Match(flag, sign, found)
            for flag, sign in self._signs
            if (found := _met(sign, runs, reaching)) is not None
        ]

    def _places(self, tokens: Tokens) -> Dict[str, List[int]]:
        """For each word of the patterns the indices of the message's words that it fits."""
        found: Dict[str, List[int]] = {}
        for index, forms in enumerate(zip(tokens.folded, tokens.lemmas)):
            for form in set(forms):
                if form in self._exact:
                    found.setdefault(form, []).append(index)
            for stem in self._stems(forms[0]):
                found.setdefault(stem, []).append(index)
        for word, index in self._misspelled(tokens):
            found.setdefault(word, []).append(index)
        return {word: sorted(set(indices)) for word, indices in found.items()}

    def _stems(self, word: str) -> Iterator[str]:
        """The patterns with `*` that a word fits."""
        yield from (f"{word[:end]}*" for end in range(1, len(word) + 1) if word[:end] in self._beginnings)
        yield from (part for part in self._parts if _fits(part, word))

    def _misspelled(self, tokens: Tokens) -> Iterator[Tuple[str, int]]:
        typed = [(i, word) for i, word in enumerate(tokens.folded) if len(word) >= _SHORTEST_TYPO]
        if not typed or not self._plain:
            return
        distances = process.cdist([word for _, word in typed], self._plain, scorer=OSA.distance, score_cutoff=2)
        for row, column in zip(*np.nonzero(distances <= 2)):
            index, word = typed[row]
            if distances[row, column] <= _typos(word, self._plain[column], tokens.words[index]):
                yield self._plain[column], index

    def _runs(self, places: Mapping[str, Sequence[int]]) -> Dict[str, List[Run]]:
        """The phrases that stand in the message, each with the places where its words stand in order, near one another."""
        found: Dict[str, List[Run]] = {}
        for first in places:
            for phrase in self._beginning_with.get(first, ()):
                runs = _runs_of(self._phrases[phrase], places)
                if runs:
                    found[phrase] = runs
        return found


def _runs_of(parts: Sequence[str], places: Mapping[str, Sequence[int]]) -> List[Run]:
    runs: List[Run] = [(index,) for index in places[parts[0]]]
    for word in parts[1:]:
        runs = [(*run, index) for run in runs for index in places.get(word, ()) if 0 < index - run[-1] <= _GAP + 1]
    return runs


def _met(sign: Sign, runs: Mapping[str, Sequence[Run]], reaching: int) -> Optional[Run]:
    """Where the words that meet the sign stand; None where it is not met."""
    groups = []
    for group in sign.all:
        standing = [run for phrase in group if phrase in runs for run in runs[phrase]]
        if not standing:
            return None
        groups.append(standing)
    if any(phrase in runs for phrase in sign.not_with):
        return None
    for first in sorted({run[0] for group in groups for run in group}):
        chosen = _within(groups, first, first + sign.within, reaching)
        if chosen is not None:
            return tuple(sorted({index for run in chosen for index in run}))
    return None


def _within(groups: Sequence[Sequence[Run]], first: int, last: int, reaching: int) -> Optional[List[Run]]:
    """A run of each group between two places, one of them reaching a third; the earliest ones. None where there are none."""
    inside = [[run for run in group if first <= run[0] and run[-1] <= last] for group in groups]
    if not all(inside):
        return None
    chosen = [min(group, key=lambda run: run[-1]) for group in inside]
    if max(run[-1] for run in chosen) >= reaching:
        return chosen
    for number, group in enumerate(inside):
        reached = [run for run in group if run[-1] >= reaching]
        if reached:
            return [*chosen[:number], reached[0], *chosen[number + 1 :]]
    return None


def _fits(pattern: str, word: str) -> bool:
    """Whether a word fits a pattern that begins with `*` (and may end with it)."""
    core = pattern.strip("*")
    return core in word if pattern.endswith("*") else word.endswith(core)


def _typos(typed: str, meant: str, original: str) -> int:
    """How many typing errors are allowed: none in short words; two in long ones that are no Danish words."""
    if is_word(original):
        return 1 if len(typed) >= 7 and typed[0] == meant[0] else 0
    return 2 if min(len(typed), len(meant)) >= _LONG_WORD else 1

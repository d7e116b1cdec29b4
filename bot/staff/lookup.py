"""Curated answers by some of their words, roughly spelled: for people who know what they look for."""

from __future__ import annotations

import re
from typing import FrozenSet, Tuple

from rapidfuzz import fuzz

from bot.content import Answer, Content
from bot.normaliser import fold

_WORD = re.compile(r"[^\W_]+")
# What a word in an answer's text is worth, beside one in its question or id.
_IN_TEXT = 0.6
_INSIDE = 0.9
_SHORTEST_INSIDE = 4
_ALIKE = 0.75


def answers_like(wanted: str, content: Content, most: int) -> Tuple[Answer, ...]:
    """The answers that share most letters' worth of words with `wanted`, best first; none that share nothing."""
    asked = _words(wanted)
    scored = [(_score(asked, answer), answer) for answer in content.answers.values()]
    best = sorted(((score, answer) for score, answer in scored if score), key=lambda pair: -pair[0])
    return tuple(answer for _, answer in best[:most])


def _score(asked: FrozenSet[str], answer: Answer) -> float:
    title, text = _words(f"{answer.question} {answer.id}"), _words(answer.text)
    return sum(len(word) * max(_closest(word, title), _IN_TEXT * _closest(word, text)) for word in asked)


def _closest(word: str, words: FrozenSet[str]) -> float:
    return max((_likeness(word, other) for other in words), default=0.0)


def _likeness(word: str, other: str) -> float:
    """1 for a word that begins so, less for one that holds it or is spelled much like it, else 0."""
    if other.startswith(word):
        return 1.0
    if len(word) >= _SHORTEST_INSIDE and word in other:
        return _INSIDE
    likeness = fuzz.ratio(word, other) / 100
    return likeness if likeness >= _ALIKE else 0.0


def _words(text: str) -> FrozenSet[str]:
    return frozenset(_WORD.findall(fold(text.lower())))

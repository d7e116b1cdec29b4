"""No way of typing loses an alarm: case, æ/ø/å, a typing error, blanks, politeness, emoji."""

from __future__ import annotations

import random
import re
from typing import Callable, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from bot.safety.detector import Detector
from tests.test_safety import must_catch

LONG_WORD = re.compile(r"[^\W\d_]{5,}")
NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "u": "y", "s": "d", "t": "r", "n": "m", "r": "t", "d": "f", "k": "l", "l": "k"}
POLITE_BEFORE = ("Goddag og tak for sidst.", "Hej alle sammen, jeg håber det er her man skriver.", "Kære personale!")
POLITE_AFTER = ("På forhånd mange tak.", "Venlig hilsen og god aften til jer.", "Tak fordi I gider hjælpe 🙏")
EMOJI = ("😟", "🙏", "😭😭", "❤️")
PLAIN = [case for case in must_catch() if case.cell == "plain" and len(case.turns) == 1]


def _typing_error(text: str, chance: random.Random) -> str:
    """One error in one word of five letters or more: a letter left out, doubled, swapped or hit beside."""
    words = list(LONG_WORD.finditer(text))
    if not words:
        return text
    word = chance.choice(words)
    place = chance.randrange(1, len(word[0]) - 1)
    before, letter, after = word[0][:place], word[0][place], word[0][place + 1 :]
    wrong = chance.choice(
        [before + after, before + 2 * letter + after, before + after[0] + letter + after[1:],
         before + NEIGHBOURS.get(letter.lower(), letter) + after]
    )
    return text[: word.start()] + wrong + text[word.end() :]


TRANSFORMATIONS: Dict[str, Callable[[str, random.Random], str]] = {
    "capitals": lambda text, chance: text.upper(),
    "small letters": lambda text, chance: text.lower(),
    "ae, oe and aa": lambda text, chance: text.replace("æ", "ae").replace("ø", "oe").replace("å", "aa"),
    "doubled blanks": lambda text, chance: text.replace(" ", "  "),
    "a polite sentence before": lambda text, chance: f"{chance.choice(POLITE_BEFORE)} {text}",
    "a polite sentence after": lambda text, chance: f"{text.rstrip('.')}. {chance.choice(POLITE_AFTER)}",
    "an emoji": lambda text, chance: f"{text} {chance.choice(EMOJI)}",
    "a typing error": _typing_error,
}


@pytest.fixture(scope="module")
def detector() -> Detector:
    """The whole detector."""
    return Detector().with_model()


def test_there_is_a_plain_wording_of_every_sign() -> None:
    assert len(PLAIN) >= 60


@pytest.mark.parametrize("name", [name for name in TRANSFORMATIONS if name != "a typing error"])
def test_the_way_it_is_typed_loses_no_alarm(detector: Detector, name: str) -> None:
    typed: List[str] = [TRANSFORMATIONS[name](case.turns[0], random.Random(1)) for case in PLAIN]
    assert [text for text in typed if detector.screen(text).alarm is None] == []


@settings(max_examples=400, deadline=None, derandomize=True)
@given(draw.sampled_from(PLAIN), draw.lists(draw.sampled_from(sorted(TRANSFORMATIONS)), max_size=3, unique=True), draw.integers(0, 10_000))
def test_no_mixture_of_transformations_loses_an_alarm(detector: Detector, case, names: List[str], seed: int) -> None:  # type: ignore[no-untyped-def]
    text, chance = case.turns[0], random.Random(seed)
    for name in names:
        text = TRANSFORMATIONS[name](text, chance)
    assert detector.screen(text).alarm, (names, text)

"""Texts made to keep pattern matching busy for ever come to an end: one such message must not stop the server."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.paths import ROOT

PATIENCE_SECONDS = 120
UNITS = (
    "a.", "dot ", "bolig 1 ", "A. ", "st. ", "gl. ", "Bo ", "+", "(", "'", "1 ", "12-", "a. b. ", "aaaa-", "og så ", "tyvende ",
    "a snabel a ", "dot a ", "sal 1, ", "bor på ", "i i ", "1 a ", "st 1 ", "Aa Bb 1 ", "   1", "født 1 ", "ikke ", "kan ikke få ",
)
SCREEN = "from bot.safety.detector import Detector; take = Detector().screen"
REDACT = "from bot.privacy.redactor import Deidentifier; take = Deidentifier().redact"


@pytest.mark.parametrize("prepare", [SCREEN, REDACT], ids=["screening", "de-identification"])
def test_a_text_of_endless_repetition_comes_to_an_end(prepare: str) -> None:
    program = f"{prepare}\nfor unit in {UNITS!r}: take((unit * 2000)[:2000])\nprint('done')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert ended.stdout.strip() == "done"

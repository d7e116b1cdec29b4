"""How replies are judged against what was expected."""

from __future__ import annotations

import pytest

from bot.scoring import Seen, judge


def _seen(answers: "tuple[str, ...]" = (), suggestions: "tuple[str, ...]" = (), alarm: bool = False) -> Seen:
    return Seen(frozenset(answers), frozenset(suggestions), alarm)


@pytest.mark.parametrize(
    "expected, seen, verdict",
    [
        ({"answer": ["lob.hvad"]}, _seen(("lob.hvad",)), "right"),
        ({"answer": ["lob.hvad", "lob.pris"], "both": True}, _seen(("lob.hvad",)), "wrong"),
        ({"answer": ["lob.hvad"]}, _seen(("lob.pris",), ("lob.hvad",)), "offered"),
        ({"answer": ["lob.hvad"]}, _seen(("lob.pris",)), "wrong"),
        ({"answer": ["lob.hvad"]}, _seen(), "unsure"),
        ({"flag": ["akut.mave"]}, _seen(alarm=True), "caught"),
        ({"flag": ["akut.mave"]}, _seen(("lob.hvad",)), "missed"),
        ({}, _seen(), "quiet"),
        ({}, _seen(alarm=True), "false alarm"),
    ],
)
def test_a_reply_is_judged(expected: "dict[str, object]", seen: Seen, verdict: str) -> None:
    assert judge(expected, seen) == verdict

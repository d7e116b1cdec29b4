"""Whatever fails, the patient gets a kind sentence with the numbers, and an alarm its card."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Tuple

import pytest

from bot.content import Content
from bot.conversation import Conversations
from bot.safety.guard import Guard
from bot.transcripts import Transcripts, Turn


class Broken:
    """An assistant that raises, says nothing, or never answers."""

    def __init__(self, how: str):
        self._how = how

    async def answer(self, conversation: str, text: str) -> List[Dict[str, Any]]:
        if self._how == "raises":
            raise RuntimeError(text)
        if self._how == "hangs":
            await asyncio.Event().wait()
        return []


@pytest.fixture(scope="module")
def guard() -> Guard:
    """Patterns alone."""
    return Guard()


class Unreadable(Transcripts):
    """A store that can neither be read nor written, as one whose database file cannot be opened."""

    def turns(self, conversation: str) -> Tuple[Turn, ...]:
        raise OSError("unable to open database file")

    def add(self, conversation: str, turn: Turn) -> None:
        raise OSError(f"unable to write {turn.said}")


def _say(
    how: str, text: str, curated: Content, guard: Guard, transcripts: Optional[Transcripts] = None
) -> List[Dict[str, Any]]:
    conversations = Conversations(Broken(how), curated, transcripts or Transcripts(), guard)  # type: ignore[arg-type]
    # On a thread of its own: browser tests before it may have left an event loop running on this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(conversations.handle_message("a", text))).result()


@pytest.mark.parametrize("how", ["raises", "says nothing"])
def test_given_a_failing_assistant_the_patient_gets_the_numbers(how: str, curated: Content, guard: Guard) -> None:
    message = _say(how, "hvor kan jeg parkere", curated, guard)[0]
    assert message["custom"]["status"] == "error"
    assert all(number in message["text"] for number in ("56 51 28 60", "1818", "112"))


@pytest.mark.parametrize("how", ["raises", "says nothing", "hangs"])
def test_given_a_failing_or_hanging_assistant_the_card_comes_alone(how: str, curated: Content, guard: Guard) -> None:
    messages = _say(how, "jeg kan ikke få vejret og har blå læber", curated, guard)
    assert [message["custom"]["status"] for message in messages] == ["red_flag"]


def test_given_a_store_that_cannot_be_opened_the_card_comes_and_the_log_says_that_the_turn_is_lost(
    curated: Content, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    messages = _say("says nothing", "jeg kan ikke få vejret, kanelgifler", curated, guard, Unreadable())
    assert messages[0]["custom"]["status"] == "red_flag"
    assert "a turn is lost" in caplog.text and "kanelgifler" not in caplog.text


def test_a_failure_keeps_the_message_out_of_the_log(
    curated: Content, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    _say("raises", "kodeordet er kanelgifler", curated, guard)
    assert caplog.records and "kanelgifler" not in caplog.text


@pytest.mark.parametrize("text", ["/jeg kan ikke få vejret og har blå læber", "/ jeg kan ikke få vejret"])
def test_a_slash_before_an_alarm_hides_nothing(text: str, curated: Content, guard: Guard) -> None:
    assert _say("says nothing", text, curated, guard)[0]["custom"]["status"] == "red_flag"


class BrokenModel:
    """A classifier that raises."""

    def judge(self, text: str, earlier: List[str], settled: bool) -> Any:
        raise MemoryError


def test_given_a_failing_classifier_the_patterns_go_on() -> None:
    from bot.safety.detector import Detector

    assert Detector(BrokenModel()).screen("jeg kan ikke få vejret og har blå læber").alarm  # type: ignore[arg-type]


def test_given_a_message_that_cannot_be_screened_the_numbers_come(
    curated: Content, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(text: str, before: List[str], after_asking: bool) -> Any:
        raise RuntimeError

    monkeypatch.setattr(guard, "screen", fails)
    message = _say("says nothing", "hvor kan jeg parkere", curated, guard)[0]
    assert message["custom"]["status"] == "error" and "112" in message["text"]

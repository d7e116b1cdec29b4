"""Whatever fails, the patient gets a kind sentence with the numbers, and an alarm its card."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Coroutine, Dict, List, Optional, Tuple

import pytest

from bot.archive import Archive
from bot.assistant import Answered, Readiness
from bot.content import Content
from bot.conversation import Conversations, NotYet
from bot.edition import current
from bot.privacy.redactor import Redacted
from bot.safety.guard import Guard
from bot.store.turn import Turn


class Broken:
    """An assistant that raises, says nothing, or never answers; it notes what it was asked."""

    readiness = Readiness(True, "ready", "a model")

    def __init__(self, how: str):
        self._how = how
        self.asked: List[str] = []

    async def answer(self, conversation: str, text: str) -> Answered:
        self.asked.append(text)
        if self._how == "raises":
            raise RuntimeError(text)
        if self._how == "hangs":
            await asyncio.Event().wait()
        return Answered(())


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: List[Turn] = []

    def turns(self, conversation: str) -> Tuple[Turn, ...]:
        return tuple(self.kept)

    def keep(self, turn: Turn) -> None:
        self.kept.append(turn)


    def remembered(self, conversation: str) -> Tuple[Turn, ...]:
        return tuple(self.kept)


class Failing(Kept):
    """A store that can neither be read nor written."""

    def turns(self, conversation: str) -> Tuple[Turn, ...]:
        raise OSError("unable to open database file")

    def keep(self, turn: Turn) -> None:
        raise OSError(f"unable to write {turn.said}")


class Redacting:
    """De-identification of one name, or a failing one."""

    def __init__(self, fails: bool = False):
        self._fails = fails

    async def redact(self, text: str) -> Redacted:
        if self._fails:
            raise MemoryError(text)
        return Redacted(text.replace("Grethe", "[NAVN]"), ("NAME",) if "Grethe" in text else ())


@pytest.fixture(scope="module")
def guard() -> Guard:
    """Patterns alone."""
    return Guard()


def _turn(
    how: str,
    text: str,
    curated: Content,
    guard: Guard,
    store: Optional[Kept] = None,
    redacting: Optional[Redacting] = None,
    assistant: Optional[Broken] = None,
) -> Turn:
    archive = Archive(store or Kept())  # type: ignore[arg-type]
    asked: Any = assistant or Broken(how)
    conversations = Conversations(asked, archive, guard, redacting or Redacting())  # type: ignore[arg-type]
    return _run(lambda: conversations.handle_message("a", text))  # type: ignore[no-any-return]


def _say(how: str, text: str, curated: Content, guard: Guard, store: Optional[Kept] = None) -> List[Dict[str, Any]]:
    return list(_turn(how, text, curated, guard, store).replies)


@pytest.mark.parametrize("how", ["raises", "says nothing"])
def test_given_a_failing_assistant_the_patient_gets_the_numbers(how: str, curated: Content, guard: Guard) -> None:
    message = _say(how, "hvor kan jeg parkere", curated, guard)[0]
    assert message["custom"]["status"] == "error"
    assert all(number in message["text"] for number in ("56 51 28 60", "1818", "112"))


@pytest.mark.parametrize("how", ["raises", "says nothing", "hangs"])
def test_given_a_failing_or_hanging_assistant_the_card_comes_alone(how: str, curated: Content, guard: Guard) -> None:
    messages = _say(how, "jeg kan ikke få vejret og har blå læber", curated, guard)
    assert [message["custom"]["status"] for message in messages] == ["red_flag"]


def test_given_a_store_that_fails_the_card_comes_and_the_log_says_so_without_the_text(
    curated: Content, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    messages = _say("says nothing", "jeg kan ikke få vejret, kanelgifler", curated, guard, Failing())
    assert messages[0]["custom"]["status"] == "red_flag"
    assert "a turn may be lost" in caplog.text and "kanelgifler" not in caplog.text


def test_given_turns_that_cannot_be_read_the_remembered_ones_complete_a_sign(curated: Content, guard: Guard) -> None:
    class Forgetful(Kept):
        def turns(self, conversation: str) -> Tuple[Turn, ...]:
            raise OSError

    store = Forgetful()
    _turn("says nothing", "jeg har fået ondt i brystet", curated, guard, store)
    assert store.remembered("a") and _turn("says nothing", "og nu kan jeg ikke få vejret", curated, guard, store).status == "red_flag"


def test_rasa_and_the_store_get_the_text_without_the_name(curated: Content, guard: Guard) -> None:
    store, assistant = Kept(), Broken("says nothing")
    _turn("", "jeg hedder Grethe, hvor kan jeg parkere", curated, guard, store, assistant=assistant)
    assert assistant.asked == ["jeg hedder [NAVN], hvor kan jeg parkere"] and store.kept[0].said == assistant.asked[0]
    assert store.kept[0].removed == ("NAME",)


def test_the_screening_reads_the_text_as_it_was_written(curated: Content, guard: Guard) -> None:
    class Greedy(Redacting):
        async def redact(self, text: str) -> Redacted:
            return Redacted("[NAVN]", ("NAME",), frozenset({"vejret"}))

    store = Kept()
    turn = _turn("says nothing", "jeg kan ikke få vejret", curated, guard, store, Greedy())
    assert turn.status == "red_flag" and turn.screening.flag == "akut.aandenoed"
    assert all("vejret" not in finding["words"] for finding in turn.screening.findings)


def test_given_a_language_that_cannot_be_told_the_card_comes(
    curated: Content, guard: Guard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(text: str) -> str:
        raise MemoryError(text)

    monkeypatch.setattr("bot.conversation.language_of", fails)
    turn = _turn("says nothing", "jeg kan ikke få vejret og har blå læber", curated, guard)
    assert turn.status == "red_flag" and turn.language == "da" and "blå læber" not in caplog.text


@pytest.mark.parametrize("text, status", [("jeg kan ikke få vejret og har blå læber", "red_flag"), ("hvor kan jeg parkere", "error")])
def test_given_a_failing_de_identification_the_text_is_dropped_and_only_the_screening_reads_it(
    curated: Content, guard: Guard, caplog: pytest.LogCaptureFixture, text: str, status: str
) -> None:
    store, assistant = Kept(), Broken("says nothing")
    turn = _turn("", text, curated, guard, store, Redacting(fails=True), assistant)
    assert turn.status == status and assistant.asked == []
    assert store.kept[0].said == curated.phrases.removed and text not in caplog.text


def test_a_turn_holds_what_was_thought_and_by_which_versions(curated: Content, guard: Guard) -> None:
    store = Kept()
    _turn("says nothing", "jeg kan ikke få vejret", curated, guard, store)
    kept = store.kept[0]
    assert (kept.screening.level, kept.model, kept.content, kept.language) == ("112", "a model", current().version, "da")
    assert kept.screening.findings[0]["words"] and 0 < kept.seconds < 5


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


class Slow(Broken):
    """An assistant that answers once it is allowed to."""

    def __init__(self) -> None:
        super().__init__("says nothing")
        self.allowed = asyncio.Event()

    async def answer(self, conversation: str, text: str) -> Answered:
        await self.allowed.wait()
        return await super().answer(conversation, text)


def test_a_message_that_comes_again_meanwhile_or_later_is_answered_once(guard: Guard) -> None:
    store = Kept()

    async def talk() -> Tuple[Slow, List[Turn]]:
        assistant = Slow()
        conversations = Conversations(assistant, Archive(store), guard, Redacting())  # type: ignore[arg-type]
        both = [asyncio.ensure_future(conversations.handle_message("a", "hvor kan jeg parkere", "x" * 16)) for _ in range(2)]
        await asyncio.sleep(0)
        assistant.allowed.set()
        turns = [await each for each in both]
        return assistant, [*turns, await conversations.handle_message("a", "hvor kan jeg parkere", "x" * 16)]

    assistant, turns = _run(talk)
    assert len({turn.id for turn in turns}) == len(store.kept) == len(assistant.asked) == 1


def test_while_the_server_starts_a_sender_who_waits_sends_again_and_an_alarm_gets_its_card(guard: Guard) -> None:
    store = Kept()

    async def talk() -> Turn:
        assistant = Broken("raises")
        assistant.readiness = Readiness(False, "starting", starting=True)
        conversations = Conversations(assistant, Archive(store), guard, Redacting())  # type: ignore[arg-type]
        with pytest.raises(NotYet):
            await conversations.handle_message("a", "hvor kan jeg parkere", "x" * 16, waits=True)
        assert store.kept == []
        assert (await conversations.handle_message("a", "hvor kan jeg parkere")).status == "error"
        return await conversations.handle_message("a", "jeg kan ikke få vejret og har blå læber", "y" * 16, waits=True)

    assert _run(talk).status == "red_flag" and len(store.kept) == 2


def _run(talk: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    # On a thread of its own: browser tests before it may have left an event loop running on this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(talk())).result()

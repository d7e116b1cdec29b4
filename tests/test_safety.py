"""Red flags are caught: by the detector alone, and at the gateway whatever else fails."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Iterator, List, Mapping, Tuple
from uuid import uuid4

import pytest

from bot.content import Content
from bot.edition import current
from bot.examples import same_words
from bot.paths import ROOT
from bot.readability import lix, words
from bot.reply import Message
from bot.safety.card import DENMARK, card, doctors_are_open
from bot.safety.detector import Detector, Verdict
from bot.safety.flags import ORDER, Level, load_flags
from bot.safety.model import examples
from tests.conftest import Server, StartServer

TABLES = Path(__file__).parent / "safety"
# What is reached today: a change that catches less, or raises more false alarms, does not land. The aim for false alarms is 0.02.
LEAST_RECALL = 1.0
LEAST_AT_LEVEL = 0.995
MOST_FALSE_ALARMS = 0.06
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=DENMARK)
MONDAY_NIGHT = datetime(2026, 11, 23, 23, tzinfo=DENMARK)
CHRISTMAS_NOON = datetime(2026, 12, 25, 12, tzinfo=DENMARK)


@dataclass(frozen=True)
class MustCatch:
    """A wording of a sign: which flag, what kind of wording, the level at least, and the turns it is told in."""

    flag: str
    cell: str
    level: Level
    turns: Tuple[str, ...]


def must_catch(folder: str = "must_catch") -> Iterator[MustCatch]:
    """The tables, a file a flag: number of the sign, cell, level, turns. Those of `corrections` have been learnt."""
    for path in sorted((TABLES / folder).glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            _, cell, level, text = line.split("\t")
            yield MustCatch(path.stem, cell, Level(level), tuple(text.split(" || ")))


@pytest.fixture(scope="module")
def detector() -> Detector:
    """The whole detector."""
    return Detector().with_model()


@pytest.fixture(scope="module")
def screened(detector: Detector) -> Mapping[MustCatch, Tuple[Verdict, ...]]:
    """The verdict on each turn of every case, read with those before it."""
    cases = [*must_catch(), *must_catch("corrections")]
    return {case: tuple(detector.screen(turn, case.turns[:n]) for n, turn in enumerate(case.turns)) for case in cases}


def test_every_flag_has_a_table_of_must_catch_cases() -> None:
    assert {case.flag for case in must_catch()} == set(load_flags())


def test_recall_on_must_catch_cases_does_not_fall(screened: Mapping[MustCatch, Tuple[Verdict, ...]]) -> None:
    missed = [case for case, verdicts in screened.items() if not any(verdict.alarm for verdict in verdicts)]
    assert 1 - len(missed) / len(screened) >= LEAST_RECALL, "\n".join(map(str, missed))


def test_the_level_told_is_high_enough(screened: Mapping[MustCatch, Tuple[Verdict, ...]]) -> None:
    told = {case: verdicts[0].alarm for case, verdicts in screened.items() if len(verdicts) == 1}
    low = [(case, found.level) for case, found in told.items() if found and ORDER.index(found.level) > ORDER.index(case.level)]
    assert 1 - len(low) / len(told) >= LEAST_AT_LEVEL, "\n".join(map(str, low))


def test_the_tables_hold_nothing_that_the_classifier_has_learnt() -> None:
    learned = {same_words(text) for text in examples().texts}
    hard = [line.split("\t")[1] for line in (TABLES / "hard_negatives.tsv").read_text(encoding="utf-8").splitlines() if line]
    asked = [turn for case in must_catch() for turn in case.turns] + hard
    assert [text for text in asked if same_words(text) in learned and len(text.split()) > 4] == []


def test_false_alarms_on_hard_negatives_do_not_rise(detector: Detector) -> None:
    lines = (TABLES / "hard_negatives.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines if line.strip()]
    false = [text for text in texts if detector.screen(text).alarm]
    assert len(false) / len(texts) <= MOST_FALSE_ALARMS, "\n".join(false)


@pytest.mark.parametrize(
    "text, flag",
    [
        ("jeg kan pludselig ikke tisse og er følelsesløs i skridtet", "akut.cauda_equina"),
        ("det trykker i brystet og stråler ud i armen, jeg sveder koldt", "akut.brystsmerter"),
        ("min kone hænger i den ene side af munden og taler sløret", "akut.slagtilfaelde"),
        ("jeg vil ikke leve mere", "akut.selvmord"),
        ("har lige taget 20 panodil", "akut.forgiftning"),
        ("kan ikke få vejret", "akut.aandenoed"),
    ],
)
def test_plain_alarms_are_caught_by_patterns_alone(text: str, flag: str) -> None:
    found = Detector().screen(text).alarm
    assert found and found.flag.id == flag and found.part == "pattern" and found.words


def test_patterns_need_none_of_the_large_packages_that_take_seconds_to_import() -> None:
    program = """
import sys
from bot.safety.detector import Detector
assert Detector().screen("kan ikke få vejret").alarm
sys.exit(", ".join({"spacy", "thinc", "tensorflow", "sklearn", "rasa"} & set(sys.modules)) or 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_alarm_split_over_turns_is_caught(detector: Detector) -> None:
    assert detector.screen("jeg kan heller ikke tisse", ["jeg har fået voldsomt ondt i ryggen"]).alarm


def test_a_sign_that_was_told_before_as_past_is_caught_when_it_is_told_as_now(detector: Detector) -> None:
    before = ["jeg havde ondt i ryggen og feber i 2015"]
    assert Detector().screen(before[0]).alarm is None
    assert Detector().screen("nu har jeg feber", ["jeg har ondt i ryggen", *before]).alarm


def test_a_long_message_with_many_repeated_words_hides_no_sign() -> None:
    said = "ondt i ryggen og lidt varm, " * 30 + "og så kan jeg slet ikke tisse og er følelsesløs i skridtet"
    found = Detector().screen(said).findings
    assert "akut.cauda_equina" in {finding.flag.id for finding in found}


@pytest.mark.parametrize(
    "text",
    ["ryggen slår mig ihjel", "jeg har ikke feber og kan tisse fint", "hvor kan jeg parkere", "jeg er dødtræt i dag",
     "for ti år siden havde jeg en blodprop, det er fint nu", "hvad er tegn på en blodprop"],
)
def test_calm_messages_raise_no_alarm(detector: Detector, text: str) -> None:
    assert detector.screen(text).alarm is None


def test_context_softens_to_a_notice_and_never_mutes(detector: Detector) -> None:
    verdict = detector.screen("for 12 år siden lå jeg med en blodprop i benet")
    assert verdict.alarm is None
    assert verdict.notice and verdict.notice.flag.id == "akut.blodprop_ben" and verdict.notice.softened_by


def _card(flag: str, now: datetime = MONDAY_NIGHT) -> Message:
    return card(flag, load_flags()[flag].level, current(), now, helper=False)


def test_every_card_begins_with_whom_to_ring_and_is_short_and_easy() -> None:
    for flag in load_flags():
        for level in ORDER:
            for helper in (False, True):
                for now in (MONDAY_NOON, MONDAY_NIGHT):
                    text = card(flag, level, current(), now, helper).text
                    assert text.startswith("**Ring "), (flag, level)
                    assert lix(text) <= 25, (flag, level, lix(text), text)
        own = _card(flag).text
        assert words(own) <= 60, (flag, words(own), own)


def test_no_card_shows_a_number_outside_contacts(curated: Content) -> None:
    import re

    known = {contact.tel.replace(" ", "") for contact in curated.contacts.values() if contact.tel}
    for flag, loaded in load_flags().items():
        assert not re.search(r"\d{3,}", loaded.advice + loaded.helper_advice + loaded.notice), flag
        shown = _card(flag)
        for contact in shown.custom["red_flag"]["contacts"]:
            assert contact.get("tel", "").replace(" ", "") in known | {""}
        assert "1813" not in shown.text


def test_the_right_number_comes_first_by_time_of_day(curated: Content) -> None:
    open_now = _card("akut.cauda_equina", MONDAY_NOON)
    closed = _card("akut.cauda_equina")
    assert open_now.custom["red_flag"]["contacts"][0]["label"] == curated.contacts["egen_laege"].label
    assert closed.custom["red_flag"]["contacts"][0]["tel"] == "1818"
    for shown in (open_now, closed):
        assert {"1818", "112"} <= {contact.get("tel") for contact in shown.custom["red_flag"]["contacts"]}


def test_doctors_are_closed_at_night_on_weekends_and_on_holidays() -> None:
    assert doctors_are_open(MONDAY_NOON)
    assert not doctors_are_open(MONDAY_NIGHT)
    assert not doctors_are_open(CHRISTMAS_NOON)
    assert not doctors_are_open(datetime(2026, 11, 22, 12, tzinfo=DENMARK))


def test_in_a_crisis_livslinien_is_never_the_only_number() -> None:
    for now in (MONDAY_NOON, MONDAY_NIGHT):
        numbers = [c.get("tel") for c in _card("akut.selvmord", now).custom["red_flag"]["contacts"]]
        assert numbers[0] == "112" and "1818" in numbers and "70 201 201" in numbers


def test_the_card_comes_first_and_an_ordinary_question_after_it(server: Server) -> None:
    messages = server.say("Hvor kan jeg parkere? Jeg kan for resten ikke tisse siden i morges og er følelsesløs i skridtet")
    assert messages[0]["custom"]["status"] == "red_flag"
    assert messages[0]["custom"]["red_flag"]["level"] == "nu"
    assert [m["custom"].get("answer_id") for m in messages[1:]] in ([], ["praktisk.parkering"])


def test_no_reassuring_answer_stands_beside_a_card(server: Server, curated: Content) -> None:
    messages = server.say("Er det farligt at bevæge sig, når det gør ondt? Jeg kan ikke tisse og er følelsesløs i skridtet")
    assert messages[0]["custom"]["status"] == "red_flag"
    for message in messages[1:]:
        assert not curated.answers[message["custom"]["answer_id"]].reassures


def test_after_a_card_it_asks_once_whether_someone_was_reached(server: Server) -> None:
    sender = uuid4().hex
    server.say("jeg kan pludselig ikke tisse og er følelsesløs i skridtet", sender)
    after: List[str] = [message["text"] for message in server.say("hvor kan jeg parkere", sender)]
    later = [message["text"] for message in server.say("og hvad koster lob", sender)]
    assert any("Har du fået fat i nogen?" in text for text in after)
    assert not any("Har du fået fat i nogen?" in text for text in later)


def test_a_yes_to_the_question_on_dark_thoughts_gets_the_crisis_card(server: Server) -> None:
    sender = uuid4().hex
    asked = server.say("/dialog.fortvivlet", sender)
    assert asked[0]["custom"]["answer_id"] == "dialog.fortvivlet"
    assert server.say("ja", sender)[0]["custom"]["red_flag"]["level"] == "krise"
    assert "red_flag" not in server.say("ja")[0]["custom"]


@pytest.mark.parametrize(
    "question",
    ["hvornår skal jeg ringe 112?", "hvilke alarmtegn skal jeg holde øje med, når jeg har ondt i ryggen?",
     "hvad er forskellen på 1818 og egen læge", "hvad er cauda equina"],
)
def test_a_question_on_alarm_signs_is_answered_without_an_alarm(server: Server, question: str) -> None:
    message = server.say(question)[0]
    assert message["custom"].get("answer_id") == "akut.info" and "red_flag" not in message["custom"]
    assert "112" in message["text"] and "1818" in message["text"]


def test_a_sign_that_is_past_gets_the_answer_and_a_quiet_word(server: Server) -> None:
    message = server.say("For 12 år siden lå jeg med en blodprop i benet. Hvor kan jeg parkere?")[0]
    assert message["custom"]["notice"] == {"id": "akut.blodprop_ben"} and "red_flag" not in message["custom"]
    assert load_flags()["akut.blodprop_ben"].notice in message["text"]


def test_given_no_model_the_card_comes_all_the_same(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("/healthz", model=str(tmp_path / "missing.tar.gz"))
    messages = server.say("jeg kan ikke få vejret og har blå læber")
    assert messages[0]["custom"]["status"] == "red_flag"
    assert messages[0]["custom"]["red_flag"]["level"] == "112"
    assert "112" in messages[0]["text"]

"""The page of corrections and rounds: who sees and does what, and what it says of each state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from bot.store.review import Verdict
from bot.store.rounds import OWN_DETECTOR, State
from tests.improvement import corrected
from tests.staff import Office, office

PATH = "/staff/forbedring"
REPORT: Dict[str, Any] = {
    "groups": [
        {"group": "questions", "cases": 125, "old": 124, "new": 123, "untouched": 0},
        {"group": "must_catch", "cases": 0, "old": 0, "new": 0, "untouched": 908},
        {"group": "hard_negatives", "cases": 221, "old": 208, "new": 207, "untouched": 0},
        {"group": "corrections", "cases": 2, "old": 0, "new": 1, "untouched": 0},
        {"group": "held_out", "cases": 1, "old": 0, "new": 0, "untouched": 0},
    ],
    "changes": [
        {"group": "questions", "kind": "answer", "change": "worse", "text": "hvad koster lob", "wanted": "lob.pris",
         "old": "lob.pris", "new": "clarify", "by_hand": False},
        {"group": "corrections", "kind": "answer", "change": "better", "text": "skal jeg hæve noget", "wanted": "lob.pris",
         "old": "fallback", "new": "lob.pris", "by_hand": False},
        {"group": "corrections", "kind": "no_alarm", "change": "still_wrong", "text": "<b>jeg dør af grin</b>", "wanted": "",
         "old": "akut.selvmord", "new": "akut.selvmord", "by_hand": True},
        {"group": "must_catch", "kind": "alarm", "change": "worse", "text": "det trykker", "wanted": "112",
         "old": "akut.brystsmerter", "new": "", "by_hand": False},
    ],
    OWN_DETECTOR: True,
}


@pytest.fixture
def desks(tmp_path: Path, model: Path) -> Office:
    """The site, with a trained model."""
    return office(tmp_path, model=str(model))


def _base(desks: Office) -> str:
    assert desks.desk.settings.model is not None
    return desks.desk.settings.model.name


def test_given_no_corrections_the_page_says_where_they_come_from(desks: Office) -> None:
    page = desks.signed_in("anne").get(PATH).text
    assert "ingen rettelser, der venter" in page and "intet nyt at lære" in page and "ikke lavet nogen endnu" in page


def test_a_reviewer_sees_corrections_and_the_difference_and_only_an_approver_may_begin(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg <b>slippe</b> for det", Verdict.ANSWER, "lob.pris")
    corrected(desks.database, "alt dernede er gået i sort", Verdict.ALARM, "akut.cauda_equina")
    corrected(desks.database, "min nakke er stiv som altid", Verdict.NO_ALARM)
    page = desks.signed_in("anne").get(PATH).text
    assert "hvad må jeg &lt;b&gt;slippe&lt;/b&gt; for det" in page and "Svar: Koster LOB noget?" in page
    assert "Alarm: " in page and "Ingen alarm" in page
    assert "+- intent: lob.pris" in page and "data/safety/corrections/alarms/akut.cauda_equina.txt" in page
    assert "Forbedr nu" not in page.replace("Tryk på Forbedr nu", "")
    assert "/staff/forbedring/begynd" in desks.signed_in("bo").get(PATH).text


def test_seeing_corrections_is_in_the_log_without_their_words(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg slippe for det", Verdict.ANSWER, "lob.pris")
    desks.signed_in("anne").get(PATH)
    assert ("anne", "corrections seen", "", {"count": 1}) in desks.audit()


def test_a_correction_is_left_out_with_one_click(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg slippe for det", Verdict.ANSWER, "lob.pris")
    label = desks.desk.improvement.phrases.waiting()[0].label
    client = desks.signed_in("anne")
    assert client.post_form(f"{PATH}/udelad", label=label).status_code == 303
    page = client.get(PATH).text
    assert "Rettelsen er udeladt." in page and "slippe" not in page
    client.post_form(f"{PATH}/udelad", label=label)
    assert "allerede" in client.get(PATH).text
    assert ("anne", "correction left out", str(label), {}) in desks.audit()


def test_a_phrase_that_was_taken_on_is_left_out_too(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg slippe for det", Verdict.ANSWER, "lob.pris")
    phrase = desks.desk.improvement.phrases.take("bo").counting[0]
    client = desks.signed_in("anne")
    client.post_form(f"{PATH}/udelad", phrase=phrase.id)
    assert "slippe" not in client.get(PATH).text


def test_a_correction_of_the_same_words_shows_the_one_that_it_replaces(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg slippe", Verdict.ANSWER, "lob.pris")
    desks.desk.improvement.phrases.take("bo")
    corrected(desks.database, "Hvad må jeg slippe?", Verdict.ANSWER, "smertevejleder.pris")
    page = desks.signed_in("anne").get(PATH).text
    assert "“hvad må jeg slippe”: Svar: Koster LOB noget?" in page


def test_a_correction_to_an_answer_that_is_no_more_is_shown_as_such(desks: Office) -> None:
    corrected(desks.database, "hvad må jeg slippe", Verdict.ANSWER, "lob.findes_ikke")
    page = desks.signed_in("anne").get(PATH).text
    assert "Peger på noget, der ikke findes mere" in page and "lob.findes_ikke" in page


@pytest.mark.parametrize("path", ["begynd", "tilbage"])
def test_a_reviewer_may_neither_begin_nor_go_back(desks: Office, path: str) -> None:
    assert desks.signed_in("anne").post_form(f"{PATH}/{path}", id=1).status_code == 403


@pytest.mark.parametrize("path", ["begynd", "tilbage", "udelad"])
def test_a_form_of_another_site_changes_nothing(desks: Office, path: str) -> None:
    corrected(desks.database, "hvad må jeg slippe", Verdict.ANSWER, "lob.pris")
    assert desks.signed_in("bo").post(f"{PATH}/{path}", data={"id": 1, "label": 1, "csrf": "x"}).status_code == 403
    assert desks.desk.improvement.phrases.waiting() and not desks.desk.improvement.rounds.latest()


def test_with_nothing_to_learn_no_round_begins(desks: Office) -> None:
    client = desks.signed_in("bo")
    assert client.post_form(f"{PATH}/begynd").status_code == 303
    assert "intet nyt at lære" in client.get(PATH).text and not desks.desk.improvement.rounds.latest()


def test_given_no_model_the_page_says_so(tmp_path: Path) -> None:
    desks = office(tmp_path, model=str(tmp_path / "missing.tar.gz"))
    corrected(desks.database, "hvad må jeg slippe", Verdict.ANSWER, "lob.pris")
    client = desks.signed_in("bo")
    assert "ingen trænet model" in client.get(PATH).text
    client.post_form(f"{PATH}/begynd")
    assert "Intet er sat i gang" in client.get(PATH).text


def test_a_running_round_shows_how_far_it_is_and_one_that_died_is_told_as_failed(desks: Office) -> None:
    work = desks.desk.improvement
    lock = work.folders.lock()
    id = work.rounds.begin("bo", _base(desks))
    work.rounds.progress(id, State.TRAINING, "intents", 0.25)
    client = desks.signed_in("bo")
    page = client.get(PATH).text
    assert f"Forbedring {id} er i gang" in page and 'value="0.25"' in page and "det længste trin" in page and "data-refresh" in page
    client.post_form(f"{PATH}/begynd")
    assert "allerede i gang" in client.get(PATH).text
    os.close(lock)
    page = client.get(PATH).text
    assert "gik ikke godt" in page and "er i gang<" not in page
    assert work.rounds.get(id).state is State.FAILED


@pytest.mark.parametrize("state, said", [(State.READY, "taget i brug"), (State.WORSE, "ikke taget i brug"), (State.FAILED, "gik ikke godt")])
def test_the_report_says_in_words_what_became_of_a_round(desks: Office, state: State, said: str) -> None:
    rounds = desks.desk.improvement.rounds
    rounds.end(rounds.begin("bo", _base(desks)), state, {"failure": "OSError"} if state is State.FAILED else REPORT)
    page = desks.signed_in("anne").get(PATH).text
    assert said in page
    if state is State.FAILED:
        assert "OSError" in page
        return
    assert "forslag at vælge imellem" in page and "dårligere" in page and "bedre" in page and "stadig forkert" in page
    assert "mønster, som ingen træning ændrer" in page and "mindst niveau 112" in page and "ingen alarm" in page
    assert "908 er ikke prøvet igen" in page and "&lt;b&gt;jeg dør af grin&lt;/b&gt;" in page


def test_an_approver_goes_back_with_one_click_and_only_from_the_round_in_use(desks: Office) -> None:
    rounds = desks.desk.improvement.rounds
    first = rounds.begin("bo", _base(desks))
    rounds.end(first, State.READY, REPORT)
    client = desks.signed_in("bo")
    assert "Tilbage til den forrige" in client.get(PATH).text
    client.post_form(f"{PATH}/tilbage", id=first + 1)
    assert "ikke i brug længere" in client.get(PATH).text and rounds.live()
    client.post_form(f"{PATH}/tilbage", id=first)
    page = client.get(PATH).text
    assert "inden for få sekunder" in page and "Grundmodellen uden rettelser" in page and rounds.live() is None
    assert ("bo", "improvement taken back", str(first), {"to": None}) in desks.audit()


def test_files_of_a_round_that_are_missing_are_told_and_nobody_goes_back_to_one_without_files(desks: Office) -> None:
    work = desks.desk.improvement
    for _ in range(2):
        work.rounds.end(work.rounds.begin("bo", _base(desks)), State.READY, REPORT)
    live = work.rounds.live()
    client = desks.signed_in("bo")
    assert live and "mangler på serveren" in client.get(PATH).text
    client.post_form(f"{PATH}/tilbage", id=live.id)
    assert work.rounds.live() is None


def test_a_round_on_an_older_base_is_not_in_use_and_the_page_says_what_to_do(desks: Office) -> None:
    rounds = desks.desk.improvement.rounds
    rounds.end(rounds.begin("bo", "an older base"), State.READY, REPORT)
    page = desks.signed_in("bo").get(PATH).text
    assert "ny grundmodel" in page and "Tilbage til den forrige" not in page

"""The page of one conversation: what the patient saw, what the assistant thought, and its correction in two clicks."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from sqlalchemy import func, select, update

from bot.edition import current
from bot.languages import KNOWN
from bot.privacy.redactor import Redactor
from bot.privacy.span import Kind
from bot.reply import answered
from bot.safety.card import card
from bot.safety.flags import Level
from bot.staff.words import load_staff_words
from bot.store.inbox import Query
from bot.store.review import MOST_OF_PHRASE, Label, Rating, Verdict, rate
from bot.store.tables import labels
from bot.store.transcripts import Transcripts
from bot.store.turn import BUTTON, Screening, Turn
from tests.databases import NOW
from tests.staff import PASSWORD, Client, Office, office, served

PAGE = "/staff/samtaler"
NASTY = "<script>alert('x')</script>'; DROP TABLE turns; -- \"><img src=x onerror=alert(1)>"
WORDS = load_staff_words()["conversation"]


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """The de-identifier, loaded."""
    made, at_once = Redactor(), Future()  # type: ignore[var-annotated]
    at_once.set_result(None)
    made.start(after=at_once).result(timeout=300)
    return made


@pytest.fixture
def at(tmp_path: Path, redactor: Redactor) -> Office:
    """The staff's site."""
    return office(tmp_path, redactor=redactor)


def _turn(said: str = "hvor længe varer lob", minutes: int = 0, conversation: str = "a", **values: Any) -> Turn:
    reply = answered(current().content.answers["lob.hvad"], current().content).as_dict()
    ranking = (("lob.hvad", 0.61), ("lob.varighed", 0.22), ("tilstand.prognose", 0.05))
    return Turn(conversation, NOW + timedelta(minutes=minutes), said, (reply,), **{"ranking": ranking, **values})


def _keep(at: Office, *turns: Turn) -> None:
    for turn in turns:
        Transcripts(at.database).add(turn)


def _page(client: Client, path: str = f"{PAGE}/a") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def _correct(client: Client, turn: Turn, choice: str, **fields: Any) -> Any:
    return client.post_form(f"{PAGE}/{turn.conversation}/ret", tur=turn.id, nummer=1, valg=choice, **{"tekst": turn.said, **fields})


def _label(at: Office, turn: Turn) -> Optional[Label]:
    return at.desk.review.conversation(turn.conversation, "test").labels.get(turn.id)


def _did(at: Office) -> List[Tuple[str, str, str]]:
    return [(actor, action, subject) for actor, action, subject, _ in at.audit() if subject == "a" and actor != "test"]


# What is shown


def test_the_page_shows_what_the_patient_saw_and_what_the_assistant_thought(at: Office) -> None:
    finding = {"flag": "akut.kar", "level": "112", "part": "pattern", "words": ["ondt", "ryggen"], "softened_by": "sidste år"}
    turn = _turn(
        "hej jeg er [NAVN], hvor længe varer lob", removed=("NAME", "NAME", "CPR"), language="en", seconds=0.5, model="en-model.tar.gz",
        content="abc123", screening=Screening(None, None, "akut.kar", 0.37, (finding,)),
    )
    _keep(at, turn)
    rate(at.database, Rating("a", turn.id, False, "det var for langt", NOW))
    page, answer = _page(at.signed_in("anne")), current().content.answers["lob.hvad"]
    for shown in (
        turn.said, answer.question, "61 %", current().content.answers["lob.varighed"].question, "engelsk", "navn (2)", "CPR-nummer",
        "0,50 sekunder", "en-model.tar.gz", "abc123",
        "37 %", "ondt ryggen", "sidste år", "ordlisten", current().flags["akut.kar"].title, "Ring 112", "det var for langt",
        WORDS["feedback"]["no"], answer.sources[0].section, turn.replies[0]["buttons"][0]["title"],
    ):
        assert shown in page, shown
    assert 'style="' not in page


def test_a_card_is_shown_with_its_level_and_whom_to_ring(at: Office) -> None:
    shown = card("akut.kar", Level.ALARM, current(), datetime(2026, 3, 2, 10, tzinfo=timezone.utc), False).as_dict()
    finding = {"flag": "akut.kar", "level": "112", "part": "classifier", "words": [], "softened_by": ""}
    turn = _turn("det flænger i brystet", ranking=(), screening=Screening("akut.kar", "112", None, 0.9, (finding,)))
    _keep(at, replace(turn, replies=(shown,)))
    page = _page(at.signed_in("anne"))
    assert "reply-red_flag" in page and "Alarmcentralen" in page and "den trænede model" in page
    assert WORDS["alarm"].format(flag=current().flags["akut.kar"].title, level="Ring 112") in page


def test_every_name_that_the_page_may_need_is_there() -> None:
    words = load_staff_words()
    assert set(WORDS["removed_kinds"]) == {kind.value for kind in Kind}
    assert set(WORDS["verdicts"]) == {verdict.value for verdict in Verdict}
    assert set(words["figures"]["levels"]) == {level.value for level in Level}
    assert set(words["inbox"]["languages"]) == set(KNOWN)


def test_a_long_conversation_keeps_the_numbers_of_its_turns(at: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.review.MOST_TURNS", 2)
    _keep(at, *(_turn(f"besked {number}", number) for number in range(4)))
    page = _page(at.signed_in("anne"))
    assert re.findall(r'id="(tur-\d+)"', page) == ["tur-3", "tur-4"] and "besked 1" not in page
    assert WORDS["only_last"].format(count=2) in page


def test_an_answer_that_is_gone_from_the_texts_is_still_told(at: Office) -> None:
    custom = {"status": "answered", "answer_id": "lob.gammelt", "topic": "lob", "version": 1}
    reply = {"text": "Et gammelt svar.", "buttons": [], "custom": custom}
    _keep(at, replace(_turn(), replies=(reply,), ranking=(("lob.gammelt", 0.9),)))
    assert "lob.gammelt" in _page(at.signed_in("anne"))


@pytest.mark.parametrize("id", ["findesikke", "' OR 1=1 --", "%00", "<script>"])
def test_a_conversation_that_is_not_there_has_no_page(at: Office, id: str) -> None:
    answer = at.signed_in("anne").get(f"{PAGE}/{id}")
    assert answer.status_code == 404 and "Siden findes ikke" in answer.text and "<script>" not in answer.text


def test_seeing_it_is_noted(at: Office) -> None:
    _keep(at, _turn())
    _page(at.signed_in("anne"))
    assert _did(at) == [("anne", "conversation seen", "a")]


def test_a_stranger_sees_nothing(at: Office) -> None:
    _keep(at, _turn())
    assert at.visitor().get(f"{PAGE}/a").status_code == 303
    assert at.visitor().post(f"{PAGE}/a/note", data={"note": "hej"}).status_code == 403


def test_the_link_to_share_is_the_address_that_browsers_know(tmp_path: Path) -> None:
    at = office(tmp_path, public_url="https://chat.example.dk")
    _keep(at, _turn())
    browser = at.visitor(address="https://chat.example.dk")
    browser.sign_in("anne")
    assert f'value="https://chat.example.dk{PAGE}/a"' in _page(browser)


# Corrections


def _buttons(page: str) -> List[str]:
    return re.findall(r'name="valg" value="([^"]+)"', page)


def test_the_guesses_are_offered_and_an_aspect_for_each_condition(at: Office) -> None:
    _keep(at, _turn())
    content = current().content
    assert _buttons(_page(at.signed_in("anne"))) == [
        "answer lob.hvad", "answer lob.varighed", *(f"answer {content.matrix_id(condition, 'prognose')}" for condition in content.conditions),
        "alarm", "no_answer",
    ]


def test_an_aspect_is_offered_for_the_condition_that_was_answered(at: Office) -> None:
    reply = answered(current().content.answers["tilstand.artrose.viden"], current().content).as_dict()
    _keep(at, replace(_turn(ranking=(("tilstand.viden", 0.5), ("tilstand.prognose", 0.3))), replies=(reply,)))
    assert _buttons(_page(at.signed_in("anne")))[:2] == ["answer tilstand.artrose.viden", "answer tilstand.artrose.prognose"]


def test_intents_that_stand_for_no_answer_are_not_offered(at: Office) -> None:
    _keep(at, _turn(ranking=(("alarm", 0.5), ("dialog.skift", 0.3), ("lob.hvad", 0.1))))
    assert _buttons(_page(at.signed_in("anne")))[0] == "answer lob.hvad"


@pytest.mark.parametrize("screening, offered", [
    (Screening(), False), (Screening("akut.kar", "112"), True), (Screening(None, None, "akut.kar"), True),
])
def test_no_alarm_is_offered_only_where_there_was_one(at: Office, screening: Screening, offered: bool) -> None:
    _keep(at, _turn(screening=screening))
    assert ("no_alarm" in _buttons(_page(at.signed_in("anne")))) is offered


def test_a_pressed_button_is_not_corrected(at: Office) -> None:
    _keep(at, _turn(kind=BUTTON))
    assert _buttons(_page(at.signed_in("anne"))) == []


def test_every_answer_is_found_by_its_words(at: Office) -> None:
    _keep(at, _turn(), _turn("tak", 1))
    anne = at.signed_in("anne")
    page = _page(anne, f"{PAGE}/a?tur=2&q=parkerring")
    found = re.search(r'<ul class="found">(.*?)</ul>', page, re.DOTALL)
    assert found and _buttons(found[1])[0] == "answer praktisk.parkering" and 'form="form-2"' in found[1]
    assert "tilstand.artrose.prognose" in _page(anne, f"{PAGE}/a?tur=1&q=slidgigt prognose")
    assert WORDS["found_none"] in _page(anne, f"{PAGE}/a?tur=1&q=qqqqq")
    assert "<script>alert" not in anne.get(f"{PAGE}/a", params={"tur": 1, "q": NASTY}).text


@pytest.mark.parametrize("choice, flag, verdict, value", [
    ("answer lob.varighed", "", Verdict.ANSWER, "lob.varighed"),
    ("answer tilstand.artrose.prognose", "akut.kar", Verdict.ANSWER, "tilstand.artrose.prognose"),
    ("alarm", "akut.kar", Verdict.ALARM, "akut.kar"),
    ("no_alarm", "", Verdict.NO_ALARM, ""),
    ("no_answer", "", Verdict.NO_ANSWER, ""),
])
def test_a_correction_is_kept_shown_and_undone(at: Office, choice: str, flag: str, verdict: Verdict, value: str) -> None:
    turn = _turn()
    _keep(at, turn)
    anne = at.signed_in("anne")
    answer = _correct(anne, turn, choice, flag=flag)
    assert answer.status_code == 303 and answer.headers["location"] == f"{PAGE}/a#tur-1"
    label = _label(at, turn)
    assert label and (label.verdict, label.value, label.phrase, label.reviewer) == (verdict, value, turn.said, "anne")
    answers, flags = current().content.answers, current().flags
    named = {**{id: answers[id].question for id in answers}, **{id: flags[id].title for id in flags}}
    page = _page(at.signed_in("bo"))
    assert WORDS["verdicts"][verdict.value].format(value=named.get(value, "")) in page and "anne," in page
    assert _correct(at.signed_in("bo"), turn, "fortryd").status_code == 303
    assert _label(at, turn) is None
    assert [line for line in _did(at) if "seen" not in line[1]] == [("anne", "turn labelled", "a"), ("bo", "label removed", "a")]


def test_who_corrects_after_somebody_else_is_told(at: Office) -> None:
    turn = _turn()
    _keep(at, turn)
    _correct(at.signed_in("anne"), turn, "answer lob.varighed")
    bo = at.signed_in("bo")
    _correct(bo, turn, "no_answer")
    assert WORDS["replaced"].format(number=1, name="anne") in _page(bo)


@pytest.mark.parametrize("choice, fields", [
    ("answer lob.findesikke", {}), ("answer", {}), ("answer akut.kar", {}), ("alarm", {}), ("alarm", {"flag": "akut.findesikke"}),
    ("noget andet", {}), (NASTY, {}), ("answer lob.hvad", {"tekst": ""}), ("answer lob.hvad", {"tekst": "x" * (MOST_OF_PHRASE + 1)}),
])
def test_a_correction_without_meaning_is_refused_and_what_was_typed_stays(
    at: Office, choice: str, fields: Dict[str, str]
) -> None:
    turn = _turn()
    _keep(at, turn)
    answer = _correct(at.signed_in("anne"), turn, choice, **{"tekst": "min kanelgiffel", **fields})
    assert answer.status_code == 422 and _label(at, turn) is None and "<script>alert" not in answer.text
    assert 'role="alert"' in answer.text and '<details class="correct" open>' in answer.text
    assert "min kanelgiffel" in answer.text or "tekst" in fields


def test_what_is_learnt_from_may_be_shortened_and_names_nobody(at: Office) -> None:
    turn = _turn("Jeg hedder [NAVN]. Hvor længe varer det?")
    _keep(at, turn)
    _correct(at.signed_in("anne"), turn, "answer lob.varighed", tekst="Hvor længe, spurgte Grethe Lindskov")
    label = _label(at, turn)
    assert label and label.phrase == "Hvor længe, spurgte [NAVN]"


def test_a_long_message_is_offered_cut_between_words(at: Office) -> None:
    _keep(at, _turn("kanelgifler " * 60))
    offered = re.search(r"<textarea id=\"phrase-1\"[^>]*>\n(.*?)</textarea>", _page(at.signed_in("anne")), re.DOTALL)
    assert offered and 250 < len(offered[1]) <= MOST_OF_PHRASE and offered[1].rstrip().endswith("kanelgifler")


def test_a_correction_that_was_learnt_from_cannot_be_changed(at: Office) -> None:
    turn = _turn()
    _keep(at, turn)
    anne = at.signed_in("anne")
    _correct(anne, turn, "answer lob.varighed")
    with at.database.writing() as connection:
        connection.execute(update(labels).values(taken=1))
    for choice in ("no_answer", "fortryd"):
        answer = _correct(anne, turn, choice)
        assert answer.status_code == 409 and WORDS["problems"]["taken"] in unescape(answer.text)
    assert _buttons(_page(anne)) == []


def test_a_turn_that_is_gone_cannot_be_corrected(at: Office) -> None:
    _keep(at, _turn())
    assert _correct(at.signed_in("anne"), _turn(), "no_answer").status_code == 404


# Around the conversation


def test_a_flag_comes_and_goes(at: Office) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    for flag, told in (("1", WORDS["flagged"]), ("0", WORDS["unflagged"])):
        anne.post_form(f"{PAGE}/a/maerke", flag=flag)
        assert told in _page(anne)
    assert [line[1] for line in _did(at) if "seen" not in line[1]] == ["conversation flagged", "flag removed"]


def test_a_tag_comes_and_goes(at: Office) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE}/a/emneord", emneord="Til mødet")
    assert 'name="fjern" value="til mødet"' in _page(anne)
    anne.post_form(f"{PAGE}/a/emneord", fjern="til mødet")
    assert WORDS["no_tags"] in _page(anne)


@pytest.mark.parametrize("tag", ["", NASTY, "x" * 31, "Grethe Lindskov"])
def test_a_tag_that_is_none_is_refused_and_stays_in_the_field(at: Office, tag: str) -> None:
    _keep(at, _turn())
    answer = at.signed_in("anne").post_form(f"{PAGE}/a/emneord", emneord=tag)
    assert answer.status_code == 422 and 'role="alert"' in answer.text and "<script>alert" not in answer.text
    assert f'value="{tag}"' in unescape(answer.text)


def test_a_note_names_nobody(at: Office) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE}/a/note", note="Grethe Lindskov ringede fra 22 33 44 55")
    page = _page(anne)
    assert "[NAVN] ringede fra [TELEFON]" in page and "Lindskov" not in page


def test_what_is_written_is_shown_as_text(at: Office) -> None:
    _keep(at, _turn(NASTY, language=NASTY[:50], model=NASTY[:60], content=NASTY[:60], ranking=((NASTY, 0.4),)))
    rate(at.database, Rating("a", at.desk.review.conversation("a", "test").turns[0].id, False, NASTY, NOW))
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE}/a/note", note=NASTY)
    _correct(anne, at.desk.review.conversation("a", "test").turns[0], "answer lob.hvad", tekst=NASTY)
    page = anne.get(f"{PAGE}/a").text
    assert "<script>alert" not in page and "<img" not in page and page.count("&lt;script&gt;alert") >= 8
    with at.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(labels)).scalar_one() == 1


def test_nothing_is_kept_and_nothing_lost_while_names_cannot_be_taken_out(tmp_path: Path) -> None:
    at, turn = office(tmp_path), _turn()
    _keep(at, turn)
    anne = at.signed_in("anne")
    for answer in (
        anne.post_form(f"{PAGE}/a/note", note="min kanelgiffel"),
        anne.post_form(f"{PAGE}/a/emneord", emneord="min kanelgiffel"),
        _correct(anne, turn, "answer lob.hvad", tekst="min kanelgiffel"),
    ):
        assert answer.status_code == 503 and "min kanelgiffel" in answer.text
        assert WORDS["problems"]["not_deidentified"] in unescape(answer.text)
    case = at.desk.review.conversation("a", "test")
    assert (case.notes, case.tags, case.labels) == ((), (), {})


def test_a_reviewed_conversation_leads_to_the_next_that_needs_a_reviewer(at: Office) -> None:
    unclear = ({"text": "Det forstod jeg ikke.", "buttons": [], "custom": {"status": "fallback"}},)
    _keep(at, *(replace(_turn(conversation=key, minutes=minutes), replies=unclear) for minutes, key in enumerate("abc")))
    _keep(at, _turn(conversation="d"))
    anne = at.signed_in("anne")
    went = []
    here = "c"
    while True:
        answer = anne.post_form(f"{PAGE}/{here}/gennemset", laengde=1, videre=1)
        went.append(answer.headers["location"])
        if went[-1] == PAGE:
            break
        here = went[-1].split("/")[-1]
    assert went == [f"{PAGE}/b", f"{PAGE}/a", f"{PAGE}/d", PAGE]
    assert WORDS["last_one"] in _page(anne, PAGE)


def test_what_the_patient_wrote_meanwhile_is_not_passed_over(at: Office) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    length = re.search(r'name="laengde" value="(\d+)"', _page(anne))
    _keep(at, _turn("en ting til", 1))
    assert length
    anne.post_form(f"{PAGE}/a/gennemset", laengde=length[1], videre=1)
    page = _page(anne)
    assert WORDS["grown"] in page and WORDS["not_reviewed"] in page


def test_a_review_is_taken_back(at: Office) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE}/a/gennemset", laengde=1)
    assert "Gennemset af anne" in _page(anne)
    anne.post_form(f"{PAGE}/a/gennemset", fortryd=1)
    assert WORDS["not_reviewed"] in _page(anne)


@pytest.mark.parametrize("path, fields", [
    ("maerke", {"flag": "1"}), ("emneord", {"emneord": "ros"}), ("note", {"note": "hej"}), ("gennemset", {"laengde": "1"}),
    ("ret", {"tur": "1", "valg": "no_answer"}),
])
def test_a_forged_form_changes_nothing(at: Office, path: str, fields: Dict[str, str]) -> None:
    _keep(at, _turn())
    anne = at.signed_in("anne")
    before = at.desk.review.conversation("a", "test")
    assert anne.post(f"{PAGE}/a/{path}", data=fields).status_code == 403
    assert at.desk.review.conversation("a", "test") == before


@pytest.mark.parametrize("path, fields", [
    ("maerke", {"flag": "måske"}), ("maerke", {}), ("gennemset", {"laengde": "x"}), ("gennemset", {"laengde": "9" * 30}), ("ret", {"tur": "x"}),
])
def test_a_form_without_meaning_changes_nothing(at: Office, path: str, fields: Dict[str, str]) -> None:
    _keep(at, _turn())
    before = at.desk.review.conversation("a", "test")
    assert at.signed_in("anne").post_form(f"{PAGE}/a/{path}", fields).status_code in (303, 422)
    assert at.desk.review.conversation("a", "test") == before


def test_when_the_patient_deletes_it_all_of_it_is_gone(at: Office) -> None:
    turn = _turn("kanelgifler")
    _keep(at, turn)
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE}/a/note", note="drømmekage")
    anne.post_form(f"{PAGE}/a/emneord", emneord="ros")
    _correct(anne, turn, "answer lob.hvad")
    Transcripts(at.database).forget("a", datetime.now(timezone.utc) + timedelta(days=9999))
    for path in ("", "/maerke", "/emneord", "/note", "/gennemset"):
        answer = anne.post_form(f"{PAGE}/a{path}", flag="1", emneord="ros", note="hej", laengde="1") if path else anne.get(f"{PAGE}/a")
        assert answer.status_code == 404 and "kanelgifler" not in answer.text
    assert _correct(anne, turn, "no_answer").status_code == 404
    assert "kanelgifler" not in anne.get(f"{PAGE}?vis=alle").text and ">ros<" not in anne.get(f"{PAGE}?vis=alle").text


# In a browser


@pytest.mark.parametrize("scripts", [True, False])
def test_two_clicks_correct_a_turn_and_the_page_stays_with_it(at: Office, browser: Any, scripts: bool) -> None:
    turns = [_turn(f"besked {number}", number) for number in range(4)]
    _keep(at, *turns)
    with served(at) as url:
        context = browser.new_context(java_script_enabled=scripts, locale="da-DK")
        page = _signed_in(context, url)
        page.goto(f"{url}{PAGE}/a")
        third = page.locator("#tur-3")
        third.locator("summary", has_text=WORDS["correct"]).click()
        third.get_by_role("button", name=current().content.answers["lob.varighed"].question).click()
        page.locator("#tur-3 .label").wait_for()
        assert third.bounding_box()["y"] < page.viewport_size["height"]
        context.close()
    label = _label(at, turns[2])
    assert label and (label.value, label.phrase) == ("lob.varighed", "besked 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_on_the_pages_shuts_anybody_out(at: Office, browser: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    finding = {"flag": "akut.kar", "level": "112", "part": "pattern", "words": ["bryst"], "softened_by": ""}
    turn = _turn(removed=("NAME",), screening=Screening(None, None, "akut.kar", 0.4, (finding,)))
    _keep(at, turn, _turn("og hvad koster det", 1))
    rate(at.database, Rating("a", turn.id, False, "for langt", NOW))
    at.desk.review.label(turn.id, Verdict.ANSWER, "lob.varighed", "hvor længe", "bo")
    at.desk.review.tag("a", "ros", "bo")
    at.desk.filters.save("anne", "mit filter", Query(length=2))
    with served(at) as url:
        context = browser.new_context(locale="da-DK", color_scheme=scheme)
        page = _signed_in(context, url)
        for path in (PAGE, f"{PAGE}?fra=x", f"{PAGE}?vis=alle&sprog=da&tekst=hvor", f"{PAGE}/a?tur=2&q=pris"):
            page.goto(f"{url}{path}")
            for width in (360, 1200):
                page.set_viewport_size({"width": width, "height": 800})
                assert Axe().run(page).response["violations"] == [], (path, width)
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
        context.close()


def _signed_in(context: Any, url: str) -> Any:
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{url}/staff/ind")
    page.locator("input[name=name]").fill("anne")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main button").first.click()
    page.wait_for_url(f"{url}/staff/**")
    return page

"""The chat page without scripts: plain forms, the same answers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.conftest import Server, StartServer
from tests.visit import ALARM, DESKTOP, NARROW, PHONE, QUESTION, findings, is_sideways, noting


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a browser that runs no scripts."""
    context = browser.new_context(viewport=DESKTOP, locale="da-DK", java_script_enabled=False)
    opened = noting(context)
    yield opened
    context.close()
    assert opened.problems == []


def _ask(page: Any, text: str) -> Any:
    count = page.locator(".turn").count()
    page.get_by_label("Skriv dit spørgsmål").fill(text)
    page.get_by_role("button", name="Send").click()
    page.locator(".turn").nth(count).wait_for()
    page.wait_for_load_state()
    return page.locator(".turn").nth(count)


def test_a_patient_asks_and_reads_the_answer_with_source_and_next_questions(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    turn = _ask(page, QUESTION)
    assert "7 uger" in turn.inner_text()
    assert 2 <= turn.locator(".choices button").count() <= 3
    turn.locator(".sources summary").click()
    assert "pjece" in turn.locator(".sources li").first.inner_text()


def test_a_button_asks_the_next_question(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    title = page.locator(".turn .choices button").first.inner_text()
    page.locator(".turn .choices button").first.click()
    assert title in page.locator(".turn").nth(1).locator(".said").inner_text()


def test_a_topic_gives_a_first_question(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.get_by_text("Kurset LOB", exact=True).click()
    page.get_by_role("button", name="Hvad er LOB?").click()
    assert "Livskvalitet og Balance" in page.locator(".turn").inner_text()


def test_a_form_that_is_sent_twice_is_answered_once(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    form = {"id": page.locator(".ask input[name=id]").input_value(), "message": "hvor kan jeg parkere"}
    for _ in range(2):
        page.context.request.post(server.url + "/chat", form=form)
    page.goto(server.url + "/chat")
    assert page.locator(".turn").count() == 2


def test_the_conversation_is_there_after_a_reload_until_it_is_deleted(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    page.goto(server.url + "/chat")
    assert page.locator(".turn").count() == 1
    page.get_by_role("button", name="Slet samtalen").click()
    assert page.locator(".turn").count() == 0


def test_before_the_first_message_a_patient_reads_what_this_is_and_what_is_kept(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    told = page.locator("main").inner_text()
    for part in ("computerprogram", "Ingen læser med", "Skriv ikke dit CPR-nummer", "30 dage", "hente eller slette"):
        assert part in told


def test_a_patient_sees_and_fetches_the_conversation_as_it_is_kept(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, "Jeg hedder Grethe Lindskov, hvor kan jeg parkere")
    assert "Jeg hedder [NAVN]" in page.locator(".said").inner_text()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Hent samtalen").click()
    text = open(fetched.value.path(), encoding="utf-8").read()
    assert fetched.value.suggested_filename == "samtale-med-smertecenteret.txt"
    assert "Jeg hedder [NAVN], hvor kan jeg parkere" in text and "112" in text and "Grethe" not in text


def test_given_a_failing_database_a_deletion_is_promised_for_later(start_server: StartServer, model: Path, page: Any) -> None:
    server = start_server(model=str(model))
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    other = sqlite3.connect(server.var / "smertebot.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    _ask(page, "hvor kan jeg parkere")
    assert page.locator(".turn").count() == 2
    page.get_by_role("button", name="Slet samtalen").click()
    page.get_by_text("så snart systemet kan").wait_for()
    assert page.locator(".turn").count() == 0
    other.close()


def test_what_the_patient_types_is_shown_as_text(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    turn = _ask(page, "<img src=x onerror=alert(1)> hvor kan jeg parkere")
    assert turn.locator("img").count() == 0 and "<img src=x" in turn.locator(".said").inner_text()


def test_a_letter_that_is_too_long_comes_back_with_a_word(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    letter = "Jeg har haft ondt i ryggen længe. " * 70
    page.get_by_label("Skriv dit spørgsmål").fill(letter)
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Skriv højst 2.000 tegn").wait_for()
    assert page.get_by_label("Skriv dit spørgsmål").input_value().strip() == letter.strip()
    page.problems.clear()


def test_the_numbers_of_an_alarm_stay_in_sight_while_the_chat_goes_on(server: Server, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(server.url + "/chat")
    turn = _ask(page, "har lige taget 20 panodil")
    assert turn.locator(".calls a").first.get_attribute("href") == "tel:82121212"
    for question in ("hvor kan jeg parkere", QUESTION):
        _ask(page, question)
    strip = page.locator(".emergency.alarmed")
    assert "82 12 12 12" in strip.inner_text() and strip.bounding_box()["y"] >= 0


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP, NARROW], ids=["phone", "desktop", "320px"])
def test_the_page_has_no_accessibility_findings(server: Server, browser: Any, page: Any, viewport: Any) -> None:
    page.set_viewport_size(viewport)
    page.goto(server.url + "/chat")
    _ask(page, ALARM)
    _ask(page, QUESTION)
    # The checker itself is a script: it looks at the same page where the widget's is kept away.
    context = browser.new_context(viewport=viewport, storage_state=page.context.storage_state())
    context.route("**/widget.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    checked = context.new_page()
    checked.goto(server.url + "/chat")
    assert checked.locator(".turn").count() == 2
    assert findings(checked) == [] and not is_sideways(checked)
    context.close()

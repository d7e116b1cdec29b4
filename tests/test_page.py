"""The chat page in a real browser: with JavaScript, without it, by keyboard, and checked for accessibility."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Iterator

import pytest

from bot.paths import ROOT
from tests.conftest import Server, StartServer

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1100, "height": 800}
QUESTION = "hvor mange gange skal jeg komme på det der kursus"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a fresh browser profile that notes errors and foreign requests."""
    context = browser.new_context(viewport=DESKTOP, locale="da-DK")
    opened = context.new_page()
    opened.set_default_timeout(8000)
    opened.problems = []
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("request", lambda request: "127.0.0.1" in request.url or opened.problems.append(request.url))
    yield opened
    context.close()
    assert opened.problems == []


def _ask(page: Any, text: str) -> None:
    answers = page.locator(".turn").count()
    page.get_by_label("Skriv dit spørgsmål").fill(text)
    page.get_by_role("button", name="Send").click()
    page.locator(".turn").nth(answers).wait_for()


@pytest.mark.parametrize("path", ["/", "/chat"])
def test_a_patient_asks_and_reads_the_answer_with_source_and_next_questions(server: Server, page: Any, path: str) -> None:
    page.goto(server.url + path)
    _ask(page, QUESTION)
    turn = page.locator(".turn").last
    assert "7 uger" in turn.inner_text()
    assert 2 <= turn.locator(".choices button").count() <= 3
    turn.locator(".sources summary").click()
    assert "pjece" in turn.locator(".sources li").first.inner_text()


def test_a_button_asks_the_next_question(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    title = page.locator(".choices button").first.inner_text()
    page.locator(".choices button").first.click()
    page.locator(".turn").nth(1).wait_for()
    assert title in page.locator(".turn").last.locator(".said").inner_text()


def test_the_conversation_is_there_after_a_reload_until_it_is_deleted(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    page.reload()
    assert page.locator(".turn").count() == 1
    page.get_by_role("button", name="Slet samtalen").click()
    page.wait_for_load_state()
    assert page.locator(".turn").count() == 0


def test_before_the_first_message_a_patient_reads_what_this_is_and_what_is_kept(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    told = page.locator("main").inner_text()
    for part in ("computerprogram", "Ingen læser med", "Skriv ikke dit CPR-nummer", "30 dage", "hente eller slette"):
        assert part in told
    assert page.locator(".turn").count() == 0


def test_a_patient_sees_and_fetches_the_conversation_as_it_is_kept(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, "Jeg hedder Grethe Lindskov, hvor kan jeg parkere")
    assert "Jeg hedder [NAVN]" in page.locator(".said").inner_text()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Hent samtalen").click()
    text = open(fetched.value.path(), encoding="utf-8").read()
    assert fetched.value.suggested_filename == "samtale-med-smertecenteret.txt"
    assert "Jeg hedder [NAVN], hvor kan jeg parkere" in text and "112" in text and "Grethe" not in text


def test_given_a_failing_database_a_deletion_is_promised_for_later(start_server: StartServer, model: Path, browser: Any) -> None:
    server = start_server(model=str(model))
    context = browser.new_context()
    page = context.new_page()
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
    context.close()


def test_without_javascript_the_same_answers_come_as_plain_forms(server: Server, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url + "/chat")
    page.get_by_label("Skriv dit spørgsmål").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    assert "7 uger" in page.locator(".turn").inner_text()
    page.locator(".choices button").first.click()
    assert page.locator(".turn").count() == 2
    context.close()


def test_the_page_is_used_by_keyboard_alone(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.get_by_label("Skriv dit spørgsmål").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.locator(".turn").wait_for()
    assert page.evaluate("document.activeElement.id") == "message"
    page.locator(".sources summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".sources li").first.is_visible()


def test_new_answers_are_announced_and_emergency_numbers_always_in_sight(server: Server, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(server.url + "/chat")
    for _ in range(3):
        _ask(page, QUESTION)
    log = page.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    for number in ("112", "1818"):
        link = page.locator(f'.emergency a[href="tel:{number}"]')
        box = link.bounding_box()
        assert box and 0 <= box["y"] < PHONE["height"] and box["height"] >= 44


def test_what_the_patient_types_is_shown_as_text(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    _ask(page, "<img src=x onerror=alert(1)> hvor kan jeg parkere")
    assert page.locator(".said img").count() == 0
    assert "<img src=x" in page.locator(".said").inner_text()


def test_given_no_connection_the_text_stays_and_the_numbers_are_shown(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.context.set_offline(True)
    page.get_by_label("Skriv dit spørgsmål").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    page.get_by_text("56 51 28 60").wait_for()
    assert page.get_by_label("Skriv dit spørgsmål").input_value() == QUESTION
    page.problems.clear()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP, {"width": 320, "height": 640}], ids=["phone", "desktop", "320px"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_findings(server: Server, page: Any, viewport: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(server.url + "/chat")
    assert Axe().run(page).response["violations"] == []
    _ask(page, QUESTION)
    page.locator(".sources summary").click()
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_picture_of_the_readme_is_taken(server: Server, page: Any, tmp_path: Any) -> None:
    page.set_viewport_size({"width": 780, "height": 1000})
    page.emulate_media(reduced_motion="reduce")
    page.goto(server.url + "/chat")
    _ask(page, QUESTION)
    page.evaluate("scrollTo(0, 0)")
    picture = tmp_path / "chat.png"
    page.screenshot(path=str(picture))
    assert picture.stat().st_size > 10_000
    kept = ROOT / "docs" / "pictures" / "chat.png"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(picture.read_bytes())


def test_an_alarm_shows_a_card_with_numbers_to_tap_the_right_one_first(server: Server, page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size(PHONE)
    page.goto(server.url + "/chat")
    _ask(page, "jeg kan ikke få vejret og har blå læber")
    calls = page.locator(".reply-red_flag .calls a")
    assert calls.first.get_attribute("href") == "tel:112"
    box = calls.first.bounding_box()
    assert box and box["height"] >= 44
    assert Axe().run(page).response["violations"] == []


@pytest.mark.parametrize("scripted", [True, False])
def test_the_numbers_of_an_alarm_stay_in_sight_while_the_chat_goes_on(server: Server, browser: Any, scripted: bool) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=scripted)
    page = context.new_page()
    page.goto(server.url + "/chat")
    _ask(page, "har lige taget 20 panodil")
    for question in ("hvor kan jeg parkere", QUESTION):
        _ask(page, question)
    strip = page.locator(".emergency.alarmed")
    assert "82 12 12 12" in strip.inner_text()
    assert strip.bounding_box()["y"] >= 0
    context.close()

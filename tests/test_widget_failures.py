"""When something fails under the widget: nothing is lost, nothing comes twice, and a sentence says what to do."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, List

import pytest
from playwright.sync_api import expect

from tests.conftest import Server, StartServer, free_port
from tests.visit import ANSWER, QUESTION, ask, box, noting, page, say, token, turns

PARKING = "hvor kan jeg parkere"
# Messages are slower than all else; `most` is how many of the visitor's stood on the page at once.
_SLOW_MESSAGES = """const quick = fetch;
window.fetch = async (to, options) => {
    if (options.method === "POST") await new Promise((resolve) => setTimeout(resolve, 500));
    return quick(to, options);
};
window.most = 0; requestAnimationFrame(function look() {
    most = Math.max(most, document.querySelector("smerte-chat")?.shadowRoot?.querySelectorAll(".turn").length ?? 0);
    requestAnimationFrame(look);
})"""
__all__ = ["page"]


def _kept(server: Server, token: str) -> List[str]:
    """What the visitor said in the turns that the server keeps."""
    return [turn["said"] for turn in server.get("/api/conversation", {"Authorization": f"Bearer {token}"}).body["turns"]]


def test_given_no_network_a_message_waits_and_goes_when_it_is_back(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.context.set_offline(True)
    say(page, QUESTION)
    page.get_by_text("Ikke sendt endnu").wait_for()
    told = page.get_by_text("Der er ikke forbindelse lige nu").inner_text()
    assert "56 51 28 60" in told and box(page).input_value() == ""
    page.context.set_offline(False)
    turns(page).first.wait_for()
    assert ANSWER in turns(page).first.inner_text() and page.locator(".pending").count() == 0
    assert _kept(server, token(page)) == [QUESTION]
    page.problems.clear()


def test_a_waiting_message_is_tried_at_once_or_taken_back(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.route("**/api/messages", lambda route: route.abort())
    say(page, QUESTION)
    page.get_by_role("button", name="Tag beskeden tilbage").click()
    assert box(page).input_value() == QUESTION and page.locator(".turn").count() == 0
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("button", name="Prøv nu").wait_for()
    page.unroute("**/api/messages")
    page.get_by_role("button", name="Prøv nu").click()
    turns(page).first.wait_for()
    assert _kept(server, token(page)) == [QUESTION]
    page.problems.clear()


def test_a_message_of_yesterday_comes_back_into_the_box_and_is_not_sent_by_itself(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.route("**/api/messages", lambda route: route.abort())
    say(page, QUESTION)
    say(page, PARKING)
    page.get_by_text("Ikke sendt endnu").wait_for()
    page.evaluate("""() => {
        for (const key of Object.keys(localStorage).filter((each) => each.includes(":out:"))) {
            const entry = JSON.parse(localStorage.getItem(key));
            localStorage.setItem(key, JSON.stringify({ ...entry, at: entry.at - 24 * 60 * 60 * 1000 }));
        }
    }""")
    page.unroute("**/api/messages")
    page.reload()
    page.get_by_text("blev måske ikke sendt").wait_for()
    assert box(page).input_value() == f"{QUESTION}\n{PARKING}" and page.locator(".turn").count() == 0
    assert _kept(server, token(page)) == []
    page.get_by_role("button", name="Send", exact=True).click()
    turns(page).first.wait_for()
    assert ANSWER in turns(page).first.inner_text()
    page.problems.clear()


def test_an_answer_that_is_lost_on_its_way_is_fetched_and_the_message_is_not_doubled(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/api/messages", lose, times=1)
    say(page, QUESTION)
    turns(page).first.wait_for()
    assert lost == [200] and _kept(server, token(page)) == [QUESTION] and turns(page).count() == 1
    page.problems.clear()


def test_given_a_reload_in_mid_answer_nothing_is_lost_or_doubled(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    held = []

    def hold(route: Any) -> None:
        held.append(route.fetch().status)

    page.route("**/api/messages", hold, times=1)
    say(page, QUESTION)
    page.locator(".pending").wait_for()
    while not held:
        page.wait_for_timeout(20)
    page.add_init_script(_SLOW_MESSAGES)
    page.reload()
    turns(page).first.wait_for()
    expect(page.locator(".pending")).to_have_count(0)
    assert turns(page).count() == 1 and page.evaluate("most") == 1
    assert _kept(server, token(page)) == [QUESTION]
    page.reload()
    turns(page).first.wait_for()
    assert turns(page).count() == 1


def test_given_a_server_that_is_killed_in_mid_answer_and_comes_back_all_is_answered_once_in_order(
    start_server: StartServer, model: Path, page: Any, tmp_path: Path
) -> None:
    port, var = free_port(), str(tmp_path / "var")
    server = start_server(port=port, model=str(model), var=var)
    page.goto(server.url + "/chat")
    ask(page, PARKING)
    server.process.send_signal(signal.SIGSTOP)
    for text in (QUESTION, "hvem er min kontaktperson"):
        say(page, text)
    assert page.locator(".pending").count() == 2
    server.process.kill()
    page.get_by_text("Ikke sendt endnu").first.wait_for()
    again = start_server(port=port, model=str(model), var=var)
    page.set_default_timeout(40_000)
    turns(page).nth(2).wait_for()
    assert ANSWER in turns(page).nth(1).inner_text()
    assert _kept(again, token(page)) == [PARKING, QUESTION, "hvem er min kontaktperson"]
    expect(page.locator(".pending")).to_have_count(0)
    page.problems.clear()


def test_three_tabs_show_the_same_turns_once(server: Server, page: Any) -> None:
    tabs = [page, noting(page.context), noting(page.context)]
    for tab in tabs:
        tab.goto(server.url + "/chat")
    texts = (QUESTION, PARKING, "hvem er min kontaktperson")
    for tab, text in zip(tabs, texts):
        say(tab, text)
    for tab in tabs:
        turns(tab).nth(2).wait_for()
        expect(tab.locator(".turn")).to_have_count(3)
        assert tab.problems == []
    page.reload()
    turns(page).nth(2).wait_for()
    assert sorted(_kept(server, token(page))) == sorted(texts)
    for tab in tabs[1:]:
        tab.evaluate("dispatchEvent(new Event('online'))")
        expect(tab.locator(".turn")).to_have_count(3)
        orders = [[each.inner_text() for each in shown.locator(".said p").all()] for shown in (page, tab)]
        assert orders[0] == orders[1]


def test_two_messages_in_a_row_are_answered_in_order(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    say(page, QUESTION)
    say(page, PARKING)
    turns(page).nth(1).wait_for()
    assert ANSWER in turns(page).first.inner_text() and _kept(server, token(page)) == [QUESTION, PARKING]


def test_a_whole_letter_stays_in_the_box_and_a_counter_says_how_much_is_too_much(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    letter = "Jeg har haft ondt i ryggen længe. " * 70
    box(page).fill(letter)
    page.get_by_text(f"{len(letter) - 2000} tegn for meget").wait_for()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Beskeden er for lang").wait_for()
    assert box(page).input_value() == letter and page.locator(".turn").count() == 0
    box(page).fill(letter[:1990])
    page.get_by_text("10 tegn tilbage").wait_for()
    assert page.get_by_text("Beskeden er for lang").count() == 0


def test_a_message_that_the_server_refuses_comes_back(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    refusal = {"error": {"field": "message", "message": "is not valid"}}
    page.route("**/api/messages", lambda route: route.fulfill(status=422, json=refusal), times=1)
    say(page, QUESTION)
    page.get_by_text("Beskeden kunne ikke sendes").wait_for()
    assert box(page).input_value() == QUESTION and page.locator(".turn").count() == 0
    page.get_by_role("button", name="Send", exact=True).click()
    turns(page).first.wait_for()
    page.problems.clear()


def test_a_message_waits_until_the_server_has_started(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    starting = {"error": {"field": "server", "message": "is starting"}}
    page.route("**/api/messages", lambda route: route.fulfill(status=503, json=starting), times=2)
    say(page, QUESTION)
    page.get_by_text("Ikke sendt endnu").wait_for()
    turns(page).first.wait_for()
    assert ANSWER in turns(page).first.inner_text() and _kept(server, token(page)) == [QUESTION]
    page.problems.clear()


def test_given_a_model_that_cannot_be_used_the_numbers_come_and_one_can_ask_again(start_server: StartServer, page: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no model")
    server = start_server(until="/healthz", model=str(broken))
    page.goto(server.url + "/chat")
    page.set_default_timeout(60_000)
    first = ask(page, QUESTION)
    assert "56 51 28 60" in first.inner_text() and "1818" in first.inner_text()
    first.get_by_role("button", name="Spørg igen").click()
    turns(page).nth(1).wait_for()
    page.problems.clear()


def test_given_a_database_that_cannot_be_read_a_page_does_not_take_its_conversation_for_deleted(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    kept = token(page)
    page.route("**/api/conversation", lambda route: route.fulfill(status=503, json={"error": {"field": "server", "message": "…"}}))
    page.evaluate("dispatchEvent(new Event('online'))")
    ask(page, PARKING)
    assert turns(page).count() == 2 and token(page) == kept
    page.problems.clear()


def test_an_older_browser_gets_the_same_chat_with_its_style(server: Server, browser: Any) -> None:
    context = browser.new_context()
    page = noting(context)
    page.add_init_script("delete window.CSSStyleSheet; delete AbortSignal.timeout; delete window.BroadcastChannel;")
    page.route("**/", lambda route: route.fulfill(body=f'<!doctype html><html lang="da"><title>x</title><body><script src="{server.url}/widget.js"></script>', content_type="text/html"))
    page.goto(server.url + "/")
    page.get_by_role("button", name="Spørg om smerter").click()
    assert ANSWER in ask(page, QUESTION).inner_text()
    assert page.locator(".launcher").evaluate("(each) => getComputedStyle(each).position") == "fixed"
    assert page.problems == []
    context.close()


def test_given_a_browser_without_storage_the_page_itself_remembers(server: Server, page: Any) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})")
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    assert PARKING in ask(page, PARKING).inner_text()
    assert page.get_by_label("Andre bruger også denne computer").is_checked()


def test_given_no_conversation_to_be_fetched_one_can_write_all_the_same(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    page.route("**/api/conversation", lambda route: route.abort())
    page.reload()
    page.get_by_text("Din tidligere samtale kan ikke hentes").wait_for()
    ask(page, PARKING)
    page.unroute("**/api/conversation")
    page.evaluate("dispatchEvent(new Event('online'))")
    turns(page).nth(1).wait_for()
    assert QUESTION in turns(page).first.inner_text() and turns(page).count() == 2
    page.problems.clear()


@pytest.mark.parametrize("id", ["kort", "a" * 65, "æ" * 20, 7])
def test_a_malformed_message_id_is_refused_by_name(server: Server, id: Any) -> None:
    reply = server.post("/api/messages", {"message": QUESTION, "id": id})
    assert reply.status == 422 and reply.body["error"]["field"] == "id"


def test_two_conversations_may_use_the_same_message_id(server: Server) -> None:
    said = [server.post("/api/messages", {"message": text, "id": "0123456789abcdef"}).body for text in (QUESTION, PARKING)]
    assert said[0]["turn"] != said[1]["turn"] and [each["said"] for each in said] == [QUESTION, PARKING]

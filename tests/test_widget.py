"""The widget in a real browser: what a patient sees and does, on any page, by any means."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest
from playwright.sync_api import expect

from bot.content import Content
from bot.paths import ROOT
from bot.widget import FOLDER, MODULES, bundle
from tests.conftest import Server, StartServer
from tests.visit import (
    ALARM,
    ANSWER,
    DESKTOP,
    NARROW,
    PHONE,
    QUESTION,
    Site,
    ask,
    box,
    findings,
    is_sideways,
    other_site,
    noting,
    page,
    say,
    token,
    turns,
)

MOST_BYTES = 40_000
PICTURES = ROOT / "docs" / "pictures"
_TOP = re.compile(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", re.MULTILINE)
_IMPORTED = re.compile(r'^import \{ (.*) \} from "\./(\w+)\.js";$', re.MULTILINE)
__all__ = ["page"]


@dataclass(frozen=True)
class Embedded:
    """A server, and another site with its widget on a page."""

    server: Server
    site: Site


@pytest.fixture(scope="module")
def embedded(model: Path, start_server: StartServer) -> Iterator[Embedded]:
    """A site that may embed the widget."""
    with other_site() as site:
        yield Embedded(start_server(model=str(model), origins=site.url), site)


def _opened(page: Any) -> None:
    page.get_by_role("button", name="Spørg om smerter").click()
    box(page).wait_for()


def _scripted(page: Any, script: str) -> None:
    """Run a script before any of the page's."""
    page.add_init_script(script)


# The script.


def test_the_script_is_small(curated: Content, capsys: pytest.CaptureFixture[str]) -> None:
    made = bundle(curated)
    with capsys.disabled():
        print(f"\nwidget.js: {len(made.script):,} bytes, compressed {len(made.packed):,} of at most {MOST_BYTES:,}")
    assert gzip.decompress(made.packed) == made.script
    assert len(made.packed) < MOST_BYTES


def test_the_modules_fit_together() -> None:
    texts = {name: (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in MODULES}
    names = [name for text in texts.values() for name in _TOP.findall(text)]
    assert len(names) == len(set(names)), "a name stands at the top of two modules"
    assert {path.stem for path in FOLDER.glob("*.js")} == set(MODULES)
    for place, (module, text) in enumerate(texts.items()):
        for imported, source in _IMPORTED.findall(text):
            assert source in MODULES[:place], f"{module} needs {source}, which comes later"
            assert all(re.search(rf"^export .*\b{name}\b", texts[source], re.MULTILINE) for name in imported.split(", "))


def test_the_script_is_asked_for_anew_and_sent_only_when_it_changed(server: Server, page: Any) -> None:
    first = page.request.get(f"{server.url}/widget.js")
    assert first.headers["content-encoding"] == "gzip" and first.headers["cache-control"] == "no-cache"
    again = page.request.get(f"{server.url}/widget.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304


# Any page.


def test_one_script_tag_on_a_strict_page_with_styles_of_its_own_is_enough(embedded: Embedded, page: Any) -> None:
    own = '<p id="own">Sygehusets egen tekst</p>'
    embedded.site.embed(embedded.server.url, '<link rel="stylesheet" href="/hostile.css">', own)
    page.goto(embedded.site.url)
    before = page.locator("#own").evaluate("(own) => JSON.stringify({...getComputedStyle(own)})")
    _opened(page)
    assert ANSWER in ask(page, QUESTION).inner_text()
    assert page.locator("#own").evaluate("(own) => JSON.stringify({...getComputedStyle(own)})") == before
    text = page.locator(".reply p").first
    shown = text.evaluate("(each) => { const style = getComputedStyle(each); return [parseFloat(style.fontSize), style.letterSpacing, style.display]; }")
    assert shown[0] >= 18 and shown[1:] == ["normal", "block"]


def test_a_site_that_may_not_embed_it_gets_the_numbers_and_no_answer(server: Server, page: Any) -> None:
    with other_site() as site:
        site.embed(server.url)
        page.goto(site.url)
        _opened(page)
        say(page, QUESTION)
        page.get_by_text("Der er ikke forbindelse lige nu").wait_for()
        assert page.locator(".strip a").first.is_visible() and turns(page).count() == 0
    assert all("CORS" in problem or "ERR_FAILED" in problem for problem in page.problems)
    page.problems.clear()


def test_the_tag_says_where_the_chat_stands(embedded: Embedded, page: Any) -> None:
    embedded.site.embed(embedded.server.url, body='<div id="her"></div>', tag='data-target="#her"')
    page.goto(embedded.site.url)
    assert ANSWER in ask(page, QUESTION).inner_text()
    assert page.locator("#her smerte-chat").count() == 1 and page.locator(".launcher").count() == 0


def test_a_page_opens_asks_listens_and_closes(embedded: Embedded, page: Any) -> None:
    embedded.site.embed(embedded.server.url)
    page.goto(embedded.site.url)
    page.evaluate("""() => {
        window.told = [];
        for (const name of ["open", "answer", "alarm", "close"]) addEventListener(`smertebot-${name}`, (event) => told.push([name, event.detail]));
        smertebot.open();
        smertebot.ask("hvor kan jeg parkere");
    }""")
    turns(page).first.wait_for()
    page.evaluate("smertebot.close()")
    told = page.evaluate("told")
    assert [name for name, _ in told] == ["open", "answer", "close"] and told[1][1] == {"status": "answered"}
    page.evaluate("smertebot.open()")
    page.evaluate("smertebot.forget()")
    page.get_by_text("Samtalen er slettet").wait_for()
    assert turns(page).count() == 0


def test_two_versions_on_a_page_make_one_chat(embedded: Embedded, page: Any) -> None:
    newer = page.request.get(f"{embedded.server.url}/widget.js").text()
    older = re.sub(r'const VERSION = "\w+"', 'const VERSION = "older"', newer)
    page.route("**/older.js", lambda route: route.fulfill(body=older, content_type="text/javascript"))
    embedded.site.embed(embedded.server.url, body=f'<script src="{embedded.server.url}/older.js"></script>')
    page.goto(embedded.site.url)
    assert page.locator(".launcher").count() == 1 and page.evaluate("smertebot.version") == "older"
    _opened(page)
    assert ANSWER in ask(page, QUESTION).inner_text()


# What is seen first, and always.


@pytest.mark.parametrize("path", ["/", "/chat"])
def test_what_it_is_is_said_first(server: Server, page: Any, path: str) -> None:
    page.goto(server.url + path)
    if path == "/":
        _opened(page)
    told = page.locator(".intro")
    for part in ("computerprogram", "faste tekster", "Ingen læser med", "Skriv ikke dit CPR-nummer", "30 dage"):
        assert part in told.inner_text()
    assert told.bounding_box()["y"] < DESKTOP["height"] / 3


def test_the_numbers_are_in_sight_before_it_is_loaded_and_when_the_server_is_gone(server: Server, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.route("**/widget.js", lambda route: route.abort())
    page.goto(server.url + "/chat")
    _numbers_in_sight(page, ".emergency")
    page.problems.clear()
    page.unroute("**/widget.js")
    page.reload()
    _numbers_in_sight(page, ".strip")
    page.context.set_offline(True)
    say(page, QUESTION)
    page.get_by_text("Der er ikke forbindelse lige nu").wait_for()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    _numbers_in_sight(page, ".strip")
    page.problems.clear()


def test_the_numbers_are_in_sight_with_the_panel_closed_open_and_far_down(server: Server, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(server.url)
    _numbers_in_sight(page, ".launcher")
    _opened(page)
    for _ in range(3):
        ask(page, QUESTION)
    _numbers_in_sight(page, ".strip")


def _numbers_in_sight(page: Any, place: str) -> None:
    height = page.viewport_size["height"]
    for number in ("112", "1818"):
        found = page.locator(f'{place} a[href="tel:{number}"]').bounding_box()
        assert found and 0 <= found["y"] <= height - found["height"] and found["height"] >= 44


# Talking.


def test_topics_lead_to_a_first_answer_and_its_buttons_to_the_next(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.get_by_text("Kurset LOB", exact=True).click()
    page.get_by_role("button", name="Hvad er LOB?").click()
    turns(page).first.wait_for()
    assert turns(page).first.locator(".said").locator("p").inner_text().endswith("Hvad er LOB?")
    title = page.locator(".turn .choices button").first.inner_text()
    page.locator(".turn .choices button").first.click()
    turns(page).nth(1).wait_for()
    assert title in turns(page).nth(1).locator(".said").inner_text()


def test_sources_and_the_rest_of_a_long_answer_are_folded(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    turn = ask(page, QUESTION)
    assert not turn.locator(".sources li").first.is_visible()
    turn.get_by_text("Hvor står det?").click()
    assert "pjece" in turn.locator(".sources li").first.inner_text()
    long = ask(page, "/forloeb.oversigt")
    more = long.locator("details.more")
    assert more.count() == 1 and not more.locator("p, li").first.is_visible()
    more.get_by_text("Læs mere").click()
    assert more.locator("p, li").first.is_visible()


@pytest.mark.parametrize("text", ["ingen tror på mig, og jeg kan snart ikke mere", "slet min samtale", ALARM])
def test_where_the_chat_asks_about_the_visitor_it_does_not_ask_about_itself(server: Server, page: Any, text: str) -> None:
    page.goto(server.url + "/chat")
    assert ask(page, QUESTION).locator(".opinion").count() == 1
    asked = ask(page, text)
    assert asked.locator(".opinion").count() == 0
    if text == ALARM:
        assert "Har du fået fat i nogen?" in ask(page, QUESTION).inner_text() and page.locator(".opinion").count() == 1


def test_thumbs_and_what_was_missing_reach_the_server(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    turn = ask(page, QUESTION)
    given = []
    page.on("request", lambda request: request.url.endswith("/api/feedback") and given.append(request.post_data_json))
    turn.get_by_role("button", name="Det hjalp ikke", exact=True).click()
    turn.get_by_label("Hvad manglede?").fill("hvornår det begynder")
    turn.get_by_role("button", name="Send", exact=True).click()
    turn.get_by_text("Tak.").wait_for()
    assert [(each["helpful"], each["reason"]) for each in given] == [(False, ""), (False, "hvornår det begynder")]


def test_an_answer_is_copied(server: Server, page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(server.url + "/chat")
    ask(page, QUESTION).get_by_role("button", name="Kopiér").click()
    page.get_by_text("Svaret er kopieret.").wait_for()
    assert ANSWER in page.evaluate("navigator.clipboard.readText()")


_VOICES = """
window.spoken = [];
const voices = [{lang: "da-DK", localService: LOCAL, name: "Dansk"}];
Object.defineProperty(window, "speechSynthesis", {value: {
  speaking: false, getVoices: () => voices, addEventListener() {}, cancel() { this.speaking = false; },
  speak(said) { this.speaking = true; window.spoken.push([said.text, said.lang]); },
}});
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } addEventListener() {} };
"""


@pytest.mark.parametrize("local", [True, False])
def test_answers_are_read_aloud_only_by_a_voice_of_the_device(server: Server, page: Any, local: bool) -> None:
    _scripted(page, _VOICES.replace("LOCAL", str(local).lower()))
    page.goto(server.url + "/chat")
    aloud = ask(page, QUESTION).get_by_role("button", name="Læs op")
    assert aloud.count() == int(local)
    if local:
        aloud.click()
        text, language = page.evaluate("spoken[0]")
        assert ANSWER in text and language == "da-DK"


_HEARING = """
window.SpeechRecognition = class extends EventTarget {
  static async available(wanted) { return wanted.processLocally && wanted.langs[0] === "da-DK" ? "STATE" : "unavailable"; }
  start() {
    const result = Object.assign(new Event("result"), {results: [[{transcript: "hvor kan jeg parkere"}]]});
    setTimeout(() => { this.dispatchEvent(result); this.dispatchEvent(new Event("end")); });
  }
};
"""


def test_speech_becomes_text_only_on_the_device_itself(server: Server, browser: Any) -> None:
    for state, offered in (("available", True), ("unavailable", False)):
        context = browser.new_context()
        page = noting(context)
        _scripted(page, _HEARING.replace("STATE", state))
        page.goto(server.url + "/chat")
        button = page.get_by_role("button", name="Tal i stedet")
        assert button.is_visible() is offered
        if offered:
            button.click()
            expect(box(page)).to_have_value("hvor kan jeg parkere")
        assert page.problems == []
        context.close()


def test_the_text_grows_and_stays_so(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    page.get_by_text("Indstillinger, udskrift og sletning").click()
    for _ in range(5):
        page.get_by_role("button", name="Større tekst").click()
    assert _size(page) == pytest.approx(36, abs=1)
    page.reload()
    assert _size(page) == pytest.approx(36, abs=1) and not is_sideways(page)


def _size(page: Any) -> float:
    return float(page.locator(".intro p").first.evaluate("(each) => parseFloat(getComputedStyle(each).fontSize)"))


def test_the_conversation_is_printed_as_a_clean_page_with_the_numbers(embedded: Embedded, page: Any) -> None:
    embedded.site.embed(embedded.server.url)
    page.goto(embedded.site.url)
    _opened(page)
    ask(page, QUESTION)
    page.get_by_text("Indstillinger, udskrift og sletning").click()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Udskriv samtalen").click()
    text = opened.value.locator("body").inner_text()
    assert all(part in text for part in (QUESTION, ANSWER, "112", "1818", "56 51 28 60"))
    assert opened.value.title() == "Chat med Smertecenteret" and opened.value.url == "about:blank"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Gem som tekst").click()
    assert saved.value.suggested_filename == "samtale-med-smertecenteret.txt"
    kept = Path(saved.value.path()).read_text(encoding="utf-8")
    assert all(part in kept for part in (QUESTION, ANSWER, "1818"))


def test_what_a_patient_writes_is_shown_as_text(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    turn = ask(page, "<img src=x onerror=alert(1)> **hvor** kan jeg parkere")
    assert turn.locator(".said img, .said strong").count() == 0 and "<img src=x" in turn.locator(".said").inner_text()


# It stays, until it is deleted.


def test_the_conversation_is_there_after_a_reload_tomorrow_and_on_another_tab(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, "Jeg hedder Grethe Lindskov, hvor kan jeg parkere")
    page.reload()
    turns(page).first.wait_for()
    assert "Jeg hedder [NAVN]" in page.locator(".said").inner_text()
    other = noting(page.context)
    other.goto(server.url)
    _opened(other)
    turns(other).first.wait_for()
    ask(other, QUESTION)
    turns(page).nth(1).wait_for()
    page.get_by_text("Indstillinger, udskrift og sletning").click()
    page.get_by_role("button", name="Slet samtalen").click()
    page.get_by_role("button", name="Ja, slet samtalen").click()
    page.get_by_text("Samtalen er slettet. Du kan skrive igen").wait_for()
    other.get_by_text("Samtalen er slettet. Du kan begynde en ny.").wait_for()
    assert turns(page).count() == turns(other).count() == 0 and other.problems == []
    page.reload()
    page.get_by_text("Forstå smerter").wait_for()
    assert turns(page).count() == 0


def test_a_conversation_that_is_deleted_by_writing_so_is_gone_from_every_tab(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    before = token(page)
    other = noting(page.context)
    other.goto(server.url + "/chat")
    turns(other).first.wait_for()
    ask(page, "slet min samtale")
    page.get_by_role("button", name="Ja, slet samtalen").click()
    page.locator(".turn", has_text="slettet").wait_for()
    other.get_by_text("Samtalen er slettet. Du kan begynde en ny.").wait_for()
    assert turns(page).count() == 1 and turns(other).count() == 0 and page.locator(".opinion").count() == 0
    assert server.get("/api/conversation", {"Authorization": f"Bearer {before}"}).body == {"turns": []}
    assert ANSWER in ask(page, QUESTION).inner_text() and token(page) != before
    page.reload()
    turns(page).first.wait_for()
    assert turns(page).count() == 1 and other.problems == []


def test_given_a_conversation_deleted_elsewhere_the_page_says_so_and_goes_on(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    server.get("/api/conversation", {"Authorization": f"Bearer {token(page)}"}, method="DELETE")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_text("Du kan begynde en ny.").wait_for()
    assert turns(page).count() == 0
    assert ANSWER in ask(page, QUESTION).inner_text()


def test_an_open_panel_and_a_draft_are_there_after_a_reload(server: Server, page: Any) -> None:
    page.goto(server.url)
    _opened(page)
    box(page).fill("jeg ville lige høre om")
    page.reload()
    box(page).wait_for()
    assert box(page).input_value() == "jeg ville lige høre om"


def test_a_shared_computer_keeps_nothing_and_the_conversation_goes_with_the_page(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    ask(page, QUESTION)
    kept = token(page)
    page.get_by_text("Indstillinger, udskrift og sletning").click()
    page.get_by_label("Andre bruger også denne computer").check()
    ask(page, "hvor kan jeg parkere")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert len(_kept_turns(server, kept)) == 2
    page.goto(server.url + "/tilgaengelighed")
    page.goto(server.url + "/chat")
    page.get_by_text("Forstå smerter").wait_for()
    assert turns(page).count() == 0
    for _ in range(300):
        if not _kept_turns(server, kept):
            return
        page.wait_for_timeout(100)
    pytest.fail("the conversation is still on the server")


def _kept_turns(server: Server, token: str) -> Any:
    return server.get("/api/conversation", {"Authorization": f"Bearer {token}"}).body["turns"]


# Alarms.


def test_a_card_takes_the_focus_is_not_announced_twice_and_its_numbers_stay_until_they_are_answered(server: Server, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(server.url + "/chat")
    card = ask(page, ALARM).locator(".card")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className").startswith("card")
    assert page.get_by_role("log").get_attribute("aria-live") == "off"
    first = card.locator(".calls a").first
    assert first.get_attribute("href") == "tel:112" and first.bounding_box()["height"] >= 56
    strip = page.locator(".alarmed .strip")
    assert card.bounding_box()["y"] >= strip.bounding_box()["y"] + strip.bounding_box()["height"]
    page.locator(".log[aria-live=polite]").wait_for()
    for _ in range(3):
        ask(page, QUESTION)
    assert strip.get_by_role("link", name="Ring 112").is_visible() and strip.bounding_box()["y"] >= 0
    page.reload()
    strip.get_by_role("link", name="Ring 112").wait_for()
    strip.get_by_role("button", name="Jeg har ringet").click()
    assert page.locator(".alarmed").count() == 0
    _numbers_in_sight(page, ".strip")
    page.reload()
    turns(page).nth(3).wait_for()
    assert page.locator(".alarmed").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_card_has_a_contrast_of_seven_to_one(server: Server, page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url + "/chat")
    ask(page, ALARM)
    contrasts = page.evaluate(_CONTRASTS)
    assert len(contrasts) >= 6 and min(contrasts) >= 7, contrasts


_CONTRASTS = """() => {
  const root = document.querySelector("smerte-chat").shadowRoot;
  const shade = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (each) => { const color = getComputedStyle(each).backgroundColor; return color.endsWith(", 0)") ? behind(each.parentElement) : color; };
  return [...root.querySelectorAll(".card, .card p, .card a, .strip a, .strip button, .strip strong")].map((each) => {
    const [one, other] = [shade(getComputedStyle(each).color), shade(behind(each))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05);
  });
}"""


# For everybody.


def _empty(page: Any) -> None:
    box(page).wait_for()


def _talking(page: Any) -> None:
    ask(page, QUESTION)


def _unfolded(page: Any) -> None:
    ask(page, "/forloeb.oversigt")
    page.evaluate("for (const each of document.querySelector('smerte-chat').shadowRoot.querySelectorAll('details')) { each.removeAttribute('name'); each.open = true; }")
    page.get_by_role("button", name="Slet samtalen").click()


def _carded(page: Any) -> None:
    ask(page, ALARM)


def _asked_why(page: Any) -> None:
    ask(page, QUESTION).get_by_role("button", name="Det hjalp ikke", exact=True).click()
    page.get_by_label("Hvad manglede?").wait_for()


def _cut_off(page: Any) -> None:
    page.context.set_offline(True)
    say(page, QUESTION)
    page.get_by_role("button", name="Prøv nu").wait_for()


def _too_long(page: Any) -> None:
    box(page).fill("for langt " * 250)


STATES = (_empty, _talking, _unfolded, _carded, _asked_why, _cut_off, _too_long)
WAYS = {
    "desktop": {},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
    "320px": {"viewport": NARROW},
    "200-percent": {"viewport": {"width": 640, "height": 450}},
    "forced-colors": {"forced_colors": "active"},
    "reduced-motion": {"reduced_motion": "reduce"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("corner", [False, True], ids=["page", "corner"])
def test_no_state_has_accessibility_findings_is_sideways_or_has_small_targets(server: Server, browser: Any, way: str, corner: bool) -> None:
    found = {}
    for state in STATES:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "da-DK", **WAYS[way]})
        page = noting(context)
        page.goto(server.url + ("" if corner else "/chat"))
        if corner:
            _opened(page)
        state(page)
        problems = findings(page) + page.evaluate(_SMALL) + (["sideways"] if is_sideways(page) else [])
        problems += [problem for problem in page.problems if state is not _cut_off or "DISCONNECTED" not in problem]
        found[state.__name__] = problems
        context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


# Links within a sentence may be as small as its letters.
_SMALL = """() => [...document.querySelector("smerte-chat").shadowRoot.querySelectorAll("button, summary, textarea, label.shared, .strip a, .calls a, .links a, .launcher a")]
  .filter((each) => each.checkVisibility()).map((each) => [each.textContent.slice(0, 40), each.getBoundingClientRect()])
  .filter(([text, box]) => box.width < 44 || box.height < 44).map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""


@pytest.mark.parametrize("path", ["/", "/tilgaengelighed"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_around_the_chat_have_no_accessibility_findings(server: Server, page: Any, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for viewport in (DESKTOP, NARROW):
        page.set_viewport_size(viewport)
        page.goto(server.url + path)
        assert findings(page) == [] and not is_sideways(page)
    assert ("Digitaliseringsstyrelsen" if "til" in path else "Demonstration.") in page.locator("body").inner_text()


def test_it_is_used_by_keyboard_alone(server: Server, page: Any) -> None:
    page.goto(server.url)
    for _ in range(12):
        page.keyboard.press("Tab")
        if _focused(page) == "Spørg om smerter":
            break
    page.keyboard.press("Enter")
    assert _focused(page) == "box"
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    turns(page).first.wait_for()
    assert _focused(page) == "box"
    page.keyboard.press("Shift+Tab")
    seen = [_focused(page)]
    while seen[-1] != "Hvor står det?" and len(seen) < 20:
        page.keyboard.press("Shift+Tab")
        seen.append(_focused(page))
    page.keyboard.press("Enter")
    assert page.locator(".sources li").first.is_visible()
    assert {"Det hjalp", "Det hjalp ikke", "Kopiér"} <= set(seen)
    page.keyboard.press("Escape")
    assert not box(page).is_visible() and _focused(page) == "Spørg om smerter"


def _focused(page: Any) -> str:
    """The text or id of what has the focus."""
    return str(page.evaluate("(() => { const at = document.activeElement.shadowRoot?.activeElement ?? document.activeElement; return at.id || at.textContent; })()"))


def test_a_new_answer_is_announced_once_and_an_old_one_not(server: Server, page: Any) -> None:
    page.goto(server.url + "/chat")
    log = page.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    page.evaluate("""() => {
        window.announced = [];
        const log = document.querySelector("smerte-chat").shadowRoot.querySelector(".log");
        new MutationObserver((changes) => { if (log.ariaLive === "polite") for (const each of changes) announced.push(...[...each.addedNodes].map((node) => node.className)); }).observe(log, {childList: true});
    }""")
    ask(page, QUESTION)
    assert page.evaluate("announced") == ["turn pending", "turn"]
    assert page.locator(".log [aria-live], .log [role=alert]").count() == 0


# Pictures of the documentation: taken where there are none.


@pytest.mark.parametrize(
    "name, viewport, path, text",
    [
        ("widget-desktop", DESKTOP, "/", QUESTION),
        ("widget-phone", {"width": 390, "height": 780}, "/", QUESTION),
        ("widget-card", {"width": 390, "height": 780}, "/chat", ALARM),
        ("widget-page", DESKTOP, "/", ""),
    ],
)
def test_the_pictures_of_the_guide_are_taken(server: Server, page: Any, name: str, viewport: Any, path: str, text: str) -> None:
    page.set_viewport_size(viewport)
    page.emulate_media(reduced_motion="reduce")
    page.goto(server.url + path)
    if path == "/" and text:
        _opened(page)
    if text:
        ask(page, text)
    taken = page.screenshot()
    assert len(taken) > 10_000
    if not (PICTURES / f"{name}.png").exists():
        (PICTURES / f"{name}.png").write_bytes(taken)

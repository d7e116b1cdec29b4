"""The staff's pages in a real browser, over a running server: by mouse, by keyboard, without scripts, and for everybody."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from bot.paths import ROOT
from bot.store.accounts import Accounts
from bot.store.database import Database
from tests.conftest import Server, StartServer
from tests.staff import HASHER, PASSWORD, ROLES
from tests.staff_story import a_week_of_conversations

DESKTOP = {"width": 1200, "height": 900}
ROUND_SECONDS = 900
NARROW = {"width": 320, "height": 640}
PICTURES = ROOT / "docs" / "pictures"
PLACES = (
    "/staff/samtaler", "/staff/samtaler?vis=alle", "/staff/samtaler?vis=alle&tekst=%22sm%22%27%3B", "/staff/samtaler/{conversation}",
    "/staff/uden-svar", "/staff/tekster", "/staff/tekster/answer/lob.varighed", "/staff/tekster/answer/lob.varighed/ret",
    "/staff/tekster/card/akut.cauda_equina", "/staff/tekster/card/akut.cauda_equina/ret", "/staff/tekster/level/112/ret",
    "/staff/tekster/contact/laegevagt/ret", "/staff/tal", "/staff/forbedring", "/staff/logbog", "/staff/konto", "/staff/findes-ikke",
)


@dataclass(frozen=True)
class Desk:
    """A browser window of a member of staff on a server."""

    server: Server
    page: Any

    def open(self, path: str) -> Any:
        """Go to a page."""
        self.page.goto(self.server.url + path)
        return self.page

    def sign_in(self, name: str) -> "Desk":
        """Sign in with the form."""
        self.open("/staff/ind")
        self.page.get_by_label("Navn").fill(name)
        self.page.get_by_label("Adgangskode").fill(PASSWORD)
        self.page.locator("main").get_by_role("button", name="Log ind", exact=True).click()
        self.page.wait_for_url("**/staff/samtaler*")
        return self

    def picture(self, name: str) -> None:
        """A picture for the guide: kept where there is none."""
        taken = self.page.screenshot()
        assert len(taken) > 10_000
        PICTURES.mkdir(parents=True, exist_ok=True)
        if not (PICTURES / f"{name}.png").exists():
            (PICTURES / f"{name}.png").write_bytes(taken)


@pytest.fixture(scope="module")
def busy(model: Path, start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two weeks of conversations, on which four people work."""
    var = tmp_path_factory.mktemp("busy")
    prepare(var)
    return start_server(model=str(model), var=str(var))


def prepare(var: Path) -> None:
    """A database with two weeks of conversations and four accounts."""
    database = Database(f"sqlite:///{var / 'smertebot.sqlite'}")
    database.migrate()
    a_week_of_conversations(database)
    for name, role in ROLES.items():
        Accounts(database, HASHER).add(name, role, PASSWORD)
    database.reconnect()


@pytest.fixture
def desk(busy: Server, browser: Any) -> Iterator[Desk]:
    """A window that notes errors and requests to other hosts."""
    context = browser.new_context(viewport=DESKTOP, locale="da-DK", reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    problems = []
    page.on("console", lambda message: message.type == "error" and problems.append(f"{message.text} {message.location}"))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: "127.0.0.1" in request.url or problems.append(request.url))
    yield Desk(busy, page)
    context.close()
    assert [problem for problem in problems if "404" not in problem] == []


def _first_conversation(desk: Desk, path: str = "/staff/samtaler") -> str:
    desk.open(path)
    return str(desk.page.locator("[data-open]").first.get_attribute("href"))


def test_a_reviewer_signs_in_filters_opens_and_corrects_in_two_clicks(desk: Desk) -> None:
    desk.open("/staff/ind")
    desk.picture("personale-login")
    desk.sign_in("anne")
    desk.picture("personale-samtaler")
    page = desk.page
    page.get_by_text("Flere filtre").click()
    page.locator("#status").select_option("fallback")
    page.get_by_role("button", name="Vis samtaler").last.click()
    page.wait_for_url("**status=fallback**")
    page.locator("[data-open]").first.click()
    desk.picture("personale-samtale")
    turn = page.locator("section.turn", has=page.locator("details.correct")).first
    turn.locator("summary.button").click()
    turn.locator("summary.button").scroll_into_view_if_needed()
    desk.picture("personale-ret")
    turn.locator("details.correct fieldset button").first.click()
    page.locator(".label", has_text="anne").first.wait_for()


def test_the_inbox_is_walked_by_keyboard(desk: Desk) -> None:
    page = desk.sign_in("anne").open("/staff/samtaler?vis=alle")
    second = page.locator("[data-open]").nth(1).get_attribute("href")
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")


def test_without_scripts_every_page_opens_and_a_correction_is_kept(busy: Server, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=DESKTOP)
    desk = Desk(busy, context.new_page()).sign_in("dorte")
    conversation = _first_conversation(desk)
    for place in PLACES[:-1]:
        desk.open(place.format(conversation=conversation.rsplit("/", 1)[1]))
        assert desk.page.locator("h1").count() == 1, place
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_accessibility_findings_or_needs_sideways_scrolling(desk: Desk, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    desk.page.emulate_media(color_scheme=scheme)
    desk.open("/staff/ind")
    assert Axe().run(desk.page).response["violations"] == []
    conversation = _first_conversation(desk.sign_in("dorte")).rsplit("/", 1)[1]
    found = {}
    for place in PLACES:
        page = desk.open(place.format(conversation=conversation))
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        violations = Axe().run(page).response["violations"]
        found[place] = [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in violations]
        page.set_viewport_size(NARROW)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found[place].append(("sideways", ""))
        page.set_viewport_size(DESKTOP)
    assert {place: problems for place, problems in found.items() if problems} == {}


def test_a_card_is_changed_by_one_and_approved_by_another_and_patients_read_it_at_once(desk: Desk, browser: Any) -> None:
    path = "/staff/tekster/card/akut.aandenoed"
    new = "Sæt dig op. Tag noget løst tøj på, og bliv, hvor du er."
    page = desk.sign_in("anne").open(f"{path}/ret")
    page.get_by_label("Råd til patienten").fill(new)
    page.locator("#preview", has_text="løst tøj").wait_for()
    desk.picture("personale-kort")
    page.get_by_role("button", name="Send til godkendelse").click()
    page.get_by_text("venter på").first.wait_for()
    other = Desk(desk.server, browser.new_context(viewport=DESKTOP).new_page()).sign_in("bo")
    other.open(path)
    other.picture("personale-godkend")
    other.page.get_by_role("button", name="Godkend og udgiv").click()
    other.page.get_by_text("læses nu").first.wait_for()
    assert new in desk.server.say("jeg kan ikke få vejret")[0]["text"]
    other.page.context.close()


def test_an_answer_is_edited_published_and_rolled_back(desk: Desk, browser: Any) -> None:
    path, question = "/staff/tekster/answer/praktisk.parkering", "/praktisk.parkering"
    before = desk.server.say(question)[0]["text"]
    page = desk.sign_in("bo").open(f"{path}/ret")
    page.get_by_label("Tekst", exact=True).fill("Der er plads til biler ved hovedindgangen.")
    page.get_by_role("button", name="Send til godkendelse").click()
    other = Desk(desk.server, browser.new_context(viewport=DESKTOP).new_page()).sign_in("carl")
    other.open(path).get_by_role("button", name="Godkend og udgiv").click()
    other.page.get_by_text("læses nu").first.wait_for()
    changed = desk.server.say(question)[0]
    assert changed["text"] == "Der er plads til biler ved hovedindgangen." and changed["custom"]["version"] == 2
    other.picture("personale-historik")
    other.page.get_by_role("button", name=re.compile("Rul tilbage til filernes tekst")).click()
    other.page.get_by_role("status").first.wait_for()
    assert desk.server.say(question)[0]["text"] == before
    other.page.context.close()


@pytest.mark.parametrize("place, name", [("/staff/tekster", "tekster"), ("/staff/tal", "tal"), ("/staff/logbog", "logbog"), ("/staff/uden-svar", "uden-svar")])
def test_the_pictures_of_the_guide_are_taken(desk: Desk, place: str, name: str) -> None:
    desk.sign_in("dorte").open(place)
    desk.picture(f"personale-{name}")


def test_a_link_for_a_colleague_leads_through_the_sign_in_to_the_conversation(desk: Desk, browser: Any) -> None:
    path = _first_conversation(desk.sign_in("anne"))
    colleague = browser.new_context(viewport=DESKTOP).new_page()
    colleague.goto(desk.server.url + path)
    assert "/staff/ind" in colleague.url
    colleague.get_by_label("Navn").fill("carl")
    colleague.get_by_label("Adgangskode").fill(PASSWORD)
    colleague.locator("main").get_by_role("button", name="Log ind", exact=True).click()
    colleague.wait_for_url(f"**{path}")
    colleague.context.close()


def test_a_phrase_that_failed_is_corrected_learnt_and_answered_right(desk: Desk, browser: Any) -> None:
    phrase = "hvor sætter chaufføren mig af med liften"
    assert _answer(desk, phrase) != "praktisk.parkering"
    page = desk.sign_in("anne").open("/staff/samtaler?vis=alle&tekst=chauff%C3%B8ren")
    page.locator("[data-open]").first.click()
    turn = page.locator("section.turn", has=page.locator("details.correct")).first
    turn.locator("summary.button").click()
    turn.get_by_role("searchbox").fill("parkere")
    turn.get_by_role("button", name="Søg").click()
    turn.locator(".found button", has_text="parkere").first.click()
    page.locator(".label", has_text="anne").first.wait_for()

    approver = Desk(desk.server, browser.new_context(viewport=DESKTOP).new_page()).sign_in("bo")
    shown = approver.open("/staff/forbedring")
    assert phrase in shown.locator("main").inner_text()
    approver.picture("personale-forbedring")
    shown.get_by_role("button", name="Forbedr nu").click()
    shown.locator("progress").wait_for()
    shown.get_by_text("Intet blev dårligere").first.wait_for(timeout=ROUND_SECONDS * 1000)
    approver.picture("personale-forbedret")
    _until(lambda: _answer(desk, phrase) == "praktisk.parkering")
    shown.get_by_role("button", name="Tilbage til den forrige").click()
    _until(lambda: _answer(desk, phrase) != "praktisk.parkering")
    shown.context.close()


def _answer(desk: Desk, text: str) -> str:
    return str(desk.server.say(text)[0]["custom"].get("answer_id"))


def _until(true: Callable[[], bool]) -> None:
    """Other workers notice a switch within seconds."""
    waiting = threading.Event()
    assert any(true() or waiting.wait(0.5) for _ in range(60))

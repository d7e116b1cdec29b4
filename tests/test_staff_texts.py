"""Clinicians change what patients read: four eyes, nothing unsafe, nothing overwritten, live at once."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any, Dict, List

import httpx
import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.answer import ActionAnswer
from bot import edition
from bot.difference import difference
from bot.edition import current
from bot.finding import Code, Key, Kind
from bot.staff.draft import widgets
from bot.staff.words import load_staff_words
from bot.status import Status
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.revisions import editing
from bot.store.transcripts import Transcripts
from tests.conftest import StartServer
from tests.databases import turn
from tests.staff import HASHER, PASSWORD, Client, Office, office

LOB = "/staff/tekster/answer/lob.varighed"
NASTY = "<script>alert('x')</script>'; DROP TABLE revisions; -- \"><img src=x onerror=alert(1)>"
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture
def at(tmp_path: Path) -> Office:
    """The site over a fresh database."""
    return office(tmp_path)


def _fields(path: str, **changed: Any) -> Dict[str, Any]:
    """The form of a text as a browser sends it, with changes."""
    kind, id = path.split("/")[-2:]
    key = Key(Kind(kind), id)
    fields = {**current().manuscript.fields(key), **changed}
    sent: Dict[str, Any] = {name: value or "" for name, value in fields.items() if not isinstance(value, (list, bool))}
    if kind == "answer":
        sent.update(
            source_key=[cited["key"] for cited in fields["sources"]],
            source_section=[cited["section"] for cited in fields["sources"]],
            follow_ups=fields["follow_ups"],
            reassures="ja" if fields["reassures"] else "nej",
        )
    return sent


def _hidden(page: str) -> Dict[str, str]:
    return {name: unescape(value) for name, value in _HIDDEN.findall(page)}


def _stamps(browser: Client, path: str) -> Dict[str, str]:
    """What the form of a text carries: which draft and which version it began from."""
    hidden = _hidden(browser.get(f"{path}/ret").text)
    return {"stamp": hidden["stamp"], "base": hidden["base"]}


def _save(browser: Client, path: str, do: str = "gem", stamps: Any = None, **changed: Any) -> httpx.Response:
    return browser.post_form(f"{path}/ret", {**_fields(path, **changed), **(stamps or _stamps(browser, path)), "do": do})


def _decide(browser: Client, path: str, how: str, **more: Any) -> httpx.Response:
    stamp = _stamps(browser, path)["stamp"]
    version = current().manuscript.mark(Key(Kind(path.split("/")[-2]), path.split("/")[-1])).version
    return browser.post_form(f"{path}/{how}", {"stamp": stamp, "version": str(version), **more})


def _publish(at: Office, path: str = LOB, **changed: Any) -> None:
    assert _save(at.signed_in("anne"), path, "send", **changed).status_code == 303
    assert _decide(at.signed_in("bo"), path, "godkend").status_code == 303


def _text() -> str:
    return current().content.answers["lob.varighed"].text


def _asked(intent: str) -> Any:
    """What Rasa's action answers to an intent."""
    said = {"intent": {"name": intent, "confidence": 1.0}, "intent_ranking": [{"name": intent, "confidence": 1.0}], "entities": [], "text": "x"}
    dispatcher = CollectingDispatcher()
    ActionAnswer().run(dispatcher, Tracker("a", {}, said, [], False, None, {}, "action_listen"), {})
    return dispatcher.messages[0]


def test_what_one_writes_and_another_approves_is_what_patients_read_from_then_on(at: Office) -> None:
    before = _asked("lob.varighed")
    assert _save(at.signed_in("anne"), LOB, "send", text="LOB varer syv uger. Ring på {smertecenter.tel}.").status_code == 303
    assert _asked("lob.varighed") == before
    assert _decide(at.signed_in("bo"), LOB, "godkend").status_code == 303
    after = _asked("lob.varighed")
    assert (after["text"], after["custom"]["version"]) == ("LOB varer syv uger. Ring på 56 51 28 60.", 2)


@pytest.mark.parametrize("how", ["send", "gem"])
def test_nobody_approves_their_own_text(at: Office, how: str) -> None:
    bo = at.signed_in("bo")
    _save(bo, LOB, how, text="Syv uger.")
    _decide(bo, LOB, "send")
    answer = _decide(bo, LOB, "godkend")
    assert answer.status_code in (403, 409) and "Godkend og udgiv" not in bo.get(LOB).text
    assert current() is edition.of_files()


def test_nobody_approves_their_own_text_after_a_colleague_saved_once_more(at: Office) -> None:
    _save(at.signed_in("bo"), LOB, text="Syv uger.")
    _save(at.signed_in("anne"), LOB, "send", text="LOB varer syv uger.")
    answer = _decide(at.signed_in("bo"), LOB, "godkend")
    assert answer.status_code == 403 and "Du har selv skrevet" in answer.text
    assert current() is edition.of_files()
    assert ("bo", "refused: own text") in [line[:2] for line in at.audit()]
    assert _decide(at.signed_in("carl"), LOB, "godkend").status_code == 303 and _text() == "LOB varer syv uger."


@pytest.mark.parametrize("how", ["godkend", "afvis", "godkend-som-den-er", "rul-tilbage"])
def test_a_reviewer_decides_nothing(at: Office, how: str) -> None:
    _save(at.signed_in("bo"), LOB, "send", text="Syv uger.")
    answer = _decide(at.signed_in("anne"), LOB, how, comment="x", to="filer")
    assert answer.status_code == 403 and current() is edition.of_files()
    assert any(person == "anne" and action.startswith("refused") for person, action, _, _ in at.audit())


@pytest.mark.parametrize("how", ["ret", "vis", "send", "godkend", "afvis", "godkend-som-den-er", "kasser", "flyt", "rul-tilbage"])
def test_a_form_from_elsewhere_or_from_nobody_changes_nothing(at: Office, how: str) -> None:
    fields = {**_fields(LOB, text="Syv uger."), "stamp": "0", "base": "1", "version": "1", "to": "filer", "comment": "x"}
    assert at.signed_in("bo").post(f"{LOB}/{how}", data=fields).status_code == 403
    assert at.visitor().post(f"{LOB}/{how}", data=fields).status_code == 403
    with editing(at.database) as revisions:
        assert revisions.is_empty()


@pytest.mark.parametrize("path", ["", "/answer/lob.varighed", "/answer/lob.varighed/ret", "/answer/lob.varighed/historik/1..nu"])
def test_nobody_sees_the_texts_without_signing_in(at: Office, path: str) -> None:
    answer = at.visitor().get(f"/staff/tekster{path}")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/staff/ind")


@pytest.mark.parametrize("path", ["/answer/lob.findes_ikke", "/poem/lob.varighed", "/answer/lob.varighed/historik/1..9", "/answer/lob.varighed/historik/x"])
def test_what_does_not_exist_is_not_found(at: Office, path: str) -> None:
    assert at.signed_in("anne").get(f"/staff/tekster{path}").status_code == 404


@pytest.mark.parametrize(
    "path, changed",
    [
        ("/staff/tekster/level/112", {"in_hours": "Tag den med ro."}),
        ("/staff/tekster/level/112", {"out_of_hours": "Ring {laegevagt.tel}."}),
        ("/staff/tekster/level/krise", {"in_hours": "Ring {livslinien.tel}."}),
        ("/staff/tekster/level/gift", {"in_hours": "Ring {alarmcentralen.tel}."}),
        ("/staff/tekster/level/nu", {"in_hours": "Ring til din egen læge."}),
        ("/staff/tekster/contact/alarmcentralen", {"tel": ""}),
        ("/staff/tekster/contact/alarmcentralen", {"tel": "113"}),
        ("/staff/tekster/contact/laegevagt", {"tel": ""}),
        ("/staff/tekster/contact/giftlinjen", {"tel": "12"}),
        ("/staff/tekster/level/reached_someone", {"text": "Er du der?"}),
        ("/staff/tekster/phrase/failed", {"text": "Noget gik galt."}),
    ],
)
def test_a_card_is_never_published_without_its_number(at: Office, path: str, changed: Any) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    answer = _save(anne, path, "send", **changed)
    assert answer.status_code == 422 and "Det skal rettes" in answer.text
    assert "Kladden er ikke sendt til godkendelse" in anne.get(path).text
    key = Key(Kind(path.split("/")[-2]), path.split("/")[-1])
    with editing(at.database) as revisions:
        draft = revisions.draft(key)
        assert draft and draft.state.value == "draft"
        # Even where it was submitted before the rule came.
        revisions.submit(key, draft.stamp, "", "anne")
    refused = _decide(bo, path, "godkend")
    assert refused.status_code == 422 and "sit nummer" in refused.text
    assert current() is edition.of_files()


def test_the_second_of_two_people_sees_both_texts_and_loses_nothing(at: Office) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    begun = _stamps(bo, LOB)
    assert _save(anne, LOB, text="LOB varer syv uger.").status_code == 303
    answer = _save(bo, LOB, stamps=begun, text="LOB varer otte uger.")
    assert answer.status_code == 409
    assert "<del>syv</del><ins>otte</ins>" in answer.text and "anne gemte" in answer.text
    assert ">LOB varer otte uger.</textarea>" in answer.text
    hidden = _hidden(answer.text)
    assert _save(bo, LOB, stamps={"stamp": hidden["stamp"], "base": hidden["base"]}, text="LOB varer otte uger.").status_code == 303
    assert "otte" in anne.get(LOB).text


def test_given_a_database_that_takes_nothing_just_now_what_was_typed_stays_in_the_form(at: Office) -> None:
    anne = at.signed_in("anne")
    fields = {**_fields(LOB, text="LOB varer syv uger."), **_stamps(anne, LOB), "csrf": anne.token(f"{LOB}/ret")}
    with at.database.writing():
        answer = anne.post(f"{LOB}/ret", data=fields)
    assert answer.status_code == 503 and ">LOB varer syv uger.</textarea>" in answer.text


def test_a_decision_on_a_text_that_was_changed_meanwhile_is_not_carried_out(at: Office) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    _save(anne, LOB, "send", text="Syv uger.")
    read = _stamps(bo, LOB)["stamp"]
    _save(anne, LOB, "send", text="Tag 500 mg.")
    answer = bo.post_form(f"{LOB}/godkend", {"stamp": read})
    assert answer.status_code == 409 and current() is edition.of_files()


def test_a_draft_of_an_old_version_is_taken_on_with_its_own_changes_alone(at: Office) -> None:
    anne, bo, carl = (at.signed_in(name) for name in ("anne", "bo", "carl"))
    _save(anne, LOB, "send", more="Mere om LOB.")
    with editing(at.database) as revisions:
        fields = {**current().manuscript.fields(Key(Kind.ANSWER, "lob.varighed")), "text": "Otte uger."}
        revisions.publish(Key(Kind.ANSWER, "lob.varighed"), fields, 1, 2, "text rolled back", "carl")
    at.desk.publication.refresh()
    stale = _decide(bo, LOB, "godkend")
    assert stale.status_code == 409 and "Teksten er ændret, siden kladden begyndte" in stale.text and "<ins>Otte</ins>" in stale.text
    assert _decide(anne, LOB, "flyt").status_code == 303
    assert _decide(anne, LOB, "send").status_code == 303
    assert _decide(carl, LOB, "godkend").status_code == 303
    answer = current().content.answers["lob.varighed"]
    assert (answer.text, answer.more, answer.version) == ("Otte uger.", "Mere om LOB.", 3)


def test_an_approver_rolls_back_at_once_to_a_version_and_to_the_files(at: Office) -> None:
    files, bo = _text(), at.signed_in("bo")
    _publish(at, text="Syv uger.")
    _publish(at, text="Otte uger.")
    page = bo.get(LOB).text
    (second,) = re.findall(r'name="to" value="(\d+)"', page)
    assert _decide(bo, LOB, "rul-tilbage", to=second).status_code == 303 and _text() == "Syv uger."
    assert _decide(bo, LOB, "rul-tilbage", to="filer").status_code == 303 and _text() == files
    assert current().content.answers["lob.varighed"].version == 5
    assert _decide(bo, LOB, "rul-tilbage", to="999").status_code == 404
    assert bo.post_form(f"{LOB}/rul-tilbage", {"to": second, "version": "3"}).status_code == 409


def test_a_text_of_the_files_is_approved_as_it_is(at: Office) -> None:
    path = "/staff/tekster/card/akut.cauda_equina"
    bo = at.signed_in("bo")
    assert "Aldrig godkendt" in bo.get(path).text
    assert _decide(bo, path, "godkend-som-den-er").status_code == 303
    assert "Aldrig godkendt" not in bo.get(path).text and current().flags["akut.cauda_equina"].version == 1
    assert ("bo", "text approved as it is", "card/akut.cauda_equina") in [line[:3] for line in at.audit()]


def test_an_approver_sends_a_draft_back_with_a_reason_and_it_can_be_mended(at: Office) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    _save(anne, LOB, "send", text="Syv uger.", comment="")
    assert _decide(bo, LOB, "afvis", comment="").status_code == 422
    assert _decide(bo, LOB, "afvis", comment="skriv dagen <b>").status_code == 303
    page = anne.get(LOB).text
    assert "bo har sendt kladden tilbage" in page and "skriv dagen &lt;b&gt;" in page
    assert _save(anne, LOB, "send", text="Syv uger om onsdagen.").status_code == 303
    assert _decide(bo, LOB, "godkend").status_code == 303 and _text() == "Syv uger om onsdagen."


def test_only_an_author_or_an_approver_drops_a_draft(at: Office) -> None:
    at.desk.accounts.add("eva", "reviewer", PASSWORD)
    _save(at.signed_in("anne"), LOB, text="Syv uger.")
    eva = at.signed_in("eva")
    assert _decide(eva, LOB, "kasser").status_code == 403 and "Skrevet af anne" in eva.get(LOB).text
    assert _decide(at.signed_in("anne"), LOB, "kasser").status_code == 303 and "Skrevet af anne" not in eva.get(LOB).text
    _save(at.signed_in("anne"), LOB, text="Otte uger.")
    assert _decide(at.signed_in("bo"), LOB, "kasser").status_code == 303


def test_history_shows_what_differs_word_by_word(at: Office) -> None:
    _publish(at, text="LOB varer syv uger.")
    _publish(at, text="LOB varer otte lange uger.", reassures=True)
    anne = at.signed_in("anne")
    page = anne.get(f"{LOB}/historik/2..3").text
    assert "LOB varer <del>syv</del><ins>otte lange</ins> uger." in page and "<del>Nej</del><ins>Ja</ins>" in page
    assert "ord, der er kommet til" in page
    assert anne.get(f"{LOB}/historik/filer..nu").status_code == anne.get(f"{LOB}/historik/1..2").status_code == 200
    assert anne.get(f"{LOB}/historik/nu..kladde").status_code == 404


@pytest.mark.parametrize("old, new", [("", "a"), ("a b  c", "a c"), ("æ\n\nø", "æ\nø å"), ("same", "same")])
def test_both_texts_can_be_read_from_their_difference(old: str, new: str) -> None:
    pieces = difference(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "taken") == new


@pytest.mark.parametrize("path", [f"/staff/tekster/{kind}" for kind in ("answer/lob.varighed", "card/akut.syn", "level/nu", "phrase/page.intro", "contact/livslinien")])
def test_whatever_is_typed_is_shown_as_text(at: Office, path: str) -> None:
    anne = at.signed_in("anne")
    key = Key(Kind(path.split("/")[-2]), path.split("/")[-1])
    typed: Dict[str, Any] = {name: NASTY for name in widgets(key)}
    typed.update(source_key=[NASTY], source_section=[NASTY], follow_ups=[NASTY], comment=NASTY, reassures="ja")
    stamps = _stamps(anne, path)
    pages = [anne.post_form(f"{path}/{do}", {**typed, **stamps, "do": "vis"}).text for do in ("ret", "vis")]
    assert anne.post_form(f"{path}/ret", {**typed, **stamps, "do": "send"}).status_code in (303, 422)
    anne.post_form(f"{path}/send", {"stamp": "1", "comment": NASTY})
    shown = [anne.get(where) for where in (path, f"{path}/ret", f"{path}/historik/nu..kladde", f"/staff/tekster?q={NASTY}")]
    assert [answer.status_code for answer in shown] == [200] * 4
    pages += [answer.text for answer in shown]
    for page in pages:
        assert "<script>alert" not in page and "<img" not in page
    assert "&lt;script&gt;" in pages[2]


def test_a_live_text_with_markup_is_shown_to_patients_as_text(at: Office) -> None:
    _publish(at, text="LOB <script>alert(1)</script> varer uger.")
    from bot.render import html

    assert "<script>" not in str(html(_text())) and "<script>alert" not in at.signed_in("anne").get(LOB).text


def test_characters_that_nobody_sees_are_not_kept(at: Office) -> None:
    _publish(at, text="Syv\u202e\u200b\x00 uger.\r\nOg\u2028mere.  ")
    assert _text() == "Syv uger.\nOg\nmere."


def test_a_field_that_is_too_long_is_refused(at: Office) -> None:
    anne = at.signed_in("anne")
    assert _save(anne, LOB, text="ord " * 1001).status_code == 422
    assert _stamps(anne, LOB)["stamp"] == "0"


def test_the_preview_shows_the_text_as_patients_see_it_and_saves_nothing(at: Office) -> None:
    anne = at.signed_in("anne")
    fields = {**_fields(LOB, text="Ring **nu** på {smertecenter.tel}. Tag 5 mg."), "stamp": "0", "base": "1"}
    shown = anne.post_form(f"{LOB}/vis", fields)
    assert shown.status_code == 200 and "<html" not in shown.text
    assert '<strong>nu</strong> på <a href="tel:56512860">56 51 28 60</a>' in shown.text
    assert "LIX" in shown.text and "råd om dosis" in shown.text
    page = anne.post_form(f"{LOB}/ret", {**fields, "do": "vis"}).text
    assert "<strong>nu</strong>" in page and "Ring **nu**" in page
    assert _stamps(anne, LOB)["stamp"] == "0"


def test_a_card_is_previewed_whole_for_patient_and_helper_at_all_hours(at: Office) -> None:
    page = at.signed_in("anne").get("/staff/tekster/card/akut.cauda_equina").text
    words = load_staff_words()["texts"]["views"]
    assert all(words[name] in page for name in ("in_hours", "in_hours_helper", "out_of_hours", "out_of_hours_helper", "notice"))
    assert page.count("reply-red_flag") == 4 and "1818" in page


def _listed(page: str) -> List[str]:
    return re.findall(r'data-open href="/staff/tekster/([^"]+)"', page)


def test_the_list_begins_with_cards_that_were_never_approved_then_other_texts_that_were_not(at: Office) -> None:
    for path in ("/staff/tekster/card/akut.cauda_equina", LOB):
        _decide(at.signed_in("bo"), path, "godkend-som-den-er")
    listed = _listed(at.signed_in("anne").get("/staff/tekster").text)
    cards = [id.startswith("card/") for id in listed]
    assert cards[:23] == [True] * 23 and not any(cards[23:-2])
    assert set(listed[-2:]) == {"card/akut.cauda_equina", "answer/lob.varighed"}
    assert len(listed) == len(list(current().manuscript.keys()))


@pytest.mark.parametrize(
    "query, first, others",
    [
        ("type=card", "card/", True), ("emne=lob", "answer/lob.", True), ("q=%7Bgiftlinjen.tel%7D", "", True), ("q=findes%20ikke%20nogen%20steder", "", False),
        ("stand=venter", "answer/lob.varighed", True), ("stand=kladde&type=card", "", False), ("q=LOB.VARIGHED", "answer/lob.varighed", True),
    ],
)
def test_the_list_can_be_narrowed_by_its_address(at: Office, query: str, first: str, others: bool) -> None:
    anne = at.signed_in("anne")
    _save(anne, LOB, "send", text="Syv uger.")
    listed = _listed(anne.get(f"/staff/tekster?{query}").text)
    assert bool(listed) == others and all(id.startswith(first) for id in listed) and len(listed) < 200


def test_the_list_says_how_often_texts_were_shown_and_liked_and_which_contacts_are_old(at: Office) -> None:
    Transcripts(at.database).add(turn())
    anne = at.signed_in("anne")
    row = next(row for row in anne.get("/staff/tekster?emne=lob").text.split("<tr") if "answer/lob.hvad" in row)
    assert '<td class="number">1</td><td class="number">0</td><td class="number">0</td>' in row
    assert "Vist 1 gange" in anne.get("/staff/tekster/answer/lob.hvad").text
    words = load_staff_words()["texts"]["unchecked"]
    assert words not in anne.get("/staff/tekster").text
    at.clock.move(days=800)
    assert words in at.signed_in("anne").get("/staff/tekster").text


def test_a_published_text_that_no_longer_fits_is_marked(at: Office) -> None:
    key = Key(Kind.ANSWER, "lob.varighed")
    with editing(at.database) as revisions:
        revisions.publish(key, {**current().manuscript.fields(key), "follow_ups": ["lob.findes_ikke"]}, 1, 2, "text approved", "bo")
    at.desk.publication.refresh()
    anne = at.signed_in("anne")
    assert "passer ikke længere til filerne" in anne.get(LOB).text
    assert _listed(anne.get("/staff/tekster?stand=passer-ikke").text) == ["answer/lob.varighed"]
    assert _text() == edition.of_files().content.answers["lob.varighed"].text


def test_every_view_and_change_is_in_the_audit_log_without_the_text(at: Office) -> None:
    _publish(at, text="kanelgifler er syv uger.")
    at.signed_in("anne").get(LOB)
    at.signed_in("anne").get(f"{LOB}/historik/1..2")
    lines = [line for line in at.audit() if line[2] == "answer/lob.varighed"]
    assert {"text opened for editing", "text saved", "text submitted", "text approved", "text viewed", "versions of a text compared"} == {line[1] for line in lines}
    assert "kanelgifler" not in str(at.audit())


def test_everything_the_proof_finds_has_a_danish_sentence_and_every_field_a_name() -> None:
    words = load_staff_words()["texts"]
    assert set(words["findings"]) == {code.value for code in Code}
    assert {name for key in current().manuscript.keys() for name in widgets(key)} <= set(words["fields"])
    assert set(words["kinds"]) == {kind.value for kind in Kind}


def test_the_forms_ask_for_just_what_can_be_edited() -> None:
    for key in current().manuscript.keys():
        assert set(widgets(key)) == set(current().manuscript.fields(key)), key


def test_a_form_that_is_sent_as_it_came_changes_nothing(at: Office) -> None:
    anne = at.signed_in("anne")
    for path in (LOB, "/staff/tekster/card/akut.syn", "/staff/tekster/level/nu", "/staff/tekster/contact/egen_laege"):
        answer = anne.post_form(f"{path}/ret", {**_fields(path), "stamp": "0", "base": "1", "do": "vis"})
        assert load_staff_words()["texts"]["findings"]["unchanged"] in answer.text


def _signed_in(url: str, name: str) -> httpx.Client:
    browser = httpx.Client(base_url=url)
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/staff/ind").text)
    assert token and browser.post("/staff/ind", data={"csrf": token[1], "name": name, "password": PASSWORD}).status_code == 303
    return browser


def _sent(browser: httpx.Client, path: str, to: str, **fields: Any) -> httpx.Response:
    hidden = _hidden(browser.get(path).text)
    return browser.post(to, data={**{name: hidden[name] for name in ("csrf", "stamp", "base") if name in hidden}, **fields})


def test_a_real_server_answers_with_the_new_text_without_a_restart(model: Path, start_server: StartServer) -> None:
    server = start_server(model=str(model))
    accounts = Accounts(Database(f"sqlite:///{server.var / 'smertebot.sqlite'}"), HASHER)
    for name, role in (("anne", "reviewer"), ("bo", "approver")):
        accounts.add(name, role, PASSWORD)
    before, version = server.say("/lob.varighed")[0], server.get("/readyz").body["content"]
    anne, bo = _signed_in(server.url, "anne"), _signed_in(server.url, "bo")
    assert _sent(anne, f"{LOB}/ret", f"{LOB}/ret", **_fields(LOB, text="LOB varer syv uger."), do="send").status_code == 303
    assert server.say("/lob.varighed")[0]["text"] == before["text"]
    assert _sent(bo, LOB, f"{LOB}/godkend").status_code == 303
    after = server.say("/lob.varighed")[0]
    assert (after["text"], after["custom"]["version"]) == ("LOB varer syv uger.", 2)
    assert server.say("hvor mange uger varer lob")[0]["custom"]["status"] == Status.ANSWERED.value
    assert server.get("/readyz").body["content"] != version
    assert (server.var / "published.json").stat().st_mode & 0o077 == 0

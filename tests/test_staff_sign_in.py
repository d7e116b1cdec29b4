"""Signing in to the staff's pages: passwords, sessions, roles, and what becomes of those who should not be there."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.engine import make_url

from bot.paths import ROOT
from bot.staff import access, view
from bot.store.accounts import Accounts, Flaw, Locked, Unfit, WrongPassword
from bot.store.database import Database, Unavailable
from bot.store.sessions import key_of
from bot.store.tables import sessions, staff
from tests.databases import SERVER, Line, everything_in, postgresql
from tests.staff import PASSWORD, Client, Office, office, served

ACCOUNT = "/staff/konto"
WRONG = "Navn eller adgangskode er forkert."
EXPIRED = "Du er logget ud, fordi du har været væk"


@pytest.fixture
def site(tmp_path: Path) -> Office:
    """The staff's site over SQLite."""
    return office(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """The staff's site over each kind of database."""
    if request.param == "sqlite":
        yield office(tmp_path)
        return
    with postgresql() as url:
        opened = office(tmp_path, url)
        yield opened
        opened.database.reconnect()


# Signing in and out


def test_a_person_signs_in_goes_where_they_were_going_and_signs_out(each: Office) -> None:
    client = each.visitor()
    answer = client.get("/staff/konto?a=1&b=2")
    assert answer.headers["location"] == "/staff/ind?naeste=%2Fstaff%2Fkonto%3Fa%3D1%26b%3D2"
    assert 'value="/staff/konto?a=1&amp;b=2"' in client.get(answer.headers["location"]).text
    answer = client.sign_in("anne", naeste="/staff/konto?a=1&b=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/konto?a=1&b=2")
    assert "Du er logget ind som anne. Din rolle er gennemser." in client.get(ACCOUNT).text
    answer = client.post_form("/staff/ud")
    assert answer.headers["location"] == "/staff/ind"
    page = client.get("/staff/ind").text
    assert "Du er logget ud." in page and EXPIRED not in page
    assert client.get(ACCOUNT).status_code == 303
    assert [line[:3] for line in each.audit()[-2:]] == [("anne", "signed in", "anne"), ("anne", "signed out", "anne")]


def test_capitals_and_blanks_in_the_name_do_not_matter(site: Office) -> None:
    assert site.visitor().sign_in("  ANNE ").status_code == 303


def test_who_is_signed_in_needs_no_form(site: Office) -> None:
    answer = site.signed_in("anne").get("/staff/ind?naeste=/staff/konto")
    assert (answer.status_code, answer.headers["location"]) == (303, ACCOUNT)


def test_the_first_page_is_the_inbox(site: Office) -> None:
    assert site.visitor().get("/staff/").headers["location"] == "/staff/samtaler"


@pytest.mark.parametrize(
    "name, password", [("anne", "en forkert adgangskode"), ("nobody", PASSWORD), ("ukendt", PASSWORD), ("", ""), ("anne", "")]
)
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Office, name: str, password: str) -> None:
    answer = site.visitor().sign_in(name, password)
    assert answer.status_code == 403 and WRONG in answer.text
    action, subject = site.audit()[-1][1:3]
    assert (action, subject) == ("sign-in failed", name if name == "anne" else "")


def test_a_name_without_an_account_takes_about_as_long_as_one_with(tmp_path: Path) -> None:
    site = office(tmp_path)
    accounts = Accounts(site.database, PasswordHasher(time_cost=2, memory_cost=32768), site.clock)
    accounts.change_password("anne", PASSWORD)
    with pytest.raises(WrongPassword):
        accounts.verify("ukendt", PASSWORD)
    known, unknown = (sorted(_seconds(accounts, name) for _ in range(4))[1] for name in ("anne", "ukendt0"))
    assert 0.5 < known / unknown < 2


def test_five_failures_lock_a_name_for_a_quarter_of_an_hour_even_with_the_right_password(each: Office) -> None:
    client = each.visitor()
    for _ in range(5):
        assert WRONG in client.sign_in("anne", "en forkert adgangskode").text
    answer = client.sign_in("anne")
    assert answer.status_code == 403
    assert "lukket for dette navn" in answer.text
    assert client.sign_in("bo").status_code == 303
    each.clock.move(minutes=14, seconds=59)
    assert each.visitor().sign_in("anne").status_code == 403
    each.clock.move(seconds=2)
    assert each.visitor().sign_in("anne").status_code == 303
    actions = [line[1] for line in each.audit() if line[2] == "anne"]
    assert actions == ["account added", *["sign-in failed"] * 5, "account locked", *["sign-in refused: locked"] * 2, "signed in"]


def test_the_sentence_says_danish_time(site: Office) -> None:
    site.clock.time = site.clock.time.replace(month=7, day=1, hour=10, minute=0, second=0)
    client = site.visitor()
    answers = [client.sign_in("anne", "en forkert adgangskode") for _ in range(6)]
    assert "til kl. 12.15" in answers[-1].text


def test_a_name_without_an_account_is_locked_just_so(site: Office) -> None:
    client = site.visitor()
    answers = [client.sign_in("ukendt", PASSWORD).text for _ in range(6)]
    assert WRONG in answers[4] and "lukket for dette navn" in answers[5]
    site.clock.move(minutes=16)
    assert WRONG in client.sign_in("ukendt", PASSWORD).text


def test_four_failures_and_a_success_start_the_count_anew(site: Office) -> None:
    for _ in range(2):
        for _ in range(4):
            site.visitor().sign_in("anne", "en forkert adgangskode")
        assert site.visitor().sign_in("anne").status_code == 303


def test_after_a_lock_out_there_are_five_attempts_again(site: Office) -> None:
    for _ in range(5):
        site.visitor().sign_in("anne", "en forkert adgangskode")
    site.clock.move(minutes=16)
    for _ in range(4):
        assert WRONG in site.visitor().sign_in("anne", "en forkert adgangskode").text
    assert site.visitor().sign_in("anne").status_code == 303


def test_many_attempts_at_once_are_not_more_than_five(each: Office) -> None:
    outcomes: List[str] = []

    def guess(number: int) -> None:
        try:
            each.desk.accounts.verify("anne", f"gæt nummer {number}")
        except (WrongPassword, Locked, Unavailable) as answer:
            outcomes.append(type(answer).__name__)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 12 and 1 <= outcomes.count("WrongPassword") <= 5


def test_a_password_is_hashed_anew_when_our_parameters_change(site: Office) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    Accounts(site.database, stronger, site.clock).verify("anne", PASSWORD)
    assert not stronger.check_needs_rehash(_row(site, "anne").password)
    assert site.visitor().sign_in("anne").status_code == 303


def test_an_a_with_ring_is_the_same_however_the_keyboard_writes_it(site: Office) -> None:
    site.desk.accounts.change_password("anne", "på en lang gåtur")
    assert site.visitor().sign_in("anne", "pa\u030a en lang ga\u030atur").status_code == 303


def test_an_account_that_is_off_gets_the_answer_of_a_wrong_password(site: Office) -> None:
    site.desk.accounts.set_active("anne", False)
    assert WRONG in site.visitor().sign_in("anne").text
    site.desk.accounts.set_active("anne", True)
    assert site.visitor().sign_in("anne").status_code == 303


@pytest.mark.parametrize(
    "naeste",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/staff\\@evil.example", "javascript:alert(1)", "/chat",
     "staff/konto", "http:/staff/konto", "/staff/\\evil.example", "///evil.example/staff/", "//[", "https:///staff/"],
)
def test_nobody_is_led_out_of_the_site(site: Office, naeste: str) -> None:
    client = site.visitor()
    page = client.get("/staff/ind", params={"naeste": naeste}).text
    assert 'name="naeste" value="/staff/"' in page
    assert client.sign_in("anne", naeste=naeste).headers["location"] == "/staff/"
    assert client.get("/staff/ind", params={"naeste": naeste}).headers["location"] == "/staff/"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "' OR 1=1 --", "\x00", "å" * 5000, "{{ 7*7 }}", "%s%n"])
def test_nothing_in_a_field_of_the_form_does_any_harm(each: Office, text: str) -> None:
    for field in ("name", "password", "naeste", "csrf"):
        client = each.visitor()
        fields = {"name": "anne", "password": PASSWORD, "csrf": client.token("/staff/ind"), "naeste": ACCOUNT, field: text}
        answer = client.post("/staff/ind", data=fields)
        assert answer.status_code == (303 if field == "naeste" else 403)
        assert "<script>alert" not in answer.text and "49" not in re.sub(r"csrf\" value=\"[^\"]+", "", answer.text)
        assert (client.get(ACCOUNT).status_code == 200) == (field == "naeste")
    assert text not in json.dumps(each.audit(), ensure_ascii=False)


def test_no_password_and_no_name_that_is_none_stands_in_the_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site = office(tmp_path)
    client = site.visitor()
    client.sign_in("min hemmelige kode", "en anden hemmelighed")
    client.sign_in("anne")
    held, printed = everything_in(tmp_path), capfd.readouterr()
    for secret in ("min hemmelige kode", "en anden hemmelighed", PASSWORD, client.cookies["personale"]):
        assert secret.encode() not in held and secret not in printed.out + printed.err


# Sessions


def test_the_cookie_is_for_these_pages_alone_and_no_script_reads_it(site: Office) -> None:
    cookie = site.visitor().get("/staff/ind").headers["set-cookie"]
    assert re.fullmatch(r"personale=\w{32}; path=/staff; httponly; samesite=lax", cookie)


def test_over_tls_the_cookie_goes_over_tls_alone(tmp_path: Path) -> None:
    site = office(tmp_path)
    assert site.visitor(address="https://testserver").get("/staff/ind").headers["set-cookie"].endswith("; secure")
    behind = office(tmp_path / "behind", public_url="https://chat.example.dk")
    assert behind.visitor().get("/staff/ind").headers["set-cookie"].endswith("; secure")


def test_the_database_holds_no_id_of_a_session(site: Office) -> None:
    client = site.signed_in("anne")
    with site.database.reading() as connection:
        ids = connection.execute(select(sessions.c.id).where(sessions.c.account == "anne")).scalars().all()
    assert ids == [key_of(client.cookies["personale"])]


def test_signing_in_gives_a_new_id_and_ends_the_old_session(site: Office) -> None:
    client = site.visitor()
    client.get("/staff/ind")
    before = client.cookies["personale"]
    client.sign_in("anne")
    assert client.cookies["personale"] != before
    assert _with_cookie(site, before).get(ACCOUNT).status_code == 303


def test_an_id_that_somebody_else_chose_is_never_taken(site: Office) -> None:
    client = _with_cookie(site, "f" * 32)
    assert client.get("/staff/ind").headers["set-cookie"].split(";")[0] != "personale=" + "f" * 32
    client = _with_cookie(site, "f" * 32)
    assert client.sign_in("anne").status_code == 303
    assert _with_cookie(site, "f" * 32).get(ACCOUNT).status_code == 303


def test_a_cookie_is_worth_nothing_after_signing_out(each: Office) -> None:
    client = each.signed_in("anne")
    stolen = client.cookies["personale"]
    assert _with_cookie(each, stolen).get(ACCOUNT).status_code == 200
    client.post_form("/staff/ud")
    assert _with_cookie(each, stolen).get(ACCOUNT).status_code == 303


def test_a_session_ends_after_half_an_hour_without_a_request(each: Office) -> None:
    client = each.signed_in("anne")
    for _ in range(3):
        each.clock.move(minutes=29)
        assert client.get(ACCOUNT).status_code == 200
    each.clock.move(minutes=30)
    answer = client.get(ACCOUNT)
    assert answer.status_code == 303
    assert EXPIRED in client.get(answer.headers["location"]).text


def test_a_session_ends_after_ten_hours_whatever_happens_in_it(each: Office) -> None:
    client = each.signed_in("anne")
    for _ in range(29):
        each.clock.move(minutes=20)
        assert client.get(ACCOUNT).status_code == 200
    each.clock.move(minutes=20)
    assert client.get(ACCOUNT).status_code == 303


def test_a_session_that_turns_up_in_another_browser_ends_for_both_and_is_noted(site: Office) -> None:
    client = site.signed_in("anne", "Firefox")
    thief = _with_cookie(site, client.cookies["personale"], "curl")
    assert thief.get(ACCOUNT).status_code == 303
    assert client.get(ACCOUNT).status_code == 303
    assert site.audit()[-1] == ("nobody", "session ended: another browser", "anne", {})


def test_a_form_from_another_browser_changes_nothing(site: Office) -> None:
    client, another = site.signed_in("anne", "Firefox"), site.signed_in("anne", "Chrome")
    token = client.token()
    thief = _with_cookie(site, client.cookies["personale"], "curl")
    assert thief.post("/staff/konto/andre", data={"csrf": token}).status_code == 403
    assert another.get(ACCOUNT).status_code == 200


def test_a_request_under_way_does_not_bring_an_ended_session_back(site: Office) -> None:
    client = site.signed_in("anne")
    held = client.cookies["personale"]
    store = site.desk.sessions
    data = store._read(held)
    client.post_form("/staff/ud")
    assert store._write(held, data.decode()) == held
    assert _with_cookie(site, held).get(ACCOUNT).status_code == 303


def test_sessions_that_are_over_leave_the_table(site: Office) -> None:
    for _ in range(3):
        site.signed_in("anne")
    site.clock.move(minutes=31)
    site.signed_in("bo")
    with site.database.reading() as connection:
        accounts = connection.execute(select(sessions.c.account)).scalars().all()
    assert accounts == ["bo"]


# One's own account


def test_a_person_sees_their_sessions_and_ends_the_others(each: Office) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0"
    here, there, bo = each.signed_in("anne", firefox), each.signed_in("anne", edge), each.signed_in("bo")
    page = here.get(ACCOUNT).text
    assert "Firefox, Linux (denne her)" in page and "Edge, Windows" in page
    assert here.post_form("/staff/konto/andre").headers["location"] == ACCOUNT
    page = here.get(ACCOUNT).text
    assert "Du er logget ud 1 andre steder." in page and "Edge" not in page and "Log ud alle andre steder" not in page
    assert there.get(ACCOUNT).status_code == 303
    assert bo.get(ACCOUNT).status_code == 200
    assert each.audit()[-1] == ("anne", "other sessions ended", "anne", {"sessions_ended": 1})


def test_a_person_changes_their_password_and_is_signed_out_everywhere_else(each: Office) -> None:
    here, there = each.signed_in("anne"), each.signed_in("anne")
    new = "en helt ny adgangskode"
    assert here.post_form(ACCOUNT, password=PASSWORD, new=new, again=new).status_code == 303
    assert "Din adgangskode er skiftet." in here.get(ACCOUNT).text
    assert there.get(ACCOUNT).status_code == 303
    assert each.audit()[-1] == ("anne", "password changed", "anne", {"sessions_ended": 1})
    assert each.visitor().sign_in("anne").status_code == 403
    assert each.visitor().sign_in("anne", new).status_code == 303


@pytest.mark.parametrize(
    "password, new, again, said",
    [
        ("forkert adgangskode", "en helt ny adgangskode", "en helt ny adgangskode", "Din adgangskode nu er ikke rigtig."),
        (PASSWORD, "en helt ny adgangskode", "en anden ny adgangskode", "De to nye adgangskoder er ikke ens."),
        (PASSWORD, "elleve tegn", "elleve tegn", "for kort. Den skal have mindst 12 tegn."),
        (PASSWORD, "x" * 201, "x" * 201, "for lang. Den må have højst 200 tegn."),
        (PASSWORD, "abababababababab", "abababababababab", "for let at gætte"),
        (PASSWORD, "AnneAnneAnneAnne", "AnneAnneAnneAnne", "for let at gætte"),
    ],
)
def test_a_password_that_cannot_be_says_why_and_changes_nothing(
    site: Office, password: str, new: str, again: str, said: str
) -> None:
    answer = site.signed_in("anne").post_form(ACCOUNT, password=password, new=new, again=again)
    assert answer.status_code == 422 and said in answer.text and "Intet er ændret." in answer.text
    assert new not in answer.text
    assert site.visitor().sign_in("anne").status_code == 303


def test_a_stolen_session_does_not_help_to_guess_the_password(site: Office) -> None:
    client = site.signed_in("anne")
    new = "en helt ny adgangskode"
    answers = [client.post_form(ACCOUNT, password=f"gæt nummer {n}", new=new, again=new).text for n in range(6)]
    assert "ikke rigtig" in answers[4] and "lukket for dette navn" in answers[5]


# Roles


def _guarded() -> APIRouter:
    """A page and a form for each role."""
    router = APIRouter()
    for name in ("reviewer", "approver", "admin"):
        guard = getattr(access, name)
        router.add_api_route(f"/{name}/{{id}}", lambda: Response("inside"), dependencies=[Depends(guard)], methods=["GET"])
        router.add_api_route(
            f"/{name}/{{id}}", lambda: Response("done"), dependencies=[Depends(access.genuine), Depends(guard)], methods=["POST"]
        )
    return router


@pytest.fixture
def guarded(site: Office) -> Office:
    """A site with pages for each role."""
    site.site.routes[0].app.include_router(_guarded())  # type: ignore[attr-defined]
    return site


@pytest.mark.parametrize(
    "name, may", [("anne", ["reviewer"]), ("bo", ["reviewer", "approver"]), ("dorte", ["reviewer", "approver", "admin"])]
)
def test_each_role_may_do_what_it_may_and_refusals_are_noted(guarded: Office, name: str, may: List[str]) -> None:
    client = guarded.signed_in(name)
    for page in ("reviewer", "approver", "admin"):
        answers = [client.get(f"/staff/{page}/7?q=hemmeligt"), client.post_form(f"/staff/{page}/7")]
        assert [answer.status_code for answer in answers] == ([200, 200] if page in may else [403, 403])
        if page not in may:
            assert "Det har du ikke adgang til" in answers[0].text
            expected = [(name, "refused: role", "", {"method": method, "route": f"/{page}/{{id}}"}) for method in ("GET", "POST")]
            assert guarded.audit()[-2:] == expected


@pytest.mark.parametrize("page", ["reviewer", "approver", "admin"])
def test_nobody_gets_in_without_signing_in(guarded: Office, page: str) -> None:
    client = guarded.visitor()
    assert client.get(f"/staff/{page}/7").headers["location"].startswith("/staff/ind?")
    assert client.post(f"/staff/{page}/7", data={"csrf": client.token("/staff/ind")}).status_code == 403


def test_who_loses_a_role_loses_it_at_once(guarded: Office) -> None:
    client = guarded.signed_in("bo")
    with guarded.database.writing() as connection:
        connection.execute(staff.update().where(staff.c.name == "bo").values(role="reviewer"))
    assert client.get("/staff/approver/7").status_code == 403
    assert client.get("/staff/reviewer/7").status_code == 200


def test_an_account_that_is_off_is_out_at_once_even_if_its_session_is_left(guarded: Office) -> None:
    client = guarded.signed_in("bo")
    with guarded.database.writing() as connection:
        connection.execute(staff.update().where(staff.c.name == "bo").values(active=0))
    assert client.get("/staff/reviewer/7").status_code == 303


@pytest.mark.parametrize(
    "change, noted",
    [
        (lambda accounts: accounts.change_role("bo", "admin"), ("role changed", {"role": "admin", "sessions_ended": 2})),
        (lambda accounts: accounts.set_active("bo", False), ("account turned off", {"sessions_ended": 2})),
        (lambda accounts: accounts.change_password("bo", "en ny adgangskode"), ("password changed", {"sessions_ended": 2})),
    ],
)
def test_a_change_of_the_account_ends_its_sessions(guarded: Office, change: Any, noted: Any) -> None:
    clients = [guarded.signed_in("bo"), guarded.signed_in("bo")]
    carl = guarded.signed_in("carl")
    change(guarded.desk.accounts)
    assert guarded.audit()[-1] == ("command line", noted[0], "bo", noted[1])
    assert [client.get("/staff/reviewer/7").status_code for client in (*clients, carl)] == [303, 303, 200]


@pytest.mark.parametrize("token", ["", "x", "å", None])
def test_a_forged_form_changes_nothing_and_is_noted(guarded: Office, token: Any) -> None:
    client, other = guarded.signed_in("bo"), guarded.signed_in("carl")
    forged = other.token() if token is None else token
    answer = client.post("/staff/approver/7", data={"csrf": forged, "note": "min <b>note"})
    assert answer.status_code == 403 and "Formularen kunne ikke bruges" in answer.text
    assert "min &lt;b&gt;note" in answer.text
    assert guarded.audit()[-1] == ("bo", "refused: form", "", {"method": "POST", "route": "/approver/{id}"})
    assert client.get("/staff/approver/7").status_code == 200


def test_a_forged_sign_in_does_not_sign_in_and_is_noted(site: Office) -> None:
    client = site.visitor()
    client.get("/staff/ind")
    answer = client.post("/staff/ind", data={"name": "anne", "password": PASSWORD, "csrf": "x"})
    assert answer.status_code == 403 and "Siden var for gammel" in answer.text
    assert client.get(ACCOUNT).status_code == 303
    assert site.audit()[-1] == ("nobody", "refused: form", "", {"method": "POST", "route": "/ind"})


def test_a_sign_in_page_that_was_open_over_night_says_so_and_keeps_the_name(site: Office) -> None:
    client = site.visitor()
    token = client.token("/staff/ind")
    site.clock.move(hours=9)
    answer = client.post("/staff/ind", data={"name": "anne", "password": PASSWORD, "csrf": token, "naeste": ACCOUNT})
    assert "Siden var for gammel" in answer.text and 'value="anne"' in answer.text and f'value="{ACCOUNT}"' in answer.text
    assert client.sign_in("anne").status_code == 303


def test_what_was_typed_into_a_form_of_an_expired_session_is_not_lost(guarded: Office) -> None:
    client = guarded.signed_in("anne")
    token = client.token()
    guarded.clock.move(minutes=31)
    secrets = {name: "meget hemmelig kode" for name in ("password", "new", "again")}
    fields = {"csrf": token, "stamp": "77777", "note": "en lang <b>note", **secrets}
    answer = client.post("/staff/reviewer/7", data=fields, headers={"referer": "http://testserver/staff/reviewer/7?a=1"})
    assert answer.status_code == 403 and "Du er logget ud, og intet er gemt" in answer.text
    assert "en lang &lt;b&gt;note" in answer.text and token not in answer.text
    assert "77777" not in answer.text and "hemmelig" not in answer.text
    assert "/staff/ind?naeste=%2Fstaff%2Freviewer%2F7%3Fa%3D1" in answer.text


@pytest.mark.parametrize("referer", ["http://[", "https://evil.example/staff/x", "//evil.example/staff/"])
def test_an_address_that_a_form_claims_to_come_from_leads_nowhere_else(guarded: Office, referer: str) -> None:
    answer = guarded.visitor().post("/staff/reviewer/7", data={"note": "x"}, headers={"referer": referer})
    assert answer.status_code == 403 and 'href="/staff/ind?naeste=%2Fstaff%2F"' in answer.text


# In a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_signs_in_with_a_browser_and_axe_finds_nothing(site: Office, browser: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with served(site) as address:
        context = browser.new_context(color_scheme=scheme, locale="da-DK")
        page = context.new_page()
        page.goto(address + "/staff/konto")
        page.get_by_label("Navn").fill("anne")
        page.get_by_label("Adgangskode").fill("en forkert adgangskode")
        page.get_by_role("button", name="Log ind").click()
        assert page.get_by_role("alert").inner_text().startswith(WRONG)
        assert Axe().run(page).response["violations"] == []
        page.get_by_label("Adgangskode").fill(PASSWORD)
        page.get_by_role("button", name="Log ind").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Din konto"
        assert Axe().run(page).response["violations"] == []
        page.get_by_label("Din adgangskode nu").fill(PASSWORD)
        for field in ("Ny adgangskode", "Ny adgangskode igen"):
            page.get_by_label(field, exact=True).fill("en helt ny adgangskode")
        site.clock.move(minutes=31)
        page.get_by_role("button", name="Skift adgangskode").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Du er logget ud, og intet er gemt"
        assert Axe().run(page).response["violations"] == []
        page.get_by_role("link", name="Log ind").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Log ind"
        context.close()


# When the database fails


@pytest.fixture
def line() -> Iterator[Line]:
    """A line to PostgreSQL that breaks."""
    opened = Line(int(make_url(SERVER).port or 5432))
    opened.connect()
    yield opened
    opened.release()
    opened.cut()


@pytest.fixture
def far(line: Line, tmp_path: Path) -> Iterator[Office]:
    """The staff's site over a PostgreSQL at the end of that line."""
    with postgresql() as url:
        opened = office(tmp_path, make_url(url).set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False))
        yield opened
        opened.database.reconnect()


@pytest.mark.parametrize("break_it", [Line.cut, Line.hold])
def test_a_database_that_is_gone_or_hangs_gives_the_danish_page_soon(
    far: Office, line: Line, break_it: Callable[[Line], None]
) -> None:
    client, visitor = far.signed_in("anne"), far.visitor()
    tokens = client.token(), visitor.token()
    break_it(line)
    requests: List[Callable[[], Any]] = [
        lambda: client.get(ACCOUNT),
        lambda: client.post("/staff/ud", data={"csrf": tokens[0]}),
        lambda: visitor.post("/staff/ind", data={"name": "anne", "password": PASSWORD, "csrf": tokens[1]}),
    ]
    for request in requests:
        begun = time.monotonic()
        answer = request()
        assert answer.status_code == 503 and "Databasen svarer ikke lige nu" in answer.text
        assert answer.headers["content-security-policy"] == view.POLICY
        assert time.monotonic() - begun < 8


def test_a_locked_database_shows_pages_and_changes_nothing(site: Office, tmp_path: Path) -> None:
    client, visitor = site.signed_in("anne"), site.visitor()
    tokens = client.token(), visitor.token()
    other = sqlite3.connect(tmp_path / "staff.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert client.get(ACCOUNT).status_code == 200
    assert client.post("/staff/ud", data={"csrf": tokens[0]}).status_code == 503
    assert visitor.post("/staff/ind", data={"name": "anne", "password": PASSWORD, "csrf": tokens[1]}).status_code == 503
    other.close()
    assert client.get(ACCOUNT).status_code == 200
    assert visitor.get(ACCOUNT).status_code == 303


# The command line


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`smertebot staff …` on a database of its own."""

    def run(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "SMERTE_VAR": str(tmp_path / "var")}
        command = [sys.executable, "-m", "bot.cli", "staff", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True)

    return run


def test_the_command_line_keeps_accounts(run: Any, tmp_path: Path) -> None:
    assert run("add", "Anne", "--role", "reviewer", "--password-stdin", typed=PASSWORD + "\n").returncode == 0
    assert run("role", "anne", "admin").returncode == 0
    assert run("off", "anne").returncode == 0
    assert re.search(r"^anne +admin +off +password$", run("list").stdout, re.MULTILINE)
    assert run("on", "anne").returncode == 0
    assert run("password", "anne", "--password-stdin", typed="en helt ny adgangskode\n").returncode == 0
    accounts = Accounts(Database(f"sqlite:///{tmp_path / 'var' / 'smertebot.sqlite'}"))
    assert accounts.verify("anne", "en helt ny adgangskode").role == "admin"
    assert (tmp_path / "var" / "smertebot.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "arguments, typed, said",
    [
        (["add", "bo", "--role", "reviewer", "--password-stdin"], "kort\n", "Password: it needs at least 12 characters."),
        (["add", "b<o>", "--role", "reviewer", "--password-stdin"], PASSWORD, "NAME: 2 to 60 small letters"),
        (["add", "visitor", "--role", "reviewer", "--password-stdin"], PASSWORD, "NAME: 2 to 60 small letters"),
        (["add", "bo", "--role", "chef", "--password-stdin"], PASSWORD, "'--role'"),
        (["off", "ukendt"], "", "NAME: there is no such account."),
        (["role", "ukendt", "chef"], "", "'ROLE'"),
    ],
)
def test_the_command_line_says_in_one_sentence_what_cannot_be(run: Any, arguments: List[str], typed: str, said: str) -> None:
    done = run(*arguments, typed=typed)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_a_name_is_given_once(site: Office) -> None:
    with pytest.raises(Unfit) as raised:
        site.desk.accounts.add("Anne", "admin", PASSWORD)
    assert raised.value.flaw is Flaw.NAME_TAKEN


def _row(site: Office, name: str) -> Any:
    with site.database.reading() as connection:
        return connection.execute(select(staff).where(staff.c.name == name)).one()


def _with_cookie(site: Office, id: str, agent: str = "a browser") -> Client:
    """Another browser, in which somebody has put a cookie."""
    client = site.visitor(agent)
    client.cookies.set("personale", id, path="/staff")
    return client


def _seconds(accounts: Accounts, name: str) -> float:
    begun = time.perf_counter()
    with pytest.raises(WrongPassword):
        accounts.verify(name, "en forkert adgangskode")
    return time.perf_counter() - begun

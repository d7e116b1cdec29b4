"""The audit log: administrators read it, search it and take it home; nobody changes it, and reading it stands in it."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import List, Set

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.paths import ROOT
from bot.staff.words import load_staff_words
from bot.store.audit import Search, every_line, lines, note
from bot.store.export import NOTED
from bot.store.period import HERE
from bot.store.tables import audit
from tests.databases import postgresql
from tests.staff import Office, office

# What is called with a verb phrase for the log.
_WRITERS = ("note", "record", "_change")


@pytest.fixture
def at(tmp_path: Path) -> Office:
    """A site."""
    return office(tmp_path)


def _did(at: Office, actor: str, action: str, subject: str = "", **detail: object) -> None:
    with at.database.writing() as connection:
        note(connection, actor, action, detail, subject)


def _did_then(at: Office, moment: datetime, action: str) -> None:
    with at.database.writing() as connection:
        connection.execute(audit.insert(), {"at": moment, "actor": "anne", "action": action, "subject": "", "detail": {}})


def _rows(page: str) -> List[str]:
    rows = re.findall(r'<tr>\s*<th scope="row">.*?</tr>', page, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


# Who may


@pytest.mark.parametrize("path", ["/staff/logbog", "/staff/logbog.csv", "/staff/logbog.jsonl"])
@pytest.mark.parametrize("name", ["anne", "bo"])
def test_who_is_no_administrator_is_refused_and_that_is_written_down(at: Office, name: str, path: str) -> None:
    _did(at, "carl", "turn labelled", "hemmelig")
    answer = at.signed_in(name).get(path)
    assert answer.status_code == 403 and "hemmelig" not in answer.text
    assert any(actor == name and "refused" in action for actor, action, _, _ in at.audit())


def test_a_stranger_is_sent_to_sign_in(at: Office) -> None:
    answer = at.visitor().get("/staff/logbog")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/staff/ind")


def test_seeing_the_log_and_taking_it_home_stand_in_it(at: Office) -> None:
    admin = at.signed_in("dorte")
    admin.get("/staff/logbog?person=anne")
    admin.get("/staff/logbog.csv?om=lob.hvad")
    assert [line for line in at.audit() if line[0] == "dorte"][-2:] == [
        ("dorte", "audit log seen", "", {"person": "anne"}),
        ("dorte", "audit log exported", "", {"om": "lob.hvad", "form": "csv"}),
    ]


# What it says


def test_a_line_says_in_danish_who_did_what_to_what(at: Office) -> None:
    _did(at, "visitor", "conversation deleted", "", turns=3)
    page = at.signed_in("dorte").get("/staff/logbog?person=visitor").text
    assert len(_rows(page)) == 1
    assert all(words in _rows(page)[0] for words in ("en patient", "Slettede sin samtale", "beskeder: 3"))


def test_an_action_that_has_no_danish_words_is_shown_as_it_is(at: Office) -> None:
    _did(at, "anne", "moon painted", "månen", colour="blue", done=True)
    row = _rows(at.signed_in("dorte").get("/staff/logbog?person=anne").text)[0]
    assert all(words in row for words in ("moon painted", "månen", "colour: blue", "done: ja"))


def test_what_staff_typed_cannot_become_part_of_the_page(at: Office) -> None:
    _did(at, "anne", "turn labelled", "<script>alert(1)</script>", **{"<b>x": "<i>y"})
    page = at.signed_in("dorte").get("/staff/logbog", params={"om": "<script>alert(1)</script>"}).text
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "<b>x" not in page and "<i>y" not in page


def _noted() -> Set[str]:
    """The verb phrases that the program hands to what writes the log."""
    called = (
        call
        for path in (ROOT / "bot").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in _WRITERS
    )
    arguments = (part for call in called for argument in call.args for part in ast.walk(argument))
    texts = (part.value for part in arguments if isinstance(part, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch("[a-z-]+:?( [a-z-]+)+", text)}


def test_every_action_that_the_program_notes_has_danish_words() -> None:
    assert {"signed in", "conversation seen", "flag removed", "text approved"} <= _noted()
    assert _noted() | set(NOTED.values()) <= set(load_staff_words()["audit"]["actions"])


# Searching


@pytest.mark.parametrize("query, found", [
    ("person=anne", ["a", "b"]),
    ("handling=turn+labelled", ["a", "c"]),
    ("om=b", ["b"]),
    ("person=anne&handling=turn+labelled", ["a"]),
    ("person=ann", []),
])
def test_lines_are_found_by_person_action_and_subject(at: Office, query: str, found: List[str]) -> None:
    _did(at, "anne", "turn labelled", "a")
    _did(at, "anne", "conversation seen", "b")
    _did(at, "carl", "turn labelled", "c")
    rows = _rows(at.signed_in("dorte").get(f"/staff/logbog?{query}").text)
    assert [row.split()[-1] for row in reversed(rows)] == found


def test_days_are_danish_and_both_ends_belong_to_the_period(at: Office) -> None:
    for hour, action in ((22, "before"), (23, "first"), (24 + 22, "last"), (24 + 23, "after")):
        _did_then(at, datetime(2026, 1, 9 + hour // 24, hour % 24, 30, tzinfo=timezone.utc), action)
    rows = _rows(at.signed_in("dorte").get("/staff/logbog?fra=2026-01-10&til=2026-01-10").text)
    assert ["last" in rows[0], "first" in rows[1]] == [True, True] and len(rows) == 2


@pytest.mark.parametrize("query, field", [
    ("fra=igår", "Fra og med dagen"), ("til=2026-13-01", "Til og med dagen"), ("fra=0001-01-01", "Fra og med dagen"),
    ("fra=2026-02-02&til=2026-02-01", "Til og med dagen"), ("foer=x", "Sidens nummer"), ("foer=0", "Sidens nummer"),
    ("foer=99999999999999999999999", "Sidens nummer"), ("person=" + "x" * 101, "Hvem"), ("om=%00", "Hvad det handler om"),
])
def test_a_filter_without_meaning_is_named_and_finds_nothing(at: Office, query: str, field: str) -> None:
    admin = at.signed_in("dorte")
    answer = admin.get(f"/staff/logbog?{query}")
    assert answer.status_code == 422 and f"{field} kan ikke læses" in answer.text and not _rows(answer.text)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_no_file_comes_for_a_filter_without_meaning(at: Office, form: str) -> None:
    answer = at.signed_in("dorte").get(f"/staff/logbog.{form}?fra=igår")
    assert answer.status_code == 422 and answer.headers["content-type"].startswith("text/html")


def test_pages_of_a_hundred_follow_each_other_without_gap_or_repetition(at: Office) -> None:
    for number in range(250):
        _did(at, "anne", "turn labelled", f"nr{number}")
    admin, path, seen = at.signed_in("dorte"), "/staff/logbog?person=anne", []
    sizes = []
    while path:
        page = admin.get(path).text
        sizes.append(len(_rows(page)))
        seen += re.findall(r">(nr\d+)<", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sizes == [100, 100, 50] and seen == [f"nr{number}" for number in reversed(range(250))]


def test_new_lines_do_not_move_the_older_pages(at: Office) -> None:
    for number in range(150):
        _did(at, "anne", "turn labelled", f"nr{number}")
    admin = at.signed_in("dorte")
    older = re.search(r'rel="next" href="([^"]+)"', admin.get("/staff/logbog?person=anne").text)
    assert older
    _did(at, "anne", "turn labelled", "ny")
    assert re.findall(r">(nr\d+)<", admin.get(older[1].replace("&amp;", "&")).text)[0] == "nr49"


# Taking it home


def test_the_csv_holds_every_line_and_no_formula_works_in_it(at: Office) -> None:
    for subject in ("=1+1", "+1", "-1+1", "@SUM(A1)", " =1", "\t=1", "|x"):
        _did(at, "anne", "turn labelled", subject)
    answer = at.signed_in("dorte").get("/staff/logbog.csv?person=anne")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-disposition"] == 'attachment; filename="logbog.csv"'
    assert len(rows) == 7 and all(row["subject"][0] == "'" for row in rows if row["subject"] != "+1")
    assert not any(row["subject"].lstrip("' ")[0] in "=@" and row["subject"][0] != "'" for row in rows)


def test_the_json_lines_hold_every_line_whole(at: Office) -> None:
    for number in range(1100):
        _did(at, "anne", "turn labelled", f"nr{number}", n=number)
    answer = at.signed_in("dorte").get("/staff/logbog.jsonl?person=anne")
    kept = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["subject"], line["detail"]) for line in kept] == [(f"nr{number}", {"n": number}) for number in range(1100)]
    assert datetime.fromisoformat(kept[0]["at"]).utcoffset() == datetime.now(HERE).utcoffset()


def _exported(at: Office, *arguments: str) -> Result:
    settings = {"SMERTE_DATABASE_URL": str(at.database.url), "SMERTE_VAR": str(at.desk.settings.var)}
    return CliRunner(mix_stderr=False).invoke(main, ["export", "audit", *arguments], env=settings)


def test_the_command_line_exports_the_log_and_notes_it(at: Office) -> None:
    _did(at, "anne", "turn labelled", "lob.hvad", n=1)
    run = _exported(at, "--format", "jsonl")
    assert run.exit_code == 0, run.stderr
    assert any(json.loads(line)["subject"] == "lob.hvad" for line in run.stdout.splitlines())
    assert at.audit()[-1][:2] == ("command line", "audit log exported")


def test_the_command_line_exports_the_days_that_are_wanted(at: Office) -> None:
    for day in (9, 10, 11):
        _did_then(at, datetime(2026, 1, day, 12, tzinfo=timezone.utc), f"did {day}")
    run = _exported(at, "--from", "2026-01-10", "--to", "2026-01-10")
    assert [row["action"] for row in csv.DictReader(io.StringIO(run.stdout))] == ["did 10"]


def test_the_command_line_refuses_filters_that_the_log_does_not_know(at: Office) -> None:
    run = _exported(at, "--flag", "x")
    assert run.exit_code == 2 and "--flag" in run.stderr


# Nobody edits


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_request_changes_the_log(at: Office, method: str) -> None:
    admin = at.signed_in("dorte")
    before = at.audit()
    assert admin.request(method, "/staff/logbog", data={"csrf": admin.token()}).status_code == 405
    assert at.audit()[: len(before)] == before


def test_the_log_reads_alike_on_postgresql(tmp_path: Path) -> None:
    with postgresql() as url:
        at = office(tmp_path, url)
        for number in range(600):
            _did(at, "anne", "turn labelled", f"nr{number}")
        chosen = Search(actor="anne")
        newest = lines(at.database, chosen, 100)
        assert [line.subject for line in newest] == [f"nr{number}" for number in range(599, 499, -1)]
        assert [line.subject for line in lines(at.database, chosen, 2, newest[-1].id)] == ["nr499", "nr498"]
        assert [line.subject for line in every_line(at.database, chosen)] == [f"nr{number}" for number in range(600)]
        assert at.signed_in("dorte").get("/staff/logbog?fra=2026-01-01").status_code == 200
        at.database.reconnect()

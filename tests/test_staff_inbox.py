"""The inbox finds exactly the conversations that are looked for, those first that need a reviewer most."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import text

from bot.staff.words import load_staff_words
from bot.status import Status
from bot.store import inbox
from bot.store.concern import Concern
from bot.store.database import Database
from bot.store.filters import MOST as MOST_FILTERS
from bot.store.inbox import PAGE, Choice, Kind, Malformed, Opinion, Query
from bot.store.review import Rating, Review, Verdict, rate
from bot.store.transcripts import Transcripts
from bot.store.turn import Screening, Turn
from tests.databases import NOW, postgresql
from tests.staff import Client, Office, office

PAGE_OF = "/staff/samtaler"
NASTY = "<script>alert('x')</script>'; DROP TABLE turns; -- \"><img src=x onerror=alert(1)>"
FINDING = {"flag": "akut.kar", "level": "112", "part": "classifier", "words": [], "softened_by": ""}


KINDS = ("sqlite", "postgresql")


@contextmanager
def _empty(kind: str, folder: Path) -> Iterator[Database]:
    with postgresql() if kind == "postgresql" else nullcontext(f"sqlite:///{folder / 'turns.sqlite'}") as url:
        made = Database(url)
        made.migrate()
        yield made
        made.reconnect()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind, up to date."""
    with _empty(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def at(tmp_path: Path) -> Office:
    """The staff's site."""
    return office(tmp_path)


def _turn(
    conversation: str, said: str = "hvad er lob", minutes: int = 0, status: str = "answered", answer: str = "lob.hvad", **values: Any
) -> Turn:
    custom: Dict[str, Any] = {"status": status}
    if answer:
        custom.update(answer_id=answer, topic=answer.split(".")[0], version=1)
    reply = {"text": "Et svar.", "buttons": [], "custom": custom}
    values = {"ranking": ((answer or "lob.hvad", 0.9),), **values}
    return Turn(conversation, NOW + timedelta(minutes=minutes), said, (reply,), **values)


def _keep(database: Database, *made: Turn) -> None:
    for turn in made:
        Transcripts(database).add(turn)


def _review(database: Database) -> Review:
    return Review(database, lambda text: text, lambda: NOW)


def _found(database: Database, **wanted: Any) -> List[str]:
    return [row.id for row in inbox.conversations(database, Query(**{"kind": Kind.ALL, **wanted})).rows]


ALARM = Screening("akut.kar", "112", None, 0.9, (FINDING,))


@pytest.fixture(scope="module", params=KINDS)
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Conversations that each have one thing that the others have not."""
    with _empty(request.param, tmp_path_factory.mktemp("many")) as made:
        _fill(made)
        yield made


def _fill(database: Database) -> None:
    down, up = _turn("down", minutes=8), _turn("up", minutes=9)
    _keep(
        database,
        _turn("plain", minutes=1),
        _turn("fallback", "må hunden med", 2, "fallback", ""),
        _turn("alarm", "ondt i brystet", 3, "red_flag", "akut.kar", screening=ALARM),
        _turn("medicine", "må jeg køre bil", 4, answer="medicin.opioider"),
        _turn("unsure", minutes=5, ranking=(("lob.hvad", 0.3),)),
        _turn("english", "what is lob", 6, language="en"),
        *(_turn("long", minutes=7) for _ in range(3)),
        down,
        up,
        _turn("old", minutes=-10 * 24 * 60),
        _turn("reviewed", minutes=10),
        _turn("flagged", minutes=11),
        _turn("tagged", minutes=12),
    )
    rate(database, Rating("down", down.id, False, "", NOW))
    rate(database, Rating("up", up.id, True, "", NOW))
    review = _review(database)
    review.mark_reviewed("reviewed", 1, "anne")
    review.flag("flagged", True, "anne")
    review.tag("tagged", "ros", "anne")


@pytest.mark.parametrize("wanted, found", [
    ({"status": Status.FALLBACK}, ["fallback"]),
    ({"status": Status.RED_FLAG}, ["alarm"]),
    ({"status": Status.FORM}, []),
    ({"flag": "any"}, ["alarm"]),
    ({"flag": "akut.kar"}, ["alarm"]),
    ({"flag": "akut.syn"}, []),
    ({"topic": "medicin"}, ["medicine"]),
    ({"answer": "medicin.opioider"}, ["medicine"]),
    ({"answer": "medicin.opioider", "topic": "lob"}, []),
    ({"below": 31}, ["unsure"]),
    ({"below": 30}, []),
    ({"feedback": Opinion.DOWN}, ["down"]),
    ({"feedback": Opinion.UP}, ["up"]),
    ({"language": "en"}, ["english"]),
    ({"length": 3}, ["long"]),
    ({"length": 4}, []),
    ({"reviewed": Choice.YES}, ["reviewed"]),
    ({"flagged": Choice.YES}, ["flagged"]),
    ({"tag": "ros"}, ["tagged"]),
    ({"tag": "ro"}, []),
    ({"text": "hunden"}, ["fallback"]),
    ({"last": date(2026, 2, 28)}, ["old"]),
    ({"first": date(2026, 2, 19), "last": date(2026, 2, 19)}, ["old"]),
    ({"status": Status.FALLBACK, "language": "en"}, []),
    ({"text": "bil", "topic": "medicin", "below": 95, "language": "da", "length": 1, "first": date(2026, 3, 1)}, ["medicine"]),
])
def test_a_filter_finds_what_fits_it_and_nothing_else(many: Database, wanted: Mapping[str, Any], found: List[str]) -> None:
    assert _found(many, **wanted) == found


def test_no_and_any_are_the_rest_and_all(many: Database) -> None:
    everything = _found(many)
    assert len(everything) == 13
    assert set(everything) - set(_found(many, reviewed=Choice.NO)) == {"reviewed"}
    assert set(everything) - set(_found(many, flagged=Choice.NO)) == {"flagged"}
    assert set(everything) - set(_found(many, first=date(2026, 3, 1))) == {"old"}


def test_one_turn_must_fit_all_that_is_asked_of_turns(database: Database) -> None:
    _keep(database, _turn("a", language="en"), _turn("a", "må hunden med", 1, "fallback", ""))
    assert _found(database, language="en") == _found(database, status=Status.FALLBACK) == ["a"]
    assert _found(database, language="en", status=Status.FALLBACK) == []


def test_a_period_is_of_danish_days(database: Database) -> None:
    # 23.30 UTC on the 30th of June is half past one on the first of July in Denmark.
    late = datetime(2026, 6, 30, 23, 30, tzinfo=timezone.utc)
    _keep(database, replace(_turn("a"), at=late))
    assert _found(database, first=date(2026, 7, 1), last=date(2026, 7, 1)) == ["a"]
    assert _found(database, last=date(2026, 6, 30)) == []


def test_a_conversation_around_a_period_without_a_turn_in_it_is_not_found(database: Database) -> None:
    _keep(database, _turn("a"), _turn("a", minutes=4 * 24 * 60))
    assert _found(database, first=date(2026, 3, 2), last=date(2026, 3, 3)) == []
    assert _found(database, first=date(2026, 3, 2), last=date(2026, 3, 5)) == ["a"]


# Order


def test_all_stand_newest_first(many: Database) -> None:
    assert _found(many)[:3] == ["tagged", "flagged", "reviewed"] and _found(many)[-1] == "old"


def test_what_needs_a_reviewer_stands_most_pressing_first_then_newest(database: Database) -> None:
    missed, poor = _turn("missed alarm", minutes=1), _turn("thumbs down", minutes=2)
    doubtful = Screening("akut.kar", "112", None, 0.4, (FINDING,))
    _keep(
        database,
        missed,
        poor,
        _turn("no answer before", "må hunden med", 3, "fallback", ""),
        _turn("no answer", "må katten med", 4, "fallback", ""),
        _turn("unsure", minutes=5, ranking=(("lob.hvad", 0.5),)),
        _turn("doubtful alarm", "ondt i brystet", 6, "red_flag", "akut.kar", screening=doubtful),
        _turn("sure", minutes=7),
        _turn("seen", "må hesten med", 8, "fallback", ""),
    )
    review = _review(database)
    review.label(missed.id, Verdict.ALARM, "akut.kar", "hvad er lob", "anne")
    rate(database, Rating("thumbs down", poor.id, False, "", NOW))
    review.mark_reviewed("seen", 1, "anne")
    pressing = ["doubtful alarm", "missed alarm", "thumbs down", "no answer", "no answer before", "unsure"]
    assert _found(database, kind=Kind.NEED) == pressing
    walked = ["doubtful alarm"]
    while (following := inbox.after(database, walked[-1])) is not None:
        walked.append(following)
    assert walked == pressing
    review.mark_reviewed("no answer", 1, "anne")
    assert inbox.after(database, "no answer") == "no answer before"


def test_a_row_says_why_it_is_there(database: Database) -> None:
    _keep(
        database,
        _turn("a", "hej", 0),
        _turn("a", "må hunden med", 1, "fallback", ""),
        _turn("a", "ondt i brystet", 2, "red_flag", "akut.kar", screening=replace(ALARM, probability=0.4)),
        _turn("a", "tak for hjælpen " * 30, 3, language="en"),
    )
    row = inbox.conversations(database, Query()).rows[0]
    assert (row.said, row.concern, row.length, row.statuses, row.flags) == (
        "ondt i brystet", Concern.ALARM, 4, ("answered", "fallback", "red_flag"), ("akut.kar",),
    )
    assert inbox.conversations(database, Query(status=Status.FALLBACK)).rows[0].said == "må hunden med"
    found = inbox.conversations(database, Query(text="hjælpen")).rows[0]
    assert found.said.startswith("tak for hjælpen") and found.said.endswith("…") and found.language == "en"


def test_a_search_shows_the_part_of_a_long_message_that_it_found(database: Database) -> None:
    _keep(database, _turn("a", "kanelgifler " * 50 + "og så drømmekage"))
    row = inbox.conversations(database, Query(kind=Kind.ALL, text="drømmekage")).rows[0]
    assert row.said.startswith("…") and row.said.endswith("drømmekage")


# Search


@pytest.fixture(scope="module", params=KINDS)
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A message to search for, and another one."""
    with _empty(request.param, tmp_path_factory.mktemp("said")) as made:
        wanted = "Jeg har åndenød.Hvad gør jeg på trapper/ved ryggen? 3 gange, 50/50 :-) 0"
        _keep(made, _turn("wanted", wanted), _turn("other", "noget helt andet"))
        yield made


@pytest.mark.parametrize("wanted, found", [
    ("åndenød", True), ("ÅNDENØD", True), ("ånde", True), ("å", True), ("nød", False), ("andenod", False), ("aandenoed", False),
    ("jeg åndenød", True), ("åndenød jeg", True), ("jeg hoste", False), ("jeg jeg", True),
    ("ryggen", True), ("trapper", True), ("hvad", True), ("3 gange", True), ("50 50", True), ("halvtreds/50", False), ("50/50", True),
    ('"åndenød"', True), ("åndenød*", True), ("'åndenød'", True), ("åndenød OR hoste", False), ("NOT hoste", False),
    ("NEAR(jeg åndenød)", False), ("said:åndenød", False), ("(åndenød", True), ("åndenød)", True), ("^jeg", True), ("-jeg", True),
    ("jeg & åndenød", True), ("jeg | hoste", False), ("!jeg", True), ("jeg:*", True), ("jeg <-> har", True), ("jeg\\", True),
    ("'; DROP TABLE turns; --", False), ("0%ånde", True), ("0%nød", False),
])
def test_every_word_must_begin_a_word_of_the_message_and_signs_mean_nothing(said: Database, wanted: str, found: bool) -> None:
    query = Query.of({"tekst": wanted, "vis": "alle"}, {})
    assert [row.id for row in inbox.conversations(said, query).rows] == (["wanted"] if found else [])


@pytest.mark.parametrize("wanted", ["%", "_", "???", "🙂", "\"\"", "*"])
def test_a_search_without_a_word_is_refused(wanted: str) -> None:
    with pytest.raises(Malformed):
        Query.of({"tekst": wanted}, {})


def test_answers_are_not_searched(database: Database) -> None:
    _keep(database, _turn("a"))
    assert _found(database, text="svar") == []


def test_a_very_common_word_is_found_like_any_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both ways of finding conversations, whichever is quicker, find the same.
    _keep(database, *(_turn(f"{number:02}", "jeg har ondt", number) for number in range(20)), _turn("other", "noget andet", 30))
    rare = _found(database, text="jeg"), _found(database, text="jeg", status=Status.ANSWERED)
    monkeypatch.setattr("bot.store.search._MANY", 5)
    monkeypatch.setattr("bot.store.inbox._FEW", 5)
    assert (_found(database, text="jeg"), _found(database, text="jeg", status=Status.ANSWERED)) == rare
    assert rare[0] == [f"{number:02}" for number in reversed(range(20))]


def test_what_was_deleted_is_not_found(database: Database) -> None:
    _keep(database, _turn("a", "kanelgifler"), _turn("b", "kanelgifler", 1))
    Transcripts(database).forget("a", NOW + timedelta(days=1))
    assert _found(database, text="kanelgifler") == ["b"]


def test_postgresql_searches_in_its_index(tmp_path: Path) -> None:
    with postgresql() as url:
        made = Database(url)
        made.migrate()
        with made.reading() as connection:
            connection.execute(text("SET enable_seqscan = off"))
            condition = inbox.of_turns(connection, Query(text="ånde nød"))[0]
            compiled = condition.compile(connection, compile_kwargs={"literal_binds": True})
            plan = connection.exec_driver_sql(f"EXPLAIN SELECT id FROM turns WHERE {compiled}".replace("%", "%%")).scalars().all()
        made.reconnect()
    assert "ix_turns_words" in str(plan)


# Pages


def test_pages_of_fifty_follow_each_other_and_the_total_is_told(database: Database) -> None:
    _keep(database, *(_turn(f"{number:03}", minutes=number) for number in range(2 * PAGE + 1)))
    pages = [inbox.conversations(database, Query(kind=Kind.ALL, page=page)) for page in (1, 2, 3, 4)]
    assert [row.id for page in pages for row in page.rows] == [f"{number:03}" for number in reversed(range(2 * PAGE + 1))]
    assert [(page.previous, page.next) for page in pages] == [(None, 2), (1, 3), (2, None), (3, None)]
    assert {(page.total, page.more) for page in pages} == {(2 * PAGE + 1, False)}


def test_of_very_many_the_first_are_shown_and_that_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.inbox.MOST", PAGE + 10)
    _keep(database, *(_turn(f"{number:03}", minutes=number) for number in range(PAGE + 20)))
    first, second = (inbox.conversations(database, Query(kind=Kind.ALL, page=page)) for page in (1, 2))
    assert (first.total, first.more, first.next, len(second.rows), second.next) == (PAGE + 10, True, 2, 10, None)


# Addresses


def test_a_query_is_read_from_its_address_as_it_was_written() -> None:
    query = Query(
        Kind.ALL, "åndenød & \"mere\"", date(2026, 3, 1), date(2026, 3, 2), Status.FALLBACK, "any", "lob", "lob.hvad", 50, Opinion.DOWN,
        "en", 3, Choice.NO, Choice.YES, "til mødet", 2,
    )
    assert Query.of(dict(parse_qsl(str(query))), {}) == query and str(Query()) == ""
    assert query.with_(text=None).page == 1


@pytest.mark.parametrize("field, value", [
    ("vis", "dine"), ("tekst", "x" * 201), ("tekst", "a b c d e f g h i j k l m"), ("tekst", "!"),
    ("fra", "i går"), ("fra", "2026-02-30"), ("fra", "0001-01-01"), ("til", "9999-12-31"), ("status", "ANSWERED"), ("status", NASTY), ("alarm", "akut.findesikke"), ("emne", "' OR 1=1"),
    ("svar", "lob.findesikke"), ("sikkerhed", "0"), ("sikkerhed", "101"), ("sikkerhed", "nan"), ("sikkerhed", "-1"), ("sikkerhed", "1e2"),
    ("sikkerhed", "٥"), ("tommel", "1"), ("sprog", "xx"), ("laengde", "0"), ("laengde", "99999999999999999999"), ("gennemset", "true"),
    ("flag", "1"), ("emneord", "x" * 201), ("emneord", "a\0b"), ("side", "0"), ("side", "21"), ("side", "to"),
])
def test_a_value_without_meaning_is_named_beside_the_form_and_kept_in_it(at: Office, field: str, value: str) -> None:
    answer = at.signed_in("anne").get(PAGE_OF, params={field: value})
    page = unescape(answer.text)
    assert answer.status_code == 422 and NASTY not in answer.text
    words = load_staff_words()["inbox"]
    alert = re.search(r'role="alert">(.*?)</p>', page, re.DOTALL)
    assert alert and words["fields"][field] in alert[1] and words["wrong"][field] in alert[1]


def test_a_last_day_before_the_first_is_named(at: Office) -> None:
    answer = at.signed_in("anne").get(PAGE_OF, params={"fra": "2026-03-02", "til": "2026-03-01"})
    assert answer.status_code == 422 and "før den første dag" in answer.text


def test_what_is_unknown_in_an_address_is_passed_over(at: Office) -> None:
    assert at.signed_in("anne").get(PAGE_OF, params={"utm_source": "mail", "tekst": " "}).status_code == 200


# The page


def _rows(page: str) -> List[str]:
    return [unescape(said) for said in re.findall(r"data-open href=\"/staff/samtaler/\w+\">(.*?)</a>", page)]


def test_the_page_shows_first_what_needs_a_reviewer_and_all_on_demand(at: Office) -> None:
    _keep(at.database, _turn("a", "hvad er lob"), _turn("b", "må hunden med", 1, "fallback", ""))
    anne = at.signed_in("anne")
    assert _rows(anne.get(PAGE_OF).text) == ["må hunden med"]
    assert _rows(anne.get(f"{PAGE_OF}?vis=alle").text) == ["må hunden med", "hvad er lob"]
    nothing = anne.get(PAGE_OF, params={"tekst": "lob"}).text
    assert _rows(nothing) == [] and "vis=alle&amp;tekst=lob" in nothing


def test_the_form_shows_what_is_looked_for(at: Office) -> None:
    page = at.signed_in("anne").get(PAGE_OF, params={"vis": "alle", "tekst": "ånde nød", "status": "fallback", "fra": "2026-03-01"}).text
    assert 'value="ånde nød"' in page and '<option value="fallback" selected>' in page and 'value="2026-03-01"' in page


def test_what_patients_and_staff_wrote_is_shown_as_text(at: Office) -> None:
    _keep(at.database, _turn("a", NASTY, 0, "fallback", ""))
    anne = at.signed_in("anne")
    anne.post_form(f"{PAGE_OF}/filtre", navn=NASTY[:55], filter="tekst=alert")
    page = anne.get(PAGE_OF, params={"tekst": NASTY[:25]}).text
    assert _rows(page) == [NASTY] and "<script>alert" not in page and "<img" not in page and page.count("&lt;script&gt;") >= 3


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_search(at: Office) -> None:
    answer = at.visitor().get(PAGE_OF, params={"tekst": "lob"})
    assert answer.status_code == 303 and "tekst" in answer.headers["location"]


def test_looking_is_noted_without_what_was_looked_for(at: Office) -> None:
    _keep(at.database, _turn("a", "kanelgifler", 0, "fallback", ""))
    at.signed_in("anne").get(PAGE_OF, params={"tekst": "kanelgifler", "sprog": "da"})
    assert at.audit()[-1] == ("anne", "inbox seen", "", {"fields": "tekst sprog", "conversations": "1"})


def test_every_status_and_concern_has_a_name() -> None:
    words = load_staff_words()
    assert set(words["figures"]["statuses"]) == {status.value for status in Status}
    assert set(words["inbox"]["concerns"]) == {concern.name.lower() for concern in Concern}
    assert set(words["inbox"]["languages"]) == set(inbox.KNOWN)


# Saved filters


def _saved(client: Client) -> Dict[str, str]:
    page = client.get(PAGE_OF).text
    return {unescape(name): unescape(query) for query, name in re.findall(r'href="/staff/samtaler\?([^"]*)">([^<]+)</a>\s*<form', page)}


def test_a_saved_filter_is_ones_own_and_leads_to_the_search(at: Office) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    answer = anne.post_form(f"{PAGE_OF}/filtre", navn="  Uden   svar ", filter="vis=alle&status=fallback&side=3")
    assert answer.headers["location"] == f"{PAGE_OF}?vis=alle&status=fallback&side=3"
    assert _saved(anne) == {"Uden svar": "vis=alle&status=fallback"} and _saved(bo) == {}
    anne.post_form(f"{PAGE_OF}/filtre", navn="Uden svar", filter="status=error")
    assert _saved(anne) == {"Uden svar": "status=error"}


def test_nobody_deletes_somebody_elses_filter(at: Office) -> None:
    anne, bo = at.signed_in("anne"), at.signed_in("bo")
    anne.post_form(f"{PAGE_OF}/filtre", navn="mit", filter="status=error")
    saved = at.desk.filters.of("anne")[0]
    bo.post_form(f"{PAGE_OF}/filtre/{saved.id}/slet")
    assert _saved(anne) == {"mit": "status=error"}
    anne.post_form(f"{PAGE_OF}/filtre/{saved.id}/slet")
    assert _saved(anne) == {}
    done = [action for actor, action, _, _ in at.audit() if action.startswith("filter")]
    assert done == ["filter saved", "filter deleted"]


@pytest.mark.parametrize("name, filter, complaint", [
    ("", "status=error", "navn"), (" ", "status=error", "navn"), ("x" * 61, "status=error", "navn"), ("a\0b", "", "navn"),
    ("mit", "status=findesikke", "status"), ("mit", "svar=%27%3B--", "svar"),
])
def test_a_filter_that_cannot_be_kept_is_refused(at: Office, name: str, filter: str, complaint: str) -> None:
    anne = at.signed_in("anne")
    answer = anne.post_form(f"{PAGE_OF}/filtre", navn=name, filter=filter)
    assert answer.status_code == 422 and f'href="#{complaint}"' in answer.text and _saved(anne) == {}


def test_a_person_keeps_so_many_filters_and_no_more(at: Office) -> None:
    for number in range(MOST_FILTERS):
        at.desk.filters.save("anne", str(number), Query())
    anne = at.signed_in("anne")
    assert anne.post_form(f"{PAGE_OF}/filtre", navn="et til", filter="").status_code == 422
    assert anne.post_form(f"{PAGE_OF}/filtre", navn="0", filter="status=error").status_code == 303
    assert len(_saved(anne)) == MOST_FILTERS


@pytest.mark.parametrize("id", ["0", "-1", "99999999999999999999", "x", "1"])
def test_a_filter_that_is_not_there_is_deleted_without_harm(at: Office, id: str) -> None:
    assert at.signed_in("anne").post_form(f"{PAGE_OF}/filtre/{id}/slet").status_code in (303, 422)


@pytest.mark.parametrize("path", ["filtre", "filtre/1/slet"])
def test_a_forged_form_changes_nothing(at: Office, path: str) -> None:
    anne = at.signed_in("anne")
    at.desk.filters.save("anne", "mit", Query())
    assert anne.post(f"{PAGE_OF}/{path}", data={"navn": "et andet", "filter": ""}).status_code == 403
    assert list(_saved(anne)) == ["mit"] or [saved.name for saved in at.desk.filters.of("anne")] == ["mit"]

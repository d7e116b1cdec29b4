"""The figures page: what it counts, draws, lets people take home, and says of filters without meaning."""

from __future__ import annotations

import csv
import io
import re
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any, Dict, List, Tuple
from xml.etree import ElementTree

import pytest

from bot.staff import charts
from bot.staff.charts import COLOURS, INK, INK_IN_DARK, Bars, Charts, Lines, NotLoaded, Series, moved_apart
from bot.staff.comparison import compare
from bot.staff.sheets import Points, Share, written
from bot.status import Status
from bot.store.statistics import Tally
from bot.store.tables import feedback
from bot.store.transcripts import Transcripts
from bot.store.turn import Screening, Turn
from tests.staff import Client, Office, office

NOON = datetime(2026, 3, 2, 11, 30, tzinfo=timezone.utc)
DRAWN = ("dage", "udfald-dage", "alarmer", "emner", "sammenligning")
TABLES = (*DRAWN, "udfald", "tegn", "svar", "uge", "svartid", "tommel", "indhold", "modeller")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def at(tmp_path: Path) -> Office:
    """A site on the third of March 2026, with three turns of the day before, in two versions."""
    made = office(tmp_path)
    made.clock.time = NOON + timedelta(days=1)
    _said(made, Status.ANSWERED, answer="lob.hvad", content="gamle", model="m1")
    _said(made, Status.FALLBACK, content="nye", model="m1", conversation="b")
    _said(made, Status.RED_FLAG, content="nye", model="m1", screening=Screening("akut.aandenoed", "112", None, 0.9))
    return made


def _said(at: Office, status: Status, moment: datetime = NOON, answer: str = "", conversation: str = "a", **more: Any) -> Turn:
    about = {"answer_id": answer, "topic": answer.split(".")[0]} if answer else {}
    reply = {"text": "…", "buttons": [], "custom": {"status": status.value, **about}}
    turn = Turn(conversation, moment, "sagt", (reply,), seconds=0.25, **more)
    Transcripts(at.database).add(turn)
    return turn


def _table(page: str, name: str) -> List[List[str]]:
    """The cells of a table of the page, its head first."""
    found = re.search(rf'<table[^>]*aria-labelledby="sheet-{name}">(.*?)</table>', page, re.S)
    assert found, name
    rows = re.findall(r"<tr>(.*?)</tr>", found[1], re.S)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in cells]


def _csv(client: Client, name: str, query: str = "") -> List[Dict[str, str]]:
    answer = client.get(f"/staff/tal/{name}.csv?{query}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


# The page


def test_the_page_counts_the_last_thirty_days_where_none_are_chosen(at: Office) -> None:
    for days, conversation in ((29, "inside"), (30, "outside")):
        _said(at, Status.FORM, moment=NOON + timedelta(days=1 - days), conversation=conversation)
    page = at.signed_in("anne").get("/staff/tal").text
    assert "Fra og med 02.02.2026 til og med 03.03.2026" in page
    days = _table(page, "dage")[1:]
    assert [row for row in days if row[2] != "0"] == [["02.02.2026", "1", "1"], ["02.03.2026", "2", "3"]]


def test_each_table_says_what_was_counted(at: Office) -> None:
    rated = _said(at, Status.CLARIFY, moment=NOON + timedelta(hours=1))
    with at.database.writing() as connection:
        connection.execute(feedback.insert(), {"turn_id": rated.id, "at": NOON, "helpful": 1, "reason": ""})
    page = at.signed_in("anne").get("/staff/tal").text
    named = ("Besvaret", "Spurgt tilbage", "Ikke forstået", "Alarmkort")
    assert _table(page, "udfald")[1:5] == [[name, "1", "25,0\xa0%"] for name in named]
    assert _table(page, "alarmer")[1:] == [["Ring 112", "1", "25,0\xa0%"]]
    assert _table(page, "tegn")[1][1] == "1" and "åndenød" in _table(page, "tegn")[1][0]
    assert _table(page, "svar")[1] == ["Hvad er LOB?", "1"]
    assert _table(page, "svartid")[1][1] == "0,25"
    assert _table(page, "tommel")[1:] == [["Op", "1", "100,0\xa0%"], ["Ned", "0", "0,0\xa0%"]]


def test_the_heat_map_has_seven_days_of_24_hours_and_marks_the_busiest_hour(at: Office) -> None:
    page = at.signed_in("anne").get("/staff/tal").text
    rows = _table(page, "uge")
    assert [row[0] for row in rows[1:]] == ["Mandag", "Tirsdag", "Onsdag", "Torsdag", "Fredag", "Lørdag", "Søndag"]
    assert all(len(row) == 25 for row in rows) and rows[1][13] == "3"
    assert page.count('class="heat-5">3<') == 1 and page.count('class="heat-0">0<') == 7 * 24 - 1


def test_an_empty_period_says_so_and_has_no_pictures(at: Office) -> None:
    answer = at.signed_in("anne").get("/staff/tal?fra=2026-01-01&til=2026-01-02")
    assert answer.status_code == 200 and "Der er ingen beskeder i perioden" in answer.text and "<img" not in answer.text


def test_filters_narrow_the_figures_and_stay_in_the_form_the_pictures_and_the_files(at: Office) -> None:
    anne = at.signed_in("anne")
    page = anne.get("/staff/tal?status=fallback").text
    assert _table(page, "dage")[1:] == [["02.03.2026", "1", "1"]]
    assert '<option value="fallback" selected>' in page
    sources = re.findall(r'(?:src|href)="(/staff/tal/[^"]+)"', page)
    assert sources and all("status=fallback" in source for source in sources)
    assert [row["Beskeder"] for row in _csv(anne, "dage", "status=fallback")] == ["1"]


def test_what_is_counted_leads_to_its_conversations(at: Office) -> None:
    page = unescape(at.signed_in("anne").get("/staff/tal?fra=2026-03-01&sprog=da").text)
    assert "/staff/samtaler?vis=alle&fra=2026-03-01&alarm=akut.aandenoed&sprog=da" in page
    assert "/staff/samtaler?vis=alle&fra=2026-03-01&svar=lob.hvad&sprog=da" in page


@pytest.mark.parametrize("query, field", [
    ("fra=igår", "Fra og med dagen"),
    ("fra=2026-03-02&til=2026-03-01", "Til og med dagen"),
    ("status=glad", "Hvad der blev svaret"),
    ("alarm=ukendt", "Alarm"),
    ("svar=%3Cb%3E", "Svar, der er givet"),
    ("sikkerhed=0", "Sikkerhed under"),
    ("laengde=-1", "Mindst så mange"),
])
def test_a_filter_without_meaning_is_named_and_gives_neither_picture_nor_file(at: Office, query: str, field: str) -> None:
    anne = at.signed_in("anne")
    answer = anne.get(f"/staff/tal?{query}")
    assert answer.status_code == 422 and f">{field}" in answer.text and 'aria-invalid="true"' in answer.text
    assert "<img" not in answer.text and "<b>" not in answer.text
    assert [anne.get(f"/staff/tal/dage.{kind}?{query}").status_code for kind in ("svg", "csv")] == [422, 422]


@pytest.mark.parametrize("path", ["/staff/tal", "/staff/tal/dage.svg", "/staff/tal/dage.csv"])
def test_a_stranger_sees_no_figures(at: Office, path: str) -> None:
    answer = at.visitor().get(path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/staff/ind")


# Before and after


def test_the_last_two_versions_of_the_texts_are_compared_where_none_are_chosen(at: Office) -> None:
    page = at.signed_in("anne").get("/staff/tal").text
    assert re.findall(r'<option value="([^"]+)" selected>(?:Tekster|Model)', page) == ["indhold:gamle", "indhold:nye"]
    answered = ["Besvaret", "100,0\xa0%", "0,0\xa0%", "−100,0", "−100,0", "+3,1", "Kan være et tilfælde"]
    assert _table(page, "sammenligning")[1] == answered


def test_the_chosen_versions_are_compared(at: Office) -> None:
    anne = at.signed_in("anne")
    rows = _csv(anne, "sammenligning", "foer=indhold:nye&efter=indhold:gamle")
    assert (rows[0]["Udfald"], rows[0]["Før"], rows[0]["Efter"], rows[0]["Forskel"]) == ("Besvaret", "0.0", "1.0", "1.0")
    page = anne.get("/staff/tal?foer=indhold:nye&efter=model:m1").text
    assert re.findall(r'<option value="([^"]+)" selected>(?:Tekster|Model)', page) == ["indhold:nye", "model:m1"]


def test_versions_that_are_not_there_are_not_compared(at: Office) -> None:
    rows = _csv(at.signed_in("anne"), "sammenligning", "foer=indhold:findes-ikke&efter=%3Cscript%3E")
    assert (rows[0]["Før"], rows[0]["Efter"]) == ("1.0", "0.0")


def test_the_interval_of_a_difference_is_that_of_the_literature() -> None:
    # Newcombe 1998, table II, example (a): 56 of 70 against 48 of 80, method 10.
    before, after = Tally({Status.ANSWERED: 48, Status.FALLBACK: 32}), Tally({Status.ANSWERED: 56, Status.FALLBACK: 14})
    change = compare(before, after)[0]
    assert (round(change.low, 4), round(change.high, 4)) == (0.0524, 0.3339)
    assert round(change.after - change.before, 4) == 0.2 and not change.may_be_chance


def test_few_turns_may_differ_by_chance_and_none_tell_nothing() -> None:
    few, other, none = Tally({Status.ANSWERED: 3, Status.FALLBACK: 1}), Tally({Status.ANSWERED: 4}), Tally({})
    assert compare(few, other)[0].may_be_chance and compare(none, other)[0].may_be_chance
    assert compare(none, none)[0].low == -1 and compare(none, none)[0].high == 1


# Pictures


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_an_svg_that_styles_itself_and_runs_nothing(at: Office, name: str) -> None:
    anne = at.signed_in("anne")
    answer = anne.get(f"/staff/tal/{name}.svg")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    drawing = ElementTree.fromstring(answer.content)
    assert drawing.tag == f"{SVG}svg" and not drawing.findall(f".//{SVG}script")
    assert f'/staff/tal/{name}.svg?' in anne.get("/staff/tal").text


@pytest.mark.parametrize("path", ["svar.svg", "findes-ikke.svg", "findes-ikke.csv", "..%2Fkonto.csv"])
def test_there_is_no_picture_and_no_file_of_what_has_none(at: Office, path: str) -> None:
    assert at.signed_in("anne").get(f"/staff/tal/{path}").status_code == 404


def test_every_picture_stands_beside_its_numbers_and_says_what_it_shows(at: Office) -> None:
    page = at.signed_in("anne").get("/staff/tal").text
    pictures = re.findall(r'<img src="/staff/tal/([^.]+)\.svg[^>]* alt="([^"]+)"', page)
    assert {name for name, _ in pictures} == set(DRAWN) and all("Tallene står i tabellen" in alt for _, alt in pictures)
    assert all(_table(page, name)[1:] for name, _ in pictures)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _variables(style: str) -> Tuple[Dict[str, str], Dict[str, str]]:
    """The colours of a style sheet on light and on dark pages."""
    text = Path("bot/web/static", style).read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", text, re.S)[:2]
    return dict(re.findall(r"--([\w-]+): (#\w{6})", light)), dict(re.findall(r"--([\w-]+): (#\w{6})", dark))


def test_colours_of_pictures_can_be_told_from_light_and_dark_pages() -> None:
    for page, ink in zip(_variables("staff.css"), (INK, INK_IN_DARK)):
        assert page["ink"] == ink
        assert all(_contrast(colour, page[ground]) >= 3 for colour in COLOURS for ground in ("paper", "card"))
        assert all(_contrast(ink, page[ground]) >= 4.5 for ground in ("paper", "card"))


def test_numbers_of_the_heat_map_can_be_read_on_light_and_dark_pages() -> None:
    for heat in _variables("figures.css"):
        assert all(_contrast(heat[f"heat-{level}"], heat["on-heat"]) >= 4.5 for level in (1, 2, 3))
        assert all(_contrast(heat[f"heat-{level}"], heat["on-strong-heat"]) >= 4.5 for level in (4, 5))


def _whole(value: float) -> str:
    return str(value)


def _lines(count: int = 6, days: int = 5) -> Lines:
    dates = tuple(date(2026, 3, 1) + timedelta(days=number) for number in range(days))
    series = tuple(Series(f"række {number}", tuple(float(number + day) for day in range(days))) for number in range(count))
    return Lines(dates, series, _whole)


def test_lines_differ_by_more_than_their_colour(tmp_path: Path) -> None:
    drawing = Charts(tmp_path).svg(_lines()).decode()
    lines = re.findall(r'style="fill: none; (?:stroke-dasharray: ([^;]+); [^"]*)?stroke: (#\w+); stroke-width: 2', drawing)
    assert len(lines) == 6 and len({dashes for dashes, _ in lines}) == 6


@pytest.mark.parametrize("chart", [
    _lines(days=1),
    _lines(count=2, days=366),
    Lines((date(2026, 3, 1),), (Series("intet", (0,)),), _whole),
    Bars(("en",), (Series("få", (0,)),), _whole),
    Bars(("<b>&", "to"), (Series("før", (1, 2)), Series("$efter$", (3, 4))), _whole),
])
def test_extreme_values_can_be_drawn(tmp_path: Path, chart: Any) -> None:
    assert ElementTree.fromstring(Charts(tmp_path).svg(chart)).tag == f"{SVG}svg"


def test_threads_that_ask_for_pictures_at_once_all_get_theirs(tmp_path: Path) -> None:
    drawn = Charts(tmp_path)
    wanted = [_lines(days=days) for days in range(2, 10)] * 2
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(drawn.svg, wanted))
    assert pictures[:8] == pictures[8:] and len(set(pictures)) == 8


def test_nothing_is_drawn_before_the_server_has_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "SECONDS", 0.01)
    drawn, loading = Charts(tmp_path), Future()  # type: ignore[var-annotated]
    drawn.start(loading)
    with pytest.raises(NotLoaded):
        drawn.svg(_lines())
    loading.set_exception(RuntimeError("no model"))
    assert drawn.svg(_lines())


def test_a_picture_that_cannot_be_drawn_yet_is_asked_for_again(at: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "SECONDS", 0.01)
    at.desk.charts.start(Future())
    answer = at.signed_in("anne").get("/staff/tal/dage.svg")
    assert answer.status_code == 503 and answer.headers["retry-after"] == "30"


def test_labels_move_apart_and_keep_their_order() -> None:
    moved = moved_apart((0.5, 0.1, 0.11, 0.12), 0.1)
    assert moved == pytest.approx([0.5, 0.1, 0.2, 0.3])


# Taking it home


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_taken_home_whole(at: Office, name: str) -> None:
    anne = at.signed_in("anne")
    rows = _csv(anne, name)
    assert len(rows) == len(_table(anne.get("/staff/tal").text, name)) - 1
    assert at.audit()[-1] == ("anne", "figures exported", name, {"rows": str(len(rows))})


def test_a_file_holds_plain_values(at: Office) -> None:
    anne = at.signed_in("anne")
    assert _csv(anne, "dage") == [{"Dag": "2026-03-02", "Samtaler": "2", "Beskeder": "3"}]
    assert _csv(anne, "udfald")[0] == {"Udfald": "Besvaret", "Beskeder": "1", "Andel": "0.3333"}
    assert _csv(anne, "indhold")[1]["Første gang i perioden"] == "2026-03-02T12:00:00+01:00"


def test_a_name_that_is_a_formula_does_nothing_in_a_spreadsheet(at: Office) -> None:
    _said(at, Status.ANSWERED, answer="=HYPERLINK(1)", content="+1+1", model="@m")
    anne = at.signed_in("anne")
    assert "'=HYPERLINK(1)" in [row["Svar"] for row in _csv(anne, "svar")]
    assert "'+1+1" in [row["Udgave"] for row in _csv(anne, "indhold")]
    assert "'@m" in [row["Udgave"] for row in _csv(anne, "modeller")]


@pytest.mark.parametrize("value, said", [
    (Share(0.1234), "12,3\xa0%"), (Points(-0.05), "−5,0"), (Points(0.05), "+5,0"), (1234567, "1.234.567"), (0.256, "0,26"),
    (date(2026, 3, 1), "01.03.2026"), (NOON, "02.03.2026 12.30"), ("tekst", "tekst"),
])
def test_values_are_written_as_danes_write_them(value: Any, said: str) -> None:
    assert written(value) == said

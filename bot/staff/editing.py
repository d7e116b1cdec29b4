"""Writing, submitting and deciding on drafts of texts."""

from __future__ import annotations

from typing import Any, Callable, Optional

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from bot import edition
from bot.finding import Key
from bot.manuscript import Fields
from bot.proof import proof
from bot.publication import Stale, Unfit
from bot.staff import access, texts, view
from bot.staff.access import NotAllowed, Person
from bot.staff.desk import Desk, desk
from bot.staff.draft import MOST_CHARACTERS, fields_of, widgets
from bot.staff.role import Role
from bot.staff.texts import FILES, changes, key_of, path_of, text_page
from bot.store.database import Unavailable
from bot.store.revisions import Conflict, OwnText, Revision, editing, reading
from bot.status import Scope

SHOW, KEEP, SUBMIT = "vis", "gem", "send"
# Empty rows at the end of sources and follow-ups, for more of them.
_SPARE = 2
router = APIRouter(dependencies=[Depends(access.reviewer)])
_genuine = [Depends(access.genuine)]


async def sent(request: Request) -> FormData:
    """The form of a request, whatever its fields."""
    return await request.form()


@router.get("/tekster/{kind}/{id}/ret")
def edit(request: Request, key: Key = Depends(key_of), at: Desk = Depends(desk)) -> Response:
    """The form, with the draft or, where there is none, the current text."""
    access.record(request, "text opened for editing", {}, subject=str(key))
    with reading(at.database) as kept:
        draft = kept.draft(key)
    now = edition.current().manuscript
    if draft:
        return _form(request, key, draft.fields, draft.stamp, draft.base_version)
    return _form(request, key, now.fields(key), 0, now.mark(key).version)


@router.post("/tekster/{kind}/{id}/ret", dependencies=_genuine)
def save(
    request: Request, key: Key = Depends(key_of), form: FormData = Depends(sent),
    stamp: int = Form(0, ge=0), base: int = Form(..., ge=1),
    do: str = Form(KEEP), comment: str = Form("", max_length=MOST_CHARACTERS),
    person: Person = Depends(access.reviewer), at: Desk = Depends(desk),
) -> Response:
    """Show what was typed, keep it, or keep it and ask for approval."""
    fields = fields_of(key, form)
    if do == SHOW:
        return _form(request, key, fields, stamp, base)
    try:
        with editing(at.database) as revisions:
            draft = revisions.save(key, fields, stamp, base, person.name)
    except Conflict as conflict:
        return _conflict(request, key, fields, conflict.kept)
    except Unavailable:
        return _form(request, key, fields, stamp, base, 503, "common.problem.unavailable.text")
    if do != SUBMIT:
        return view.done(request, path_of(key), "texts.done.saved")
    return _submitted(request, draft, comment, person, at)


@router.post("/tekster/{kind}/{id}/vis", dependencies=_genuine)
def show(request: Request, key: Key = Depends(key_of), form: FormData = Depends(sent)) -> Response:
    """The part of the form's page that shows what was typed as patients would see it."""
    return view.page(request, "_preview.html", **_shown(key, fields_of(key, form)))


@router.post("/tekster/{kind}/{id}/send", dependencies=_genuine)
def submit(
    request: Request, key: Key = Depends(key_of), stamp: int = Form(...), comment: str = Form("", max_length=MOST_CHARACTERS),
    person: Person = Depends(access.reviewer), at: Desk = Depends(desk),
) -> Response:
    """Ask for approval of a draft as it is kept."""
    return _decided(request, key, at, "submitted", lambda: at.publication.submit(key, stamp, comment, person.name))


@router.post("/tekster/{kind}/{id}/godkend", dependencies=_genuine)
def approve(
    request: Request, key: Key = Depends(key_of), stamp: int = Form(...), comment: str = Form("", max_length=MOST_CHARACTERS),
    person: Person = Depends(access.approver), at: Desk = Depends(desk),
) -> Response:
    """Publish a draft that others wrote."""
    return _decided(request, key, at, "approved", lambda: at.publication.approve(key, stamp, comment, person.name))


@router.post("/tekster/{kind}/{id}/godkend-som-den-er", dependencies=_genuine)
def approve_as_it_is(
    request: Request, key: Key = Depends(key_of), version: int = Form(...),
    person: Person = Depends(access.approver), at: Desk = Depends(desk),
) -> Response:
    """Approve the text of the files."""
    return _decided(request, key, at, "approved_as_it_is", lambda: at.publication.approve_as_it_is(key, version, person.name))


@router.post("/tekster/{kind}/{id}/afvis", dependencies=_genuine)
def reject(
    request: Request, key: Key = Depends(key_of),
    stamp: int = Form(...), comment: str = Form(..., min_length=1, max_length=MOST_CHARACTERS),
    person: Person = Depends(access.approver), at: Desk = Depends(desk),
) -> Response:
    """Send a draft back with a comment."""

    def decide() -> None:
        with editing(at.database) as revisions:
            revisions.reject(key, stamp, comment, person.name)

    return _decided(request, key, at, "rejected", decide)


@router.post("/tekster/{kind}/{id}/kasser", dependencies=_genuine)
def drop(
    request: Request, key: Key = Depends(key_of), stamp: int = Form(...),
    person: Person = Depends(access.reviewer), at: Desk = Depends(desk),
) -> Response:
    """Give a draft up: one's own, or as an approver any."""

    def decide() -> None:
        with editing(at.database) as revisions:
            dropped = revisions.drop(key, stamp, person.name)
            if person.name not in dropped.authors and not person.may(Role.APPROVER):
                raise NotAllowed()

    return _decided(request, key, at, "dropped", decide)


@router.post("/tekster/{kind}/{id}/flyt", dependencies=_genuine)
def rebase(
    request: Request, key: Key = Depends(key_of), stamp: int = Form(...), version: int = Form(...),
    person: Person = Depends(access.reviewer), at: Desk = Depends(desk),
) -> Response:
    """Take a draft on to the version that was published meanwhile."""

    def decide() -> None:
        now = edition.current().manuscript
        if now.mark(key).version != version:
            raise Stale()
        with editing(at.database) as revisions:
            draft = revisions.draft(key)
            base = texts.base_of(key, draft, revisions.history(key)) if draft else None
            if draft:
                revisions.rebase(key, merged(base, draft.fields, now.fields(key)), stamp, version, person.name)

    return _decided(request, key, at, "rebased", decide)


@router.post("/tekster/{kind}/{id}/rul-tilbage", dependencies=_genuine)
def roll_back(
    request: Request, key: Key = Depends(key_of), to: str = Form(...), version: int = Form(...),
    person: Person = Depends(access.approver), at: Desk = Depends(desk),
) -> Response:
    """Publish an earlier version, or the files' text, anew."""
    with reading(at.database) as kept:
        known = {str(revision.id): revision.fields for revision in kept.history(key)}
    fields = {**known, FILES: edition.of_files().manuscript.fields(key)}.get(to)
    if fields is None:
        raise HTTPException(404)
    return _decided(request, key, at, "rolled_back", lambda: at.publication.roll_back(key, fields, version, person.name))


def merged(base: Optional[Fields], draft: Fields, current: Fields) -> Fields:
    """The current text with the fields that the draft changes; with all of the draft where its base is unknown."""
    return {name: current.get(name) if base and value == base.get(name) else value for name, value in draft.items()}


def _decided(request: Request, key: Key, at: Desk, sentence: str, decide: Callable[[], object]) -> Response:
    """Back to the text after a decision, or what stood in its way."""
    try:
        decide()
    except Conflict:
        return text_page(request, key, at, 409, "texts.refused.changed")
    except Stale:
        return text_page(request, key, at, 409, "texts.refused.stale")
    except Unfit as unfit:
        return text_page(request, key, at, 422, "texts.refused.unfit" if unfit.findings else "")
    except OwnText:
        access.record_refusal(request, "own text")
        return text_page(request, key, at, 403, "texts.refused.own")
    return view.done(request, path_of(key), f"texts.done.{sentence}")


def _submitted(request: Request, draft: Revision, comment: str, person: Person, at: Desk) -> Response:
    """After the draft was kept: submitted, or the form with what stands in the way."""
    try:
        at.publication.submit(draft.key, draft.stamp, comment, person.name)
    except Unfit:
        return _form(request, draft.key, draft.fields, draft.stamp, draft.base_version, 422, "texts.refused.kept")
    except Stale:
        return text_page(request, draft.key, at, 409, "texts.refused.stale")
    except Conflict as conflict:
        return _conflict(request, draft.key, draft.fields, conflict.kept)
    return view.done(request, path_of(draft.key), "texts.done.submitted")


def _conflict(request: Request, key: Key, typed: Fields, kept: Optional[Revision]) -> Response:
    """The form with what was typed, and how it differs from what somebody else has kept meanwhile."""
    now = edition.current().manuscript
    theirs, stamp, base = (kept.fields, kept.stamp, kept.base_version) if kept else (now.fields(key), 0, now.mark(key).version)
    conflict = {"kept": kept, "changes": changes(key, theirs, typed), "theirs": theirs}
    return _form(request, key, typed, stamp, base, 409, "texts.refused.conflict", conflict)


def _form(
    request: Request, key: Key, fields: Fields, stamp: int, base: int, status: int = 200, problem: str = "", conflict: Any = None
) -> Response:
    now = edition.current()
    spare = {
        "sources": [*fields.get("sources", ()), *({"key": "", "section": ""} for _ in range(_SPARE))],
        "follow_ups": [*fields.get("follow_ups", ()), *("" for _ in range(_SPARE))],
    }
    return view.page(
        request,
        "text_edit.html",
        status,
        **_shown(key, fields),
        title=texts.title_of(key),
        widgets=widgets(key),
        fields=fields,
        spare=spare,
        stamp=stamp,
        base=base,
        problem=problem and view.words_of(problem),
        conflict=conflict,
        known_sources=now.content.sources,
        answers=now.content.answers,
        contacts=now.content.contacts,
        scopes=[scope.value for scope in Scope],
        most=MOST_CHARACTERS,
    )


def _shown(key: Key, fields: Fields) -> Any:
    """A draft as patients would see it, and what is wrong with it."""
    findings = proof(edition.current().manuscript, key, fields)
    return {"key": key, "preview": texts.draft_preview(key, fields), "findings": findings, "say": texts.say}

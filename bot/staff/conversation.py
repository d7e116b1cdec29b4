"""One conversation: what the patient saw, what the assistant thought, and what a reviewer makes of it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from bot import edition
from bot.content import Answer, Content
from bot.edition import Edition
from bot.privacy.redactor import NotLoaded
from bot.staff import access, view
from bot.staff.access import Person
from bot.staff.desk import Desk, desk
from bot.staff.inbox import PATH
from bot.staff.lookup import answers_like
from bot.store import inbox
from bot.store.inbox import Malformed
from bot.store.review import MOST_OF_NOTE, MOST_OF_PHRASE, MOST_OF_TAG, Case, Feedback, Label, Taken, Unknown, Verdict
from bot.store.turn import TEXT, Turn

_GUESSES, _FOUND = 5, 8
_UNDO = "fortryd"
router = APIRouter()


@dataclass(frozen=True)
class Guess:
    """An intent that was guessed, with its confidence, and the answers that it may stand for."""

    intent: str
    confidence: float
    answers: Tuple[Answer, ...]


@dataclass(frozen=True)
class Shown:
    """A turn as the page shows it, counted from 1; `given` are the ids of its answers, `found` those of a search for another."""

    number: int
    turn: Turn
    guesses: Tuple[Guess, ...]
    given: Tuple[str, ...]
    removed: Mapping[str, int]
    label: Optional[Label]
    feedback: Optional[Feedback]
    found: Tuple[Answer, ...]

    @property
    def choices(self) -> Tuple[Answer, ...]:
        """The answers to choose the right one of, likeliest first."""
        return tuple({answer.id: answer for guess in self.guesses for answer in guess.answers}.values())

    @property
    def may_be_corrected(self) -> bool:
        """Whether there is something to learn from: a button says one of our own texts."""
        return self.turn.kind == TEXT and not (self.label and self.label.taken)

    @property
    def alarmed(self) -> bool:
        """Whether there was an alarm, or a quiet word on one."""
        return bool(self.turn.screening.flag or self.turn.screening.notice)


@dataclass(frozen=True)
class Problem:
    """What could not be done (a key of the words), in which turn if in one, and what was typed."""

    key: str = ""
    number: int = 0
    typed: Mapping[str, str] = field(default_factory=dict)
    status: int = 422


@router.get("/samtaler/{id}")
def conversation(
    request: Request, id: str, tur: int = 0, q: str = "", person: Person = Depends(access.reviewer), at: Desk = Depends(desk)
) -> Response:
    """A conversation; `q` looks for answers to turn `tur`."""
    return _page(request, at, id, person, tur, q[:MOST_OF_PHRASE])


@router.post("/samtaler/{id}/maerke", dependencies=[Depends(access.genuine)])
def flag(
    request: Request, id: str, flag: bool = Form(...), person: Person = Depends(access.reviewer), at: Desk = Depends(desk)
) -> Response:
    """Put a flag on a conversation, or take it away."""
    with _there():
        at.review.flag(id, flag, person.name)
    return view.done(request, _address(id), "conversation.flagged" if flag else "conversation.unflagged")


@router.post("/samtaler/{id}/emneord", dependencies=[Depends(access.genuine)])
def tag(
    request: Request,
    id: str,
    emneord: str = Form(""),
    fjern: str = Form(""),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Add a tag, or take one away."""
    with _there():
        if fjern:
            at.review.untag(id, fjern, person.name)
            return view.done(request, _address(id), "conversation.untagged")
        try:
            at.review.tag(id, emneord, person.name)
        except (Malformed, NotLoaded) as refused:
            return _page(request, at, id, person, problem=_problem(refused, tag=emneord))
    return view.done(request, _address(id), "conversation.tagged")


@router.post("/samtaler/{id}/note", dependencies=[Depends(access.genuine)])
def note(
    request: Request, id: str, note: str = Form(""), person: Person = Depends(access.reviewer), at: Desk = Depends(desk)
) -> Response:
    """Add a note."""
    with _there():
        try:
            at.review.note(id, note, person.name)
        except (Malformed, NotLoaded) as refused:
            return _page(request, at, id, person, problem=_problem(refused, note=note))
    return view.done(request, _address(id), "conversation.noted")


@router.post("/samtaler/{id}/gennemset", dependencies=[Depends(access.genuine)])
def review(
    request: Request,
    id: str,
    laengde: int = Form(0),
    fortryd: bool = Form(False),
    videre: bool = Form(False),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Mark a conversation of so many turns as reviewed, perhaps going on to the next one; or take that back."""
    with _there():
        if fortryd:
            at.review.unmark(id, person.name)
            return view.done(request, _address(id), "conversation.unreviewed")
        if not at.review.mark_reviewed(id, laengde, person.name):
            return view.done(request, _address(id), "conversation.grown")
    if not videre:
        return view.done(request, _address(id), "conversation.reviewed")
    later = inbox.after(at.database, id)
    if later is None:
        return view.done(request, PATH, "conversation.last_one")
    return view.done(request, _address(later), "conversation.reviewed")


@router.post("/samtaler/{id}/ret", dependencies=[Depends(access.genuine)])
def correct(
    request: Request,
    id: str,
    tur: str = Form(...),
    nummer: int = Form(0),
    valg: str = Form(...),
    flag: str = Form(""),
    tekst: str = Form(""),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Correct a turn: `valg` is a verdict, of an answer with its id behind a blank, or takes the correction back."""
    to = _address(id, nummer)
    with _there():
        try:
            if valg == _UNDO:
                at.review.remove_label(tur, person.name)
                return view.done(request, to, "conversation.uncorrected", number=nummer)
            verdict, value = _chosen(valg, flag)
            before = at.review.label(tur, verdict, value, tekst, person.name)
        except (Malformed, NotLoaded, Taken) as refused:
            return _page(request, at, id, person, nummer, problem=_problem(refused, nummer, phrase=tekst, flag=flag))
    if before and before.reviewer != person.name:
        return view.done(request, to, "conversation.replaced", number=nummer, name=before.reviewer)
    return view.done(request, to, "conversation.corrected", number=nummer)


def _chosen(choice: str, flag: str) -> Tuple[Verdict, str]:
    """The verdict, and the answer or flag that it names. Raises Malformed."""
    name, _, answer = choice.partition(" ")
    live = edition.current()
    known: Dict[str, Tuple[str, Any]] = {
        Verdict.ANSWER: (answer, live.content.answers),
        Verdict.ALARM: (flag, live.flags),
        Verdict.NO_ALARM: ("", ("",)),
        Verdict.NO_ANSWER: ("", ("",)),
    }
    value, among = known.get(name, ("", ()))
    if value not in among:
        raise Malformed("value")
    return Verdict(name), value


@contextmanager
def _there() -> Iterator[None]:
    """Whoever looks for what is not there, or no longer, gets the page that says so."""
    try:
        yield
    except Unknown:
        raise HTTPException(404) from None


def _problem(refused: Exception, number: int = 0, **typed: str) -> Problem:
    if isinstance(refused, Malformed):
        return Problem(refused.field, number, typed)
    if isinstance(refused, Taken):
        return Problem("taken", number, typed, 409)
    return Problem("not_deidentified", number, typed, 503)


def _address(id: str, number: int = 0) -> str:
    return f"{PATH}/{id}" + (f"#tur-{number}" if number else "")


def _page(
    request: Request, at: Desk, id: str, person: Person, number: int = 0, wanted: str = "", problem: Problem = Problem()
) -> Response:
    """The page, which is noted; turn `number` is unfolded, with the answers that `wanted` finds."""
    with _there():
        case = at.review.conversation(id, person.name)
    live = edition.current()
    return view.page(
        request,
        "conversation.html",
        problem.status if problem.key else 200,
        case=case,
        turns=list(_shown(case, live, number, wanted)),
        open=number,
        wanted=wanted,
        problem=problem,
        typed=problem.typed,
        live=live,
        numbers=[contact.tel for contact in live.content.contacts.values() if contact.tel],
        address=_address(id),
        link=f"{at.settings.public_url or f'{request.url.scheme}://{request.url.netloc}'}{_address(id)}",
        limits={"phrase": MOST_OF_PHRASE, "tag": MOST_OF_TAG, "note": MOST_OF_NOTE},
        tags_in_use=inbox.tags_in_use(at.database),
        value_of=lambda label: _value_of(label, live),
    )


def _shown(case: Case, live: Edition, number: int, wanted: str) -> Iterator[Shown]:
    for place, turn in enumerate(case.turns, case.length - len(case.turns) + 1):
        yield Shown(
            number=place,
            turn=turn,
            guesses=tuple(_guesses(turn, live.content)),
            given=tuple(said["custom"]["answer_id"] for said in turn.replies if said["custom"].get("answer_id")),
            removed=Counter(turn.removed),
            label=case.labels.get(turn.id),
            feedback=case.feedback.get(turn.id),
            found=answers_like(wanted, live.content, _FOUND) if place == number and wanted.strip() else (),
        )


def _guesses(turn: Turn, content: Content) -> Iterator[Guess]:
    for intent, confidence in turn.ranking[:_GUESSES]:
        yield Guess(intent, confidence, tuple(_answers(intent, turn, content)))


def _answers(intent: str, turn: Turn, content: Content) -> Iterator[Answer]:
    """The answers that an intent stands for: one, or one for each condition of the reply, or else of all."""
    aspect = content.aspect_of_intent(intent)
    if aspect is None:
        ids = [intent]
    else:
        cells = (content.matrix_cell(said["custom"].get("answer_id", "")) for said in turn.replies)
        ids = [content.matrix_id(condition, aspect) for condition in [cell[0] for cell in cells if cell] or content.conditions]
    return (content.answers[id] for id in ids if id in content.answers)


def _value_of(label: Label, live: Edition) -> str:
    """What a correction names, in words."""
    if label.verdict is Verdict.ANSWER and label.value in live.content.answers:
        return live.content.answers[label.value].question
    if label.verdict is Verdict.ALARM and label.value in live.flags:
        return live.flags[label.value].title
    return label.value

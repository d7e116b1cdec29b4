"""Learning from corrections: those that wait, the difference they make, the round under way, and what came of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from bot import edition
from bot.improvement.build import Busy, base_of
from bot.improvement.job import Improvement, NothingToLearn, Plan
from bot.models import ModelMissing
from bot.staff import access, view
from bot.staff.access import Person
from bot.staff.desk import Desk, desk
from bot.staff.view import words_of
from bot.store.phrases import Phrase
from bot.store.review import Verdict
from bot.store.rounds import Round
from bot.store.audit import note

PATH = "/staff/forbedring"
router = APIRouter()


@dataclass(frozen=True)
class Correction:
    """A correction as the page shows it, and what is said of it in words."""

    phrase: Phrase
    says: str


@dataclass(frozen=True)
class Account:
    """A round as the page tells of it: each changed case in words."""

    round: Round
    why: str
    changes: Tuple[Mapping[str, Any], ...]


@router.get("/forbedring")
def improvement(request: Request, person: Person = Depends(access.reviewer), at: Desk = Depends(desk)) -> Response:
    """The page."""
    work = at.improvement
    running, live, plan = work.settle(), work.rounds.live(), _plan(work)
    is_current = bool(live and plan and live.base == base_of(at.settings).name)
    coming = plan.coming if plan else ()
    with at.database.writing() as connection:
        note(connection, person.name, "corrections seen", {"count": len(coming)})
    return view.page(
        request,
        "improvement.html",
        running=running,
        live=live,
        is_current=is_current,
        is_there=live is not None and work.folders.found(live.id, live.own_detector) is not None,
        plan=plan,
        coming=[_correction(phrase) for phrase in coming],
        unusable=[_correction(phrase) for phrase in plan.unusable] if plan else [],
        replaced=[_correction(phrase) for phrase in plan.taking.replaced] if plan else [],
        learnt=[_correction(phrase) for phrase in _learnt(plan)] if plan else [],
        rounds=[_account(round) for round in work.rounds.latest() if round.ended_at],
    )


@router.post("/forbedring/begynd", dependencies=[Depends(access.genuine)])
def begin(request: Request, person: Person = Depends(access.approver), at: Desk = Depends(desk)) -> Response:
    """Start a round."""
    try:
        at.improvement.begin(person.name)
    except Busy:
        return view.done(request, PATH, "improvement.busy")
    except NothingToLearn:
        return view.done(request, PATH, "improvement.nothing")
    except ModelMissing:
        return view.done(request, PATH, "improvement.missing")
    return view.done(request, PATH, "improvement.began")


@router.post("/forbedring/tilbage", dependencies=[Depends(access.genuine)])
def back(
    request: Request, id: int = Form(...), person: Person = Depends(access.approver), at: Desk = Depends(desk)
) -> Response:
    """Take the round in use out of use."""
    done = at.improvement.back(id, person.name)
    return view.done(request, PATH, "improvement.went_back" if done else "improvement.not_back")


@router.post("/forbedring/udelad", dependencies=[Depends(access.genuine)])
def leave_out(
    request: Request,
    label: Optional[int] = Form(None),
    phrase: Optional[int] = Form(None),
    person: Person = Depends(access.reviewer),
    at: Desk = Depends(desk),
) -> Response:
    """Leave a correction out: one that waits as a label, or a phrase that was taken on."""
    phrases = at.improvement.phrases
    done = label is not None and phrases.leave_out(label, person.name)
    done = done or (phrase is not None and phrases.drop(phrase, person.name))
    return view.done(request, PATH, "improvement.left" if done else "improvement.not_left")


def _plan(work: Improvement) -> Optional[Plan]:
    try:
        return work.plan()
    except ModelMissing:
        return None


def _learnt(plan: Plan) -> List[Phrase]:
    others = {*plan.coming, *plan.unusable}
    return [phrase for phrase in plan.taking.counting if phrase not in others]


def _correction(phrase: Phrase) -> Correction:
    if phrase.kind is Verdict.NO_ALARM:
        return Correction(phrase, words_of("improvement.means_calm"))
    return Correction(phrase, words_of(f"improvement.means_{phrase.kind.value}").format(title=_title(phrase.value)))


def _title(id: str) -> str:
    """What an answer or a flag is called; its id where it does not exist any more."""
    texts = edition.current()
    if id in texts.content.answers:
        return texts.content.answers[id].question
    return texts.flags[id].title if id in texts.flags else id


def _account(round: Round) -> Account:
    why = words_of(f"improvement.why.{round.state.value}").format(failure=round.report.get("failure", ""))
    return Account(round, why, tuple(_change(change) for change in round.report.get("changes", ())))


def _change(change: Mapping[str, Any]) -> Mapping[str, Any]:
    level = words_of("improvement.level").format(level=change["wanted"])
    wanted = {Verdict.ANSWER: _title(change["wanted"]), Verdict.ALARM: level, Verdict.NO_ALARM: words_of("improvement.no_alarm")}
    given = {which: _given(change[which]) for which in ("old", "new")}
    return {**change, **given, "wanted": wanted[Verdict(change["kind"])]}


def _given(given: str) -> str:
    """What came in place of what was wanted: an answer, a flag, a status, or nothing (no alarm)."""
    if not given:
        return words_of("improvement.no_alarm")
    try:
        return words_of(f"improvement.statuses.{given}")
    except KeyError:
        return _title(given)

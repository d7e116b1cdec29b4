"""What patients ask that has no answer: the groups of unanswered messages, and the wish to have them made anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Sequence, Tuple

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from bot import edition
from bot.content import Answer
from bot.embedding import Embedding
from bot.staff import access, view
from bot.staff.desk import Desk, desk
from bot.store.gaps import Example, Gap

PATH = "/staff/uden-svar"
PERIODS = (7, 14, 30)
A_PAGE = 25
_NEAREST = 2
_TALK = "dialog"
router = APIRouter()


@dataclass(frozen=True)
class Group:
    """A group as the page shows it; `most` is the largest of the groups' weeks, which all bars are measured by."""

    messages: int
    weeks: Tuple[int, ...]
    most: int
    examples: Tuple[Example, ...]
    nearest: Tuple[Answer, ...]

    @property
    def title(self) -> str:
        """The most typical message."""
        return self.examples[0].said


@router.get("/uden-svar", dependencies=[Depends(access.reviewer)])
def gaps(request: Request, dage: int = PERIODS[-1], side: int = 1, at: Desk = Depends(desk)) -> Response:
    """A page of the groups, the largest first, those of one message last."""
    now = at.now()
    since = now - timedelta(days=dage)
    sizes = at.gaps.sizes(since, now) if dage in PERIODS else []
    pages = max(1, -(-len(sizes) // A_PAGE))
    if dage not in PERIODS or not 1 <= side <= pages:
        raise HTTPException(404)
    shown = at.gaps.described(sizes[(side - 1) * A_PAGE : side * A_PAGE], since)
    most = max((count for size in sizes for count in size.weeks), default=0)
    access.record(request, "unanswered messages seen", {"groups": str(len(shown)), "days": str(dage), "page": str(side)})
    return view.page(
        request,
        "gaps.html",
        groups=[_group(gap, most) for gap in shown if gap.size.messages > 1],
        alone=[_group(gap, most) for gap in shown if gap.size.messages == 1],
        days=dage,
        periods=PERIODS,
        number=side,
        pages=pages,
        here=f"{PATH}?dage={dage}&side={side}",
        made_at=at.gaps.made_at(),
        running=at.sorter.running,
        by_words=not Embedding.available(),
    )


@router.post("/uden-svar/opdater", dependencies=[Depends(access.reviewer), Depends(access.genuine)])
def update(request: Request, dage: int = Form(PERIODS[-1]), at: Desk = Depends(desk)) -> Response:
    """Have the groups made now."""
    at.sorter.ask()
    access.record(request, "grouping of unanswered messages asked for", {})
    return view.done(request, f"{PATH}?dage={dage}", "gaps.asked")


def _group(gap: Gap, most: int) -> Group:
    return Group(gap.size.messages, gap.size.weeks, most, gap.examples, _answers(gap.nearest))


def _answers(intents: Sequence[str]) -> Tuple[Answer, ...]:
    """The curated answers among intents; some stand for several answers. What is said about the talk itself is no answer."""
    answers = edition.current().content.answers
    return tuple(answers[intent] for intent in intents if intent in answers and answers[intent].topic != _TALK)[:_NEAREST]

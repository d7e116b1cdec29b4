"""Old and new model on the same cases: what became better, what became worse, and whether the new one may be used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple

from bot.answers import Memory, respond, suggest
from bot.content import Content
from bot.improvement.cases import Case, Group
from bot.safety.detector import Detector, Finding
from bot.safety.flags import ORDER, Level
from bot.status import Status
from bot.store.review import Verdict
from bot.understanding import FALLBACK_INTENT, SCREENED, questions_of

if TYPE_CHECKING:
    from rasa.core.agent import Agent

# How right an outcome is. An alarm may be caught at too low a level.
WRONG, PARTLY, RIGHT = 0, 1, 2
_BY_HAND = ("pattern", "dialogue")


class Change(str, Enum):
    """What a report says of a case."""

    BETTER = "better"
    WORSE = "worse"
    STILL_WRONG = "still_wrong"


@dataclass(frozen=True)
class Outcome:
    """How right the reply to a case was, and what it was: an answer's id, a flag, or a status.

    `by_hand`: an alarm that words of content/red_flags.yml raise, which no learning changes.
    """

    grade: int
    given: str
    by_hand: bool = False


@dataclass(frozen=True)
class Result:
    """The outcomes of a case with the old and with the new model."""

    case: Case
    old: Outcome
    new: Outcome

    @property
    def change(self) -> str:
        """What is worth saying of it; empty for nothing."""
        if self.old.grade != self.new.grade:
            return (Change.BETTER if self.new.grade > self.old.grade else Change.WORSE).value
        return Change.STILL_WRONG.value if self.new.grade < RIGHT and self.case.new else ""


@dataclass(frozen=True)
class Comparison:
    """The results of cases; `untouched` are those on alarms where both have the same detector."""

    results: Tuple[Result, ...]
    untouched: Tuple[Case, ...] = ()

    @cached_property
    def is_worse(self) -> bool:
        """Whether anything that was right is not any more. Of corrections held out only their number counts."""
        strict = (result for result in self.results if result.case.group is not Group.HELD_OUT)
        old, new = self._right(Group.HELD_OUT)
        return new < old or any(result.change == Change.WORSE.value for result in strict)

    def as_data(self) -> Dict[str, Any]:
        """The comparison as JSON knows it: figures by group, and each case that changed."""
        return {
            "groups": [self._figures(group) for group in Group],
            "changes": [_described(result) for result in self.results if result.change],
        }

    def _figures(self, group: Group) -> Mapping[str, Any]:
        old, new = self._right(group)
        untouched = sum(case.group is group for case in self.untouched)
        return {"group": group.value, "cases": len(self._of(group)), "old": old, "new": new, "untouched": untouched}

    def _right(self, group: Group) -> Tuple[int, int]:
        found = self._of(group)
        return sum(each.old.grade == RIGHT for each in found), sum(each.new.grade == RIGHT for each in found)

    def _of(self, group: Group) -> List[Result]:
        return [result for result in self.results if result.case.group is group]


def answers(model: Path, cases: Sequence[Case], content: Content) -> List[Outcome]:
    """The outcomes of cases that ask for an answer, with the trained model of a file. Raises what loading it raises."""
    from rasa.core.agent import Agent

    return asyncio.run(_answers(Agent.load(model), cases, content))


def alarms(detector: Detector, cases: Sequence[Case]) -> List[Outcome]:
    """The outcomes of cases that ask for an alarm or for none."""
    return [_missed_or_caught(detector, case) if case.kind is Verdict.ALARM else _calm(detector, case) for case in cases]


async def _answers(agent: "Agent", cases: Sequence[Case], content: Content) -> List[Outcome]:
    return [await _answer(agent, case, content) for case in cases]


async def _answer(agent: "Agent", case: Case, content: Content) -> Outcome:
    """As Rasa and its actions answer: an unclear message gets suggestions. The detector is judged by itself."""
    from rasa.core.channels.channel import UserMessage

    assert agent.processor is not None
    parsed = await agent.processor.parse_message(UserMessage(case.turns[-1], metadata={SCREENED: True}))
    questions, memory = questions_of(parsed), Memory(condition=case.condition or None)
    unclear = parsed["intent"]["name"] == FALLBACK_INTENT
    outcome = suggest(questions[0], memory, content) if unclear else respond(questions, memory, content)
    first = outcome.messages[0]
    given = str(first.custom.get("answer_id", "")) if first.status is Status.ANSWERED else first.status.value
    return Outcome(RIGHT if given == case.wanted else WRONG, given)


def _missed_or_caught(detector: Detector, case: Case) -> Outcome:
    """Of several turns any may raise the alarm; the level counts where there is but one."""
    turns = case.turns
    found = [alarm for n in range(len(turns)) if (alarm := detector.screen(turns[n], turns[:n]).alarm)]
    if not found:
        return Outcome(WRONG, "")
    enough = len(turns) > 1 or ORDER.index(found[0].level) <= ORDER.index(Level(case.wanted))
    return Outcome(RIGHT if enough else PARTLY, found[0].flag.id)


def _calm(detector: Detector, case: Case) -> Outcome:
    verdict = detector.screen(case.turns[-1])
    alarm = verdict.alarm
    return Outcome(WRONG, alarm.flag.id, _raised_by_hand(verdict.findings)) if alarm else Outcome(RIGHT, "")


def _raised_by_hand(findings: Sequence[Finding]) -> bool:
    return any(found.part in _BY_HAND and not found.softened_by for found in findings)


def _described(result: Result) -> Mapping[str, Any]:
    case = result.case
    return {
        "group": case.group.value,
        "kind": case.kind.value,
        "change": result.change,
        "text": " … ".join(case.turns),
        "wanted": case.wanted,
        "old": result.old.given,
        "new": result.new.given,
        "by_hand": result.new.by_hand,
    }

"""A plan and a round in lines for the command line."""

from __future__ import annotations

from typing import Iterator

from bot.improvement.files import Difference
from bot.improvement.job import Plan
from bot.store.rounds import Round, State

_STATES = {
    State.READY: "Nothing got worse. Servers switch to the new model within seconds.",
    State.WORSE: "Something that was right is not any more. The model in use stays.",
    State.FAILED: "The round failed. The model in use stays.",
    State.BACK: "The model before it is in use again.",
}


def plan_lines(plan: Plan) -> Iterator[str]:
    """The difference, and the corrections that are not learnt or replace others."""
    yield from difference_lines(plan.difference)
    for phrase in plan.taking.replaced:
        yield f"replaced by a newer correction: {phrase.text} ({phrase.kind.value} {phrase.value})"
    for phrase in plan.unusable:
        yield f"not learnt, there is no {phrase.value}: {phrase.text}"
    held_out = sum(phrase.held_out for phrase in plan.coming)
    if held_out:
        yield f"{held_out} corrections are held out: they only measure."


def difference_lines(difference: Difference) -> Iterator[str]:
    """The unified diff of all files."""
    return (line for lines in difference.values() for line in lines)


def round_lines(round: Round) -> Iterator[str]:
    """What became of a round: figures, changed cases, verdict."""
    for group in round.report.get("groups", ()):
        untouched = f" ({group['untouched']} untouched)" if group["untouched"] else ""
        yield f"  {group['group']:15} {group['old']:4} of {group['cases']:4} right before, {group['new']:4} now{untouched}"
    for change in round.report.get("changes", ()):
        wanted = change["wanted"] or "no alarm"
        given = f"wanted {wanted}; before {change['old'] or '-'}; now {change['new'] or '-'}"
        yield f"  {change['change']:11} {change['text']} ({given})"
        if change["by_hand"]:
            yield "              a pattern of content/red_flags.yml raises the alarm: mend it there"
    if round.state is State.FAILED:
        yield f"  {round.report.get('failure', '')}: improvements/{round.id}/log in SMERTE_VAR says more."
    yield _STATES[round.state]

"""How much a turn concerns reviewers: what the inbox shows first."""

from __future__ import annotations

from enum import IntEnum

from bot.status import Status
from bot.store.turn import TEXT, Turn

# A classifier that was half sure, in either direction. Its own threshold is 0.45 (bot.safety.model).
_DOUBTFUL_FROM, _DOUBTFUL_TO = 0.2, 0.7
_BY_CLASSIFIER = "classifier"
_SURE = 0.65


class Concern(IntEnum):
    """Why a turn deserves a look; the higher, the sooner."""

    NONE = 0
    UNSURE = 1
    UNANSWERED = 2
    UNHELPFUL = 3
    ALARM = 4


def concern_of(turn: Turn) -> Concern:
    """The concern of a turn as it was answered, before anybody gave feedback or labels."""
    if turn.kind != TEXT:
        return Concern.NONE
    if _is_doubtful(turn):
        return Concern.ALARM
    statuses = {reply["custom"]["status"] for reply in turn.replies}
    if statuses & {Status.FALLBACK.value, Status.ERROR.value}:
        return Concern.UNANSWERED
    if Status.CLARIFY.value in statuses or _hedged(turn):
        return Concern.UNSURE
    return Concern.NONE


def _is_doubtful(turn: Turn) -> bool:
    """Whether an alarm may have been missed, or raised for nothing."""
    screening = turn.screening
    if screening.flag is None:
        return bool(screening.findings) or screening.probability >= _DOUBTFUL_FROM
    by_words = any(found["part"] != _BY_CLASSIFIER and not found["softened_by"] for found in screening.findings)
    return not by_words and screening.probability < _DOUBTFUL_TO


def _hedged(turn: Turn) -> bool:
    return turn.status == Status.ANSWERED.value and bool(turn.ranking) and turn.ranking[0][1] < _SURE

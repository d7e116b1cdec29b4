"""How often each answer and card was given in the messages that are kept, and what patients thought of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from sqlalchemy import func, select

from bot.store.database import Database
from bot.store.tables import feedback, messages


@dataclass(frozen=True)
class Usage:
    """How often a text was shown; how many of its turns got a thumb up or down."""

    shown: int = 0
    helpful: int = 0
    unhelpful: int = 0


def usage(database: Database, only: str = "") -> Dict[str, Usage]:
    """By id of answer or card, of all or of one; those that were never shown are not in it. Raises Unavailable."""
    id = messages.c.answer_id
    wanted = id == only if only else id.isnot(None)
    shown = select(id, func.count()).where(wanted).group_by(id)
    thumbs = (
        select(id, func.sum(feedback.c.helpful), func.count())
        .join(feedback, feedback.c.turn_id == messages.c.turn_id)
        .where(wanted)
        .group_by(id)
    )
    with database.reading() as connection:
        judged = {id: (int(helpful), int(all)) for id, helpful, all in connection.execute(thumbs)}
        counts = {id: int(count) for id, count in connection.execute(shown)}
    return {id: Usage(count, *_thumbs(*judged.get(id, (0, 0)))) for id, count in counts.items()}


def _thumbs(helpful: int, all: int) -> "tuple[int, int]":
    return helpful, all - helpful

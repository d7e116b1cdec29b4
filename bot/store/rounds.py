"""Rounds of improvement: each learns the corrections, compares, and perhaps comes into use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, Optional

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.store.database import Database
from bot.store.tables import rounds
from bot.store.audit import note



# Under this key of a report: whether the round learnt alarms, so that it has a detector of its own.
OWN_DETECTOR = "own_detector"


class State(str, Enum):
    """How far a round is, or what became of it.

    READY came into use, and a later one may have taken its place since; BACK was taken out of use by somebody.
    """

    WAITING = "waiting"
    TRAINING = "training"
    COMPARING = "comparing"
    READY = "ready"
    WORSE = "worse"
    FAILED = "failed"
    BACK = "back"


RUNNING = (State.WAITING, State.TRAINING, State.COMPARING)


@dataclass(frozen=True)
class Round:
    """A round. `base` names the model of the files that it started from; `done` is 0 to 1."""

    id: int
    started_at: datetime
    ended_at: Optional[datetime]
    reviewer: str
    state: State
    step: str
    done: float
    base: str
    report: Mapping[str, Any]
    live: bool

    @property
    def own_detector(self) -> bool:
        """Whether it learnt alarms."""
        return bool(self.report.get(OWN_DETECTOR))


class Rounds:
    """The rounds in a database. Every method blocks and raises Unavailable when the database does not work."""

    def __init__(self, database: Database):
        self._database = database

    def latest(self, most: int = 10) -> List[Round]:
        """The last rounds, the newest first."""
        with self._database.reading() as connection:
            return list(_read(connection, select(rounds).order_by(rounds.c.id.desc()).limit(most)))

    def get(self, id: int) -> Round:
        """A round. Raises StopIteration when there is none such."""
        with self._database.reading() as connection:
            return next(_read(connection, select(rounds).where(rounds.c.id == id)))

    def live(self) -> Optional[Round]:
        """The round in use; None when no improvement is."""
        with self._database.reading() as connection:
            return next(_read(connection, select(rounds).where(rounds.c.live == 1)), None)

    def before(self, round: Round) -> Optional[Round]:
        """The round that was in use before this one, on the same base; None for the base itself."""
        earlier = select(rounds).where(
            rounds.c.id < round.id, rounds.c.state == State.READY.value, rounds.c.base == round.base
        )
        with self._database.reading() as connection:
            return next(_read(connection, earlier.order_by(rounds.c.id.desc()).limit(1)), None)

    def running(self) -> Optional[Round]:
        """The round that is under way."""
        under_way = rounds.c.state.in_([state.value for state in RUNNING])
        with self._database.reading() as connection:
            return next(_read(connection, select(rounds).where(under_way)), None)

    def begin(self, reviewer: str, base: str) -> int:
        """Note a new round; its id."""
        row: Dict[str, Any] = {
            "started_at": _now(), "reviewer": reviewer, "state": State.WAITING.value, "step": "", "done": 0.0,
            "base": base, "report": {}, "live": 0,
        }
        with self._database.writing() as connection:
            id = int(connection.execute(rounds.insert().values(**row)).inserted_primary_key[0])
            note(connection, reviewer, "improvement begun", {}, str(id))
            return id

    def progress(self, id: int, state: State, step: str, done: float) -> None:
        """Say how far a round is."""
        with self._database.writing() as connection:
            _change(connection, id, state=state.value, step=step, done=done)

    def end(self, id: int, state: State, report: Mapping[str, Any]) -> None:
        """Note what became of a round; a READY one comes into use."""
        with self._database.writing() as connection:
            ended = next(_read(connection, select(rounds).where(rounds.c.id == id)))
            if state is State.READY:
                connection.execute(rounds.update().values(live=0))
            live = int(state is State.READY)
            _change(connection, id, state=state.value, ended_at=_now(), done=1.0, report=dict(report), live=live)
            note(connection, ended.reviewer, "improvement ended", {"state": state.value}, str(id))

    def back(self, round: Round, to: Optional[Round], actor: str) -> bool:
        """Take the round in use out of use, for an earlier one or for the base; False when another one is in use."""
        with self._database.writing() as connection:
            out = rounds.update().where(rounds.c.id == round.id, rounds.c.live == 1)
            if not connection.execute(out.values(live=0, state=State.BACK.value)).rowcount:
                return False
            if to is not None:
                _change(connection, to.id, live=1)
            note(connection, actor, "improvement taken back", {"to": to.id if to else None}, str(round.id))
            return True


def _read(connection: Connection, query: Any) -> Iterator[Round]:
    for row in connection.execute(query).mappings():
        yield Round(**{**row, "state": State(row["state"]), "live": bool(row["live"])})


def _change(connection: Connection, id: int, **values: Any) -> None:
    connection.execute(rounds.update().where(rounds.c.id == id).values(**values))


def _now() -> datetime:
    return datetime.now(timezone.utc)

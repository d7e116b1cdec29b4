"""How the turns of a period went: how many, what became of them, when they came, and what changed with a new version.

Hours are counted in UTC and turned into days and hours in Denmark here, so that nights on which the clocks change are
right. Few readings suffice, each grouped by the database: turns by hour and fate, their times, and what hangs on them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from math import ceil
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from sqlalchemy import Column, Integer, MetaData, Table, func, literal_column, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from bot.status import Status
from bot.store.database import Database, is_sqlite
from bot.store.inbox import Query, of_conversation, of_turns
from bot.store.patience import patiently
from bot.store.period import HERE, Period, midnight
from bot.store.tables import conversations, feedback, messages, turns

KEPT_SECONDS = 60.0
_MOST_KEPT = 16
_HOUR = "%Y-%m-%d %H"


@dataclass(frozen=True)
class Tally:
    """Turns by what became of them: the status of the reply's first message."""

    by_status: Mapping[Status, int]

    @property
    def turns(self) -> int:
        """How many turns."""
        return sum(self.by_status.values())

    def count(self, status: Status) -> int:
        """How many turns ended so."""
        return self.by_status.get(status, 0)

    def rate(self, status: Status) -> float:
        """Which part (0 to 1) of the turns ended so; 0 where there are none."""
        return self.count(status) / self.turns if self.turns else 0.0


@dataclass(frozen=True)
class Day:
    """A day in Denmark: conversations that began on it, and its turns."""

    day: date
    conversations: int
    tally: Tally


@dataclass(frozen=True)
class Count:
    """How often something occurred."""

    name: str
    count: int


@dataclass(frozen=True)
class Version:
    """A content version or a model, and how the turns went with it.

    `first_seen` is the hour of its first turn in the period; None when it was in use before.
    """

    name: str
    first_seen: Optional[datetime]
    tally: Tally


@dataclass(frozen=True)
class Statistics:
    """The figures of a period. `week` counts turns, shape (7 weekdays from Monday, 24 hours); response times are in seconds."""

    days: Tuple[Day, ...]
    tally: Tally
    levels: Tuple[Count, ...]
    flags: Tuple[Count, ...]
    topics: Tuple[Count, ...]
    answers: Tuple[Count, ...]
    week: Tuple[Tuple[int, ...], ...]
    median_seconds: Optional[float]
    p95_seconds: Optional[float]
    helpful: int
    unhelpful: int
    contents: Tuple[Version, ...]
    models: Tuple[Version, ...]

    @property
    def conversations(self) -> int:
        """How many conversations began."""
        return sum(day.conversations for day in self.days)


class Census:
    """Counts the turns of a database; what was just counted is kept for the charts and tables of the same page."""

    def __init__(self, database: Database):
        self._database = database
        self._kept: "OrderedDict[Query, Tuple[float, Statistics]]" = OrderedDict()
        self._lock = threading.Lock()

    def anew(self, query: Query) -> Statistics:
        """The figures as they are now. Raises Unavailable."""
        found = statistics(self._database, query)
        with self._lock:
            self._kept[query] = time.monotonic(), found
            self._kept.move_to_end(query)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def recent(self, query: Query) -> Statistics:
        """The figures as they were at most KEPT_SECONDS ago. Raises Unavailable."""
        with self._lock:
            at, found = self._kept.get(query, (float("-inf"), None))
        return found if found and time.monotonic() - at < KEPT_SECONDS else self.anew(query)


def statistics(database: Database, query: Query) -> Statistics:
    """The figures of the turns that a query of the inbox finds, whatever page and order it asks for. Raises Unavailable."""
    with patiently(), database.reading() as connection:
        reading = _Reading(connection, Period(query.first, query.last), _found(connection, query))
        hours, began = reading.hours(), reading.began()
        contents, models = reading.in_use_before()
        answers, opinions = reading.answers(), reading.opinions()
        tally = _tally(hours)
        median, p95 = (reading.seconds_of(part, tally.turns) for part in (0.5, 0.95))
    return Statistics(
        days=_days(hours, began),
        tally=tally,
        levels=_counts((hour.level, hour.turns) for hour in hours),
        flags=_counts((hour.flag, hour.turns) for hour in hours),
        topics=_counts((answer and answer.partition(".")[0], count) for answer, count in answers),
        answers=_counts(answers),
        week=_week(hours),
        median_seconds=median,
        p95_seconds=p95,
        helpful=opinions.get(1, 0),
        unhelpful=opinions.get(0, 0),
        contents=_versions(hours, lambda hour: hour.content, contents),
        models=_versions(hours, lambda hour: hour.model, models),
    )


class _Hour(NamedTuple):
    """The turns of an hour (UTC) that went alike."""

    hour: str
    status: str
    level: Optional[str]
    flag: Optional[str]
    content: str
    model: str
    turns: int


# From so many turns on, indexes are read in their order, and each turn is looked for among those that were found.
_MANY = 20_000


@dataclass(frozen=True)
class _Found:
    """The turns that fit the filters: their keys, in a table that is gone with the transaction; all turns without one."""

    connection: Connection
    keys: Optional[Table] = None
    count: int = 0

    def hold(self, looked_for: bool = False) -> List[Any]:
        """The conditions that a turn is one of them. `looked_for` when the database may not begin with them, be they few."""
        if self.keys is None:
            return []
        return [_key(self.connection, looked_for or self._are_many).in_(select(self.keys.c.key))]

    def refer(self, column: Any, to: Any) -> List[Any]:
        """The conditions that a column of another table names one of them, by this column of turns."""
        wanted = self.hold()
        if not wanted:
            return []
        if self._are_many:
            return [select(turns.c.id).where(to == column, *wanted).exists()]
        return [column.in_(select(to).where(*wanted))]

    @property
    def _are_many(self) -> bool:
        return self.count >= _MANY


def _key(connection: Connection, looked_for: bool = False) -> Any:
    """On SQLite the number of a turn's row: every index holds it, so that no turn itself is read."""
    if not is_sqlite(connection):
        return turns.c.id
    # With the sign no index finds it.
    return literal_column(f"{'+' if looked_for else ''}turns.rowid", Integer())


def _found(connection: Connection, query: Query) -> _Found:
    """The turns of the period that fit the filters: several readings would else each look for them."""
    whenever = replace(query, first=None, last=None)
    conversation, turn = of_conversation(whenever), of_turns(connection, whenever, in_order=False)
    if not conversation and not turn:
        return _Found(connection)
    if conversation:
        turn.append(turns.c.conversation_id.in_(select(conversations.c.id).where(*conversation)))
    key = _key(connection)
    keys = Table("found", MetaData(), Column("key", key.type, primary_key=True), prefixes=["TEMPORARY"])
    keys.create(connection)
    wanted = select(key).where(*Period(query.first, query.last).holds(turns.c.at), *turn)
    connection.execute(keys.insert().from_select(["key"], wanted))
    return _Found(connection, keys, connection.execute(select(func.count()).select_from(keys)).scalar_one())


@dataclass(frozen=True)
class _Reading:
    """The readings of the turns of a period that were found."""

    connection: Connection
    period: Period
    found: _Found

    def hours(self) -> List[_Hour]:
        """By the columns of the index `ix_turns_hour`, in its order."""
        known = turns.c
        hour, fate = self._hour(known.at), (known.status, known.level, known.flag, known.content, known.model)
        query = select(hour, *fate, func.count()).where(*self._came(hour), *self.found.hold()).group_by(hour, *fate)
        return [_Hour(*row) for row in self.connection.execute(query).all()]

    def began(self) -> List[Tuple[str, int]]:
        """Conversations by the hour (UTC) in which they began."""
        hour, those = self._hour(conversations.c.started_at), self.found.refer(conversations.c.id, turns.c.conversation_id)
        query = select(hour, func.count()).select_from(conversations)
        return self._pairs(query.where(*self.period.holds(conversations.c.started_at), *those).group_by(hour))

    def seconds_of(self, part: float, total: int) -> Optional[float]:
        """The response time that this part of all turns did not exceed; None without turns."""
        # SQLite shall go through the index by response times, not sort the turns of the period; the sign tells it so.
        at = literal_column("+turns.at", turns.c.at.type) if is_sqlite(self.connection) else turns.c.at
        ordered = select(turns.c.seconds).where(*self.period.holds(at), *self.found.hold()).order_by(turns.c.seconds)
        found: Optional[float] = self.connection.execute(ordered.offset(max(ceil(part * total) - 1, 0)).limit(1)).scalar()
        return found

    def answers(self) -> List[Tuple[str, int]]:
        """How often each answer was given."""
        answer, those = messages.c.answer_id, self.found.refer(messages.c.turn_id, turns.c.id)
        came = [answer.isnot(None), *self.period.holds(messages.c.at)]
        return self._pairs(select(answer, func.count()).where(*came, *those).group_by(answer))

    def opinions(self) -> Mapping[int, int]:
        """Feedback by whether the answer helped."""
        came = [turns.c.id == feedback.c.turn_id, *self.period.holds(turns.c.at), *self.found.hold(looked_for=True)]
        query = select(feedback.c.helpful, func.count()).where(select(turns.c.id).where(*came).exists())
        return dict(self._pairs(query.group_by(feedback.c.helpful)))

    def in_use_before(self) -> Tuple[Optional[str], Optional[str]]:
        """The content version and the model of the last turn before the period."""
        if self.period.first is None:
            return None, None
        query = select(turns.c.content, turns.c.model).where(turns.c.at < midnight(self.period.first))
        row = self.connection.execute(query.order_by(turns.c.at.desc()).limit(1)).first()
        return (row.content, row.model) if row else (None, None)

    def _pairs(self, query: Select) -> List[Tuple[Any, int]]:
        return [(key, count) for key, count in self.connection.execute(query).all()]

    def _hour(self, column: Any) -> Any:
        """The hour in UTC, as 2026-03-29 01. On SQLite it must read as in the index."""
        if is_sqlite(self.connection):
            return literal_column(f"substr({column.table.name}.{column.name}, 1, 13)")
        return func.to_char(column, "YYYY-MM-DD HH24")

    def _came(self, hour: Any) -> List[Any]:
        """The conditions that turns came in the period; on SQLite by the hour, so that its index is used."""
        return _hours_of(self.period, hour) if is_sqlite(self.connection) else self.period.holds(turns.c.at)


def _hours_of(period: Period, hour: Any) -> List[Any]:
    """A day in Denmark begins with an hour in UTC, too."""
    first, end = period.first, period.last and period.last + timedelta(days=1)
    return ([hour >= _utc(first)] if first else []) + ([hour < _utc(end)] if end else [])


def _utc(day: date) -> str:
    return midnight(day).astimezone(timezone.utc).strftime(_HOUR)


@lru_cache(maxsize=10_000)
def _here(hour: str) -> datetime:
    """An hour in UTC as the time in Denmark."""
    return datetime.strptime(hour, _HOUR).replace(tzinfo=timezone.utc).astimezone(HERE)


def _tally(hours: Iterable[_Hour]) -> Tally:
    sums = _sums((hour.status, hour.turns) for hour in hours)
    return Tally({Status(name): count for name, count in sums.items()})


def _days(hours: Sequence[_Hour], began: Sequence[Tuple[str, int]]) -> Tuple[Day, ...]:
    """Every day from the first to the last with anything on it."""
    by_day = _grouped(hours, lambda hour: _here(hour.hour).date())
    began_on = _sums((_here(hour).date(), count) for hour, count in began)
    known = sorted({*by_day, *began_on})
    every = (known[0] + timedelta(days=number) for number in range((known[-1] - known[0]).days + 1)) if known else ()
    return tuple(Day(day, began_on.get(day, 0), _tally(by_day.get(day, ()))) for day in every)


def _grouped(hours: Iterable[_Hour], key: Callable[[_Hour], Any]) -> Dict[Any, List[_Hour]]:
    groups: Dict[Any, List[_Hour]] = {}
    for hour in hours:
        groups.setdefault(key(hour), []).append(hour)
    return groups


def _week(hours: Iterable[_Hour]) -> Tuple[Tuple[int, ...], ...]:
    sums = _sums(((_here(hour.hour).weekday(), _here(hour.hour).hour), hour.turns) for hour in hours)
    return tuple(tuple(sums.get((weekday, hour), 0) for hour in range(24)) for weekday in range(7))


def _counts(named: Iterable[Tuple[Optional[str], int]]) -> Tuple[Count, ...]:
    """Sums by name, the highest first; what has no name is left out."""
    sums = _sums((name, count) for name, count in named if name)
    return tuple(Count(name, count) for name, count in sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _sums(counted: Iterable[Tuple[Any, int]]) -> Dict[Any, int]:
    sums: Dict[Any, int] = {}
    for key, count in counted:
        sums[key] = sums.get(key, 0) + count
    return sums


def _versions(hours: Iterable[_Hour], key: Callable[[_Hour], str], before: Optional[str]) -> Tuple[Version, ...]:
    """The oldest first."""
    found = sorted((min(hour.hour for hour in group), name, group) for name, group in _grouped(hours, key).items())
    return tuple(Version(name, None if name == before else _here(first), _tally(group)) for first, name, group in found)

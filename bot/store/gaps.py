"""The messages that no curated answer fitted, and how they fall into groups of one meaning.

A message counts when it was met with a fallback or with a question back, or when a reviewer found that no answer fits it;
one that a reviewer labelled otherwise does not. Everything kept here hangs on its turn and goes with it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from sqlalchemy import and_, case, delete, func, or_, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from bot.status import Status
from bot.store.database import Database
from bot.store.patience import patiently
from bot.store.review import Verdict
from bot.store.tables import cluster_turns, clusters, labels, turns, vectors
from bot.store.turn import TEXT

WEEKS = 4
DIMENSIONS = 384
_BYTES = np.dtype(np.float16).itemsize * DIMENSIONS
_EXAMPLES = 9
_UNCLEAR = (Status.FALLBACK.value, Status.CLARIFY.value)
_COUNTS = and_(
    turns.c.kind == TEXT,
    or_(labels.c.kind == Verdict.NO_ANSWER.value, and_(labels.c.kind.is_(None), turns.c.status.in_(_UNCLEAR))),
)
# Any number that other programs on the same PostgreSQL server are unlikely to lock.
_LOCK = 5_651_2861


@dataclass(frozen=True)
class Unanswered:
    """An unanswered message of a turn, and its sentence embedding where that was made: shape (DIMENSIONS,), float32."""

    turn: str
    said: str
    vector: Optional[np.ndarray]


@dataclass(frozen=True)
class Size:
    """How many messages of a group came in a period, and in each of the last WEEKS weeks, the oldest first."""

    group: int
    messages: int
    weeks: Tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A message of a group, and where it stands: the how manyth turn of which conversation."""

    said: str
    at: datetime
    conversation: str
    number: int


@dataclass(frozen=True)
class Gap:
    """A group of unanswered messages: differing ones, the most typical first; and what they were taken for, likeliest first."""

    size: Size
    examples: Tuple[Example, ...]
    nearest: Tuple[str, ...]


class Gaps:
    """Unanswered messages, their vectors and their groups in a database."""

    def __init__(self, database: Database):
        self.database = database

    def unanswered(self, most: int) -> List[Unanswered]:
        """The newest messages, newest first. Raises Unavailable."""
        query = (
            select(turns.c.id, turns.c.said, vectors.c.vector)
            .select_from(
                turns.outerjoin(labels, labels.c.turn_id == turns.c.id).outerjoin(
                    vectors, and_(vectors.c.turn_id == turns.c.id, func.length(vectors.c.vector) == _BYTES)
                )
            )
            .where(_COUNTS)
            .order_by(turns.c.at.desc(), turns.c.id)
            .limit(most)
        )
        with patiently(), self.database.reading() as connection:
            return [Unanswered(turn, said, _vector(held)) for turn, said, held in connection.execute(query)]

    def keep(self, made: Mapping[str, np.ndarray]) -> None:
        """Keep vectors of turns, but for turns that are gone. Raises Unavailable."""
        with self.database.writing() as connection:
            there = _still_there(connection, made)
            connection.execute(delete(vectors).where(vectors.c.turn_id.in_(there)))
            rows = [{"turn_id": turn, "vector": made[turn].astype(np.float16).tobytes()} for turn in there]
            if rows:
                connection.execute(vectors.insert(), rows)

    def write(self, groups: Sequence[Sequence[Sequence[str]]], at: datetime) -> None:
        """Put groups in the place of those before. Raises Unavailable.

        A group is a sequence of differing messages, the most typical first; a message is the ids of the turns that say it.
        """
        rows = [
            {"cluster_id": number, "turn_id": turn, "position": position}
            for number, group in enumerate(groups, 1)
            for position, said in enumerate(group)
            for turn in said
        ]
        with patiently(), self.database.writing() as connection:
            there = _still_there(connection, (row["turn_id"] for row in rows))
            connection.execute(delete(clusters))
            # One group at least, be it an empty one: it tells when that was.
            connection.execute(clusters.insert(), [{"id": number, "made_at": at} for number in range(1, max(1, len(groups)) + 1)])
            kept = [row for row in rows if row["turn_id"] in there]
            if kept:
                connection.execute(cluster_turns.insert(), kept)

    def made_at(self) -> Optional[datetime]:
        """When the groups were made; None before the first time. Raises Unavailable."""
        with self.database.reading() as connection:
            return connection.execute(select(clusters.c.made_at).limit(1)).scalar()

    def sizes(self, since: datetime, now: datetime) -> List[Size]:
        """The groups with messages since then, the largest first. Raises Unavailable."""
        begins = [now - timedelta(weeks=week) for week in range(WEEKS, 0, -1)]
        size = _count_since(since).label("messages")
        query = (
            _grouped(cluster_turns.c.cluster_id, size, *map(_count_since, begins))
            .group_by(cluster_turns.c.cluster_id)
            .having(_count_since(since) > 0)
            .order_by(size.desc(), func.max(turns.c.at).desc(), cluster_turns.c.cluster_id)
        )
        with self.database.reading() as connection:
            return [Size(group, messages, _differences(counts)) for group, messages, *counts in connection.execute(query)]

    def described(self, sizes: Sequence[Size], since: datetime) -> List[Gap]:
        """These groups with their messages since then. Raises Unavailable."""
        with self.database.reading() as connection:
            examples = _examples(connection, sizes, since)
            nearest = _nearest(connection, sizes, since)
        # One of them may just have been deleted.
        there = [size for size in sizes if size.group in examples]
        return [Gap(size, tuple(examples[size.group]), tuple(nearest.get(size.group, ()))) for size in there]

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Whether this process may group now; of several workers on PostgreSQL only one may. Raises Unavailable."""
        if self.database.is_sqlite:
            yield True
            return
        with self.database.reading() as connection:
            mine = bool(connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one())
            # The lock stays, the transaction need not wait for the end of the work.
            connection.commit()
            try:
                yield mine
            finally:
                if mine:
                    connection.execute(select(func.pg_advisory_unlock(_LOCK)))

    def claimed(self) -> bool:
        """Whether some worker on PostgreSQL groups just now. Raises Unavailable."""
        if self.database.is_sqlite:
            return False
        held = text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self.database.reading() as connection:
            return bool(connection.execute(held, {"lock": _LOCK}).scalar_one())


def _vector(held: Optional[bytes]) -> Optional[np.ndarray]:
    return None if held is None else np.frombuffer(held, np.float16).astype(np.float32)


def _still_there(connection: Connection, ids: Iterable[str]) -> "set[str]":
    """Those of the turns that are there, and stay until the transaction ends."""
    query = select(turns.c.id).where(turns.c.id.in_(list(ids))).with_for_update(read=True, key_share=True)
    return set(connection.execute(query).scalars())


def _grouped(*columns: Any) -> Select:
    """A query on the turns of groups that still count."""
    joined = cluster_turns.join(turns, turns.c.id == cluster_turns.c.turn_id).outerjoin(labels, labels.c.turn_id == turns.c.id)
    return select(*columns).select_from(joined).where(_COUNTS)


def _count_since(begin: datetime) -> Any:
    return func.sum(case((turns.c.at >= begin, 1), else_=0))


def _differences(counts: Sequence[int]) -> Tuple[int, ...]:
    """What lies between counts that each hold all later ones."""
    return tuple(count - later for count, later in zip(counts, (*counts[1:], 0)))


def _chosen(query: Select, sizes: Sequence[Size], since: datetime) -> Select:
    return query.where(cluster_turns.c.cluster_id.in_([size.group for size in sizes]), turns.c.at >= since)


def _examples(connection: Connection, sizes: Sequence[Size], since: datetime) -> Dict[int, List[Example]]:
    """For each group the newest turn of each of its most typical messages."""
    group, position = cluster_turns.c.cluster_id, cluster_turns.c.position
    again = func.row_number().over(partition_by=(group, position), order_by=(turns.c.at.desc(), turns.c.id)).label("again")
    place = func.dense_rank().over(partition_by=group, order_by=position).label("place")
    found = _chosen(_grouped(group, turns.c.id, again, place), sizes, since).subquery()
    before = turns.alias()
    number = (
        select(func.count())
        .where(before.c.conversation_id == turns.c.conversation_id, before.c.at <= turns.c.at)
        .scalar_subquery()
    )
    query = (
        select(found.c.cluster_id, turns.c.said, turns.c.at, turns.c.conversation_id, number)
        .join(turns, turns.c.id == found.c.id)
        .where(found.c.again == 1, found.c.place <= _EXAMPLES)
        .order_by(found.c.place)
    )
    examples: Dict[int, List[Example]] = {}
    for cluster, *example in connection.execute(query):
        examples.setdefault(cluster, []).append(Example(*example))
    return examples


def _nearest(connection: Connection, sizes: Sequence[Size], since: datetime) -> Dict[int, List[str]]:
    """For each group the intents that its messages were first taken for, the commonest first."""
    group, guess = cluster_turns.c.cluster_id, turns.c.ranking[(0, 0)].as_string().label("guess")
    rows = _chosen(_grouped(group, guess), sizes, since).subquery()
    query = (
        select(rows.c.cluster_id, rows.c.guess)
        .where(rows.c.guess.is_not(None))
        .group_by(rows.c.cluster_id, rows.c.guess)
        .order_by(func.count().desc(), rows.c.guess)
    )
    nearest: Dict[int, List[str]] = {}
    for found, intent in connection.execute(query):
        nearest.setdefault(found, []).append(intent)
    return nearest

"""Searches of the inbox that people keep under a name, each their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from sqlalchemy import delete, func, select

from bot.store import audit
from bot.store.database import Database
from bot.store.inbox import Malformed, Query
from bot.store.tables import saved_filters

MOST, MOST_OF_NAME = 30, 60


@dataclass(frozen=True)
class Filter:
    """A search of the inbox: the query part of its URL."""

    id: int
    name: str
    query: str


class Filters:
    """The saved searches in a database. Every method raises Unavailable."""

    def __init__(self, database: Database):
        self._database = database

    def of(self, owner: str) -> Tuple[Filter, ...]:
        """The filters of a person, by name."""
        known = saved_filters.c
        query = select(known.id, known.name, known.query).where(known.owner == owner).order_by(known.name)
        with self._database.reading() as connection:
            return tuple(Filter(*row) for row in connection.execute(query))

    def save(self, owner: str, name: str, query: Query) -> None:
        """Keep a search under a name, in the place of one of that name. Raises Malformed, also when there are too many."""
        name = " ".join(name.split())
        if not 0 < len(name) <= MOST_OF_NAME or not name.isprintable():
            raise Malformed("navn")
        known = saved_filters.c
        with self._database.writing() as connection:
            connection.execute(delete(saved_filters).where(known.owner == owner, known.name == name))
            if connection.execute(select(func.count()).where(known.owner == owner)).scalar_one() >= MOST:
                raise Malformed("antal")
            connection.execute(saved_filters.insert(), [{"owner": owner, "name": name, "query": str(query.with_())}])
            audit.note(connection, owner, "filter saved", {"fields": list(query.given)})

    def delete(self, owner: str, id: int) -> None:
        """Delete a filter of a person; nothing happens to somebody else's."""
        with self._database.writing() as connection:
            gone = delete(saved_filters).where(saved_filters.c.owner == owner, saved_filters.c.id == id)
            if connection.execute(gone).rowcount:
                audit.note(connection, owner, "filter deleted", {})

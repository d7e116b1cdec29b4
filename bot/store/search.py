"""Free text: which turns hold every word of a search, each perhaps cut short. What was answered is not searched."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Sequence, Tuple

from sqlalchemy import column, func, literal_column, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from bot.store.database import is_sqlite
from bot.store.tables import turns

# The text index takes letters and digits alone; so no word of a search can be one of its operators.
_WORD = re.compile(r"[^\W_]+")
# What PostgreSQL would read as one word: addresses, paths, and sentences without a blank between.
_JOINERS = "./@_:-+&"
_MANY = 20_000
_SIMPLE = literal_column("'simple'")
_rows = table("search_rows", column("id"), column("turn_id"))
_index = table("search", column("rowid"), column("search"))


def words_of(text: str) -> Tuple[str, ...]:
    """The words of a search, each once, in lower case."""
    return tuple(dict.fromkeys(_WORD.findall(unicodedata.normalize("NFC", text).lower())))


def holds(connection: Connection, text: str, in_order: bool = True) -> Any:
    """The condition that a turn's message holds every word of the text or a word that begins so.

    `in_order` when turns are wanted in an order, and perhaps not all of them.
    """
    words = words_of(text)
    if not is_sqlite(connection):
        return turns.c.id.in_(_found_by_postgresql(words))
    found = select(_index.c.rowid).where(_index.c.search.match(" ".join(f'"{word}"*' for word in words)))
    if in_order and _are_many(connection, found):
        return select(_rows.c.id).where(_rows.c.turn_id == turns.c.id).scalar_subquery().in_(found)
    return turns.c.id.in_(select(_rows.c.turn_id).where(_rows.c.id.in_(found)))


def _are_many(connection: Connection, found: Select) -> bool:
    """Whether it is quicker to look at turns one after another than to begin with those that are found."""
    return bool(connection.execute(select(func.count()).select_from(found.limit(_MANY).subquery())).scalar() == _MANY)


def _found_by_postgresql(words: Sequence[str]) -> Select:
    said = turns.alias()
    separate = func.translate(said.c.said, literal_column(f"'{_JOINERS}'"), literal_column(f"'{' ' * len(_JOINERS)}'"))
    query = func.to_tsquery(_SIMPLE, " & ".join(f"{word}:*" for word in words))
    return select(said.c.id).where(func.to_tsvector(_SIMPLE, separate).op("@@")(query))

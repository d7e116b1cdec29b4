"""The inbox: which conversations reviewers look for, those first that need them most.

A conversation is found when one of its turns fits every condition on turns. Of very many, the first MOST are found.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import Enum
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlencode

from sqlalchemy import and_, case, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from bot.languages import KNOWN
from bot.status import Status
from bot.store import search
from bot.store.concern import Concern
from bot.store.database import Database
from bot.store.period import Period, day_of
from bot.store.tables import conversations as talks
from bot.store.tables import feedback, messages, tags, turns
from bot.store.turn import TEXT

PAGE, MOST = 50, 1000
_FEW = 2000
ANY = "any"
MOST_CHARACTERS, MOST_WORDS = 200, 12
_EXCERPT, _BEFORE_HIT = 160, 40


class Malformed(ValueError):
    """A value that is unknown or has no meaning; `field` says where."""

    def __init__(self, field: str):
        super().__init__(field)
        self.field = field


class Kind(str, Enum):
    """Which conversations, in which order: what needs a reviewer, most pressing first, or all, newest first."""

    NEED = "mine"
    ALL = "alle"


class Opinion(str, Enum):
    """What a visitor said of an answer."""

    UP = "op"
    DOWN = "ned"


class Choice(str, Enum):
    """Yes or no."""

    YES = "ja"
    NO = "nej"


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(given: str) -> int:
        number = int(given) if given.isascii() and given.isdigit() else -1
        return _checked(number, least <= number <= most)

    return read


def _words(given: str) -> str:
    return _checked(given, len(given) <= MOST_CHARACTERS and 0 < len(search.words_of(given)) <= MOST_WORDS)


def _language(given: str) -> str:
    return _checked(given, given in KNOWN)


def _short(given: str) -> str:
    return _checked(given, len(given) <= MOST_CHARACTERS and given.isprintable())


def _checked(value: Any, good: bool) -> Any:
    if not good:
        raise ValueError
    return value


def _field(name: str, read: Callable[[str], Any], default: Any = None) -> Any:
    """A field of a query: its name in a URL, and how it is read there (ValueError when it cannot be)."""
    return field(default=default, metadata={"name": name, "read": read})


@dataclass(frozen=True)
class Query:
    """What is looked for; None leaves a field open. Days are Danish, `below` is a percentage, pages count from 1."""

    kind: Kind = _field("vis", Kind, Kind.NEED)
    text: Optional[str] = _field("tekst", _words)
    first: Optional[date] = _field("fra", day_of)
    last: Optional[date] = _field("til", day_of)
    status: Optional[Status] = _field("status", Status)
    flag: Optional[str] = _field("alarm", _short)
    topic: Optional[str] = _field("emne", _short)
    answer: Optional[str] = _field("svar", _short)
    below: Optional[int] = _field("sikkerhed", _whole(1, 100))
    feedback: Optional[Opinion] = _field("tommel", Opinion)
    language: Optional[str] = _field("sprog", _language)
    length: Optional[int] = _field("laengde", _whole(1, 1000))
    reviewed: Optional[Choice] = _field("gennemset", Choice)
    flagged: Optional[Choice] = _field("flag", Choice)
    tag: Optional[str] = _field("emneord", _short)
    page: int = _field("side", _whole(1, MOST // PAGE), 1)

    @classmethod
    def of(cls, values: Mapping[str, str], known: Mapping[str, Collection[str]]) -> "Query":
        """The query in a URL's values; `known` are the values of fields that content decides. Raises Malformed."""
        chosen = {
            each.name: _read(each.metadata["name"], each.metadata["read"], given, known)
            for each in fields(cls)
            if (given := values.get(each.metadata["name"], "").strip())
        }
        query = cls(**chosen)
        if query.first and query.last and query.last < query.first:
            raise Malformed("til")
        return query

    def __str__(self) -> str:
        """The query part of the URL; each query has one."""
        return urlencode(self.given)

    @property
    def given(self) -> Dict[str, str]:
        """The fields that are not open, as a URL has them."""
        filled = ((each, getattr(self, each.name)) for each in fields(self) if getattr(self, each.name) != each.default)
        return {each.metadata["name"]: str(value.value if isinstance(value, Enum) else value) for each, value in filled}

    def with_(self, **changes: Any) -> "Query":
        """The query with other values, from its first page."""
        return replace(self, **{"page": 1, **changes})


def _read(name: str, read: Callable[[str], Any], given: str, known: Mapping[str, Collection[str]]) -> Any:
    try:
        return _checked(read(given), given in known.get(name, (given,)))
    except ValueError:
        raise Malformed(name) from None


@dataclass(frozen=True)
class Row:
    """A conversation in the inbox. `said` is from the message that made it found; `helpful` holds 1 and 0 as given."""

    id: str
    last_at: datetime
    length: int
    concern: Concern
    reviewed: bool
    flagged: bool
    said: str
    language: str
    statuses: Tuple[str, ...]
    flags: Tuple[str, ...]
    tags: Tuple[str, ...]
    helpful: Tuple[int, ...]


@dataclass(frozen=True)
class Page:
    """A page of what was found; `total` counts to MOST, `more` says that there are others."""

    rows: Tuple[Row, ...]
    total: int
    more: bool
    previous: Optional[int]
    next: Optional[int]


def conversations(database: Database, query: Query) -> Page:
    """The conversations of a query's page. Raises Unavailable."""
    start = (query.page - 1) * PAGE
    with database.reading() as connection:
        conditions = of_turns(connection, query)
        found = connection.execute(_found(connection, query, conditions).limit(MOST + 1)).scalars().all()
        rows = tuple(_rows(connection, found[:MOST][start : start + PAGE], conditions, search.words_of(query.text or "")))
    last = start + PAGE >= min(len(found), MOST)
    return Page(
        rows, min(len(found), MOST), len(found) > MOST, query.page - 1 if start else None, None if last else query.page + 1
    )


def after(database: Database, conversation: str) -> Optional[str]:
    """The conversation that needs a reviewer next after this one; None for the last. Raises Unavailable."""
    place = select(talks.c.concern, talks.c.last_at).where(talks.c.id == conversation)
    with database.reading() as connection:
        at = connection.execute(place).first()
        later = _found(connection, Query(), []).where(*([_comes_after(*at, conversation)] if at else []))
        found: Optional[str] = connection.execute(later.limit(1)).scalar()
    return found


def tags_in_use(database: Database) -> Sequence[str]:
    """All tags of all conversations, in order. Raises Unavailable."""
    with database.reading() as connection:
        return list(connection.execute(select(tags.c.tag).distinct().order_by(tags.c.tag)).scalars())


def _found(connection: Connection, query: Query, conditions: Sequence[Any]) -> Select:
    """The ids of the conversations, in order, of which one turn fits the conditions."""
    found = select(talks.c.id).where(*of_conversation(query))
    if conditions:
        found = found.where(_have_one(connection, conditions))
    if query.kind is Kind.NEED:
        return found.where(talks.c.reviewed_at.is_(None), talks.c.concern > 0).order_by(*_pressing_first())
    return found.order_by(talks.c.last_at.desc(), talks.c.id)


def _have_one(connection: Connection, conditions: Sequence[Any]) -> Any:
    """Where few turns fit, begin with them; else look at one conversation after another until there are enough."""
    few = connection.execute(select(turns.c.conversation_id).where(*conditions).limit(_FEW + 1)).scalars().all()
    if len(few) <= _FEW:
        return talks.c.id.in_(set(few))
    return select(turns.c.id).where(turns.c.conversation_id == talks.c.id, *_one_by_one(conditions)).exists()


def _pressing_first() -> Tuple[Any, ...]:
    return talks.c.concern.desc(), talks.c.last_at.desc(), talks.c.id


def _comes_after(concern: int, last_at: datetime, id: str) -> Any:
    known = talks.c
    at_once = and_(known.last_at == last_at, known.id > id)
    return (known.concern < concern) | and_(known.concern == concern, (known.last_at < last_at) | at_once)


def of_conversation(query: Query) -> List[Any]:
    """The conditions on the conversation alone."""
    known = talks.c
    conditions = Period(first=query.first).holds(known.last_at) + Period(last=query.last).holds(known.started_at)
    if query.length:
        conditions.append(known.length >= query.length)
    if query.reviewed:
        conditions.append(known.reviewed_at.isnot(None) if query.reviewed is Choice.YES else known.reviewed_at.is_(None))
    if query.flagged:
        conditions.append(known.flagged == int(query.flagged is Choice.YES))
    if query.tag:
        conditions.append(known.id.in_(select(tags.c.conversation_id).where(tags.c.tag == query.tag)))
    return conditions


def of_turns(connection: Connection, query: Query, in_order: bool = True) -> List[Any]:
    """The conditions that one of its turns must fit. `in_order` as in bot.store.search.holds."""
    known, conditions = turns.c, Period(query.first, query.last).holds(turns.c.at)
    if query.status:
        conditions.append(known.status == query.status.value)
    if query.flag:
        conditions.append(known.flag.isnot(None) if query.flag == ANY else known.flag == query.flag)
    if query.below:
        conditions.append(known.confidence < query.below / 100)
    if query.language:
        conditions.append(known.language == query.language)
    if query.topic or query.answer:
        conditions.append(known.id.in_(_answered(query)))
    if query.feedback:
        rated = select(feedback.c.turn_id).where(feedback.c.helpful == int(query.feedback is Opinion.UP))
        conditions.append(known.id.in_(rated))
    if query.text:
        conditions.append(search.holds(connection, query.text, in_order))
    return conditions


def _answered(query: Query) -> Select:
    answered = select(messages.c.turn_id)
    if query.topic:
        answered = answered.where(messages.c.topic == query.topic)
    return answered.where(messages.c.answer_id == query.answer) if query.answer else answered


def _one_by_one(conditions: Sequence[Any]) -> List[Any]:
    """All conditions, asked of each turn of a conversation: SQLite would else look through all turns of a status."""
    return [case((and_(*conditions), 1), else_=0) == 1] if conditions else []


def _rows(connection: Connection, ids: Sequence[str], conditions: Sequence[Any], words: Sequence[str]) -> Iterable[Row]:
    among = turns.c.conversation_id.in_(ids)
    known = connection.execute(select(talks).where(talks.c.id.in_(ids))).mappings()
    about = {row["id"]: row for row in known}
    telling = {row["conversation_id"]: row for row in connection.execute(_telling(among, conditions)).mappings()}
    statuses = _grouped(connection, select(turns.c.conversation_id, turns.c.status).where(among).distinct())
    flags = _grouped(connection, select(turns.c.conversation_id, turns.c.flag).where(among, turns.c.flag.isnot(None)).distinct())
    marks = _grouped(connection, select(tags.c.conversation_id, tags.c.tag).where(tags.c.conversation_id.in_(ids)))
    rated = select(turns.c.conversation_id, feedback.c.helpful).join(feedback, feedback.c.turn_id == turns.c.id).where(among)
    opinions = _grouped(connection, rated.distinct())
    for id in ids:
        row, turn = about[id], telling[id]
        yield Row(
            id=id, last_at=row["last_at"], length=row["length"], concern=Concern(row["concern"]),
            reviewed=row["reviewed_at"] is not None, flagged=bool(row["flagged"]),
            said=_excerpt(turn["said"], words), language=turn["language"],
            statuses=statuses.get(id, ()), flags=flags.get(id, ()), tags=marks.get(id, ()), helpful=opinions.get(id, ()),
        )


def _excerpt(said: str, words: Sequence[str]) -> str:
    """The beginning of a message, or of what stands around the first word of a search."""
    begin = max(0, said.lower().find(words[0]) - _BEFORE_HIT) if words else 0
    end = begin + _EXCERPT
    return f"{'…' if begin else ''}{said[begin:end]}{'…' if end < len(said) else ''}"


def _telling(among: Any, conditions: Sequence[Any]) -> Select:
    """Of each conversation the turn that says why it was found: of those that fit, the most pressing, then the newest."""
    known = turns.c
    pressing = (known.concern.desc(), (known.flag.isnot(None)).desc(), (known.kind == TEXT).desc(), known.at.desc())
    place = func.row_number().over(partition_by=known.conversation_id, order_by=pressing).label("place")
    ranked = select(known.conversation_id, known.said, known.language, place).where(among, *_one_by_one(conditions)).subquery()
    return select(ranked).where(ranked.c.place == 1)


def _grouped(connection: Connection, pairs: Select) -> Dict[str, Tuple[Any, ...]]:
    found: Dict[str, List[Any]] = {}
    for id, value in connection.execute(pairs):
        found.setdefault(id, []).append(value)
    return {id: tuple(sorted(values)) for id, values in found.items()}

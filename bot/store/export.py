"""Transcripts, figures and the audit log as CSV or JSON Lines: filtered, streamed, and harmless in a spreadsheet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, TextIO

from defusedcsv import csv
from sqlalchemy import Date, case, cast, func, select
from sqlalchemy.sql import Select

from bot.store import audit
from bot.store.database import Database
from bot.store.patience import patiently
from bot.store.period import HERE, Period
from bot.store.tables import feedback, messages, turns

_AT_ONCE = 500
_TRANSCRIPT = (
    "at", "conversation", "turn", "said", "kind", "status", "flag", "level", "notice", "answers", "language", "intent",
    "confidence", "seconds", "helpful", "model", "content",
)
_FIGURES = ("date", "status", "flag", "turns", "conversations", "mean_seconds", "helpful", "unhelpful")
Row = Mapping[str, Any]


class Form(str, Enum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Filter:
    """Which turns: first and last day (in Denmark), status of the reply, topic or answer given, red flag."""

    first: Optional[date] = None
    last: Optional[date] = None
    status: str = ""
    topic: str = ""
    flag: str = ""

    def narrow(self, query: Select) -> Select:
        """The query on turns, narrowed."""
        query = query.where(*Period(self.first, self.last).holds(turns.c.at))
        if self.status:
            query = query.where(turns.c.status == self.status)
        if self.flag:
            query = query.where(turns.c.flag == self.flag)
        if self.topic:
            said = select(messages.c.turn_id).where((messages.c.topic == self.topic) | (messages.c.answer_id == self.topic))
            query = query.where(turns.c.id.in_(said))
        return query


def transcripts(database: Database, chosen: Filter) -> Iterator[Row]:
    """The turns, oldest first, read as they are written. Raises Unavailable."""
    helpful = select(feedback.c.helpful).where(feedback.c.turn_id == turns.c.id).scalar_subquery()
    answers = (
        select(func.coalesce(_joined(database)(messages.c.answer_id), ""))
        .where(messages.c.turn_id == turns.c.id)
        .scalar_subquery()
    )
    query = select(turns, helpful.label("helpful"), answers.label("answers")).order_by(turns.c.at, turns.c.id)
    with patiently(), database.reading() as connection:
        for row in connection.execution_options(stream_results=True, max_row_buffer=_AT_ONCE).execute(chosen.narrow(query)).mappings():
            yield _transcript(row)


def figures(database: Database, chosen: Filter) -> Iterator[Row]:
    """Turns, conversations, mean seconds and feedback by day, status and flag. Raises Unavailable."""
    day = _day(database)
    query = select(
        day.label("date"),
        turns.c.status,
        turns.c.flag,
        func.count().label("turns"),
        func.count(turns.c.conversation_id.distinct()).label("conversations"),
        func.avg(turns.c.seconds).label("mean_seconds"),
        func.coalesce(func.sum(case((feedback.c.helpful == 1, 1), else_=0)), 0).label("helpful"),
        func.coalesce(func.sum(case((feedback.c.helpful == 0, 1), else_=0)), 0).label("unhelpful"),
    ).select_from(turns.outerjoin(feedback, feedback.c.turn_id == turns.c.id))
    query = chosen.narrow(query).group_by(day, turns.c.status, turns.c.flag).order_by(day, turns.c.status, turns.c.flag)
    with patiently(), database.reading() as connection:
        for row in connection.execute(query).mappings():
            yield {**row, "date": str(row["date"]), "mean_seconds": round(row["mean_seconds"], 3)}


def log(database: Database, chosen: Filter) -> Iterator[Row]:
    """The lines of the audit log in the filter's period, oldest first. Raises Unavailable."""
    period = audit.Search(first=chosen.first, last=chosen.last)
    return (line.as_row() for line in audit.every_line(database, period))


def write(rows: Iterable[Row], form: Form, out: TextIO, columns: List[str]) -> int:
    """Write rows as they come; how many that were."""
    count = 0
    for count, line in enumerate(as_text(rows, form, columns), 0 if form is Form.CSV else 1):
        out.write(line)
    return count


def as_text(rows: Iterable[Row], form: Form, columns: List[str]) -> Iterator[str]:
    """Rows as text, each as it comes. In CSV the names of the columns come first."""
    if form is Form.JSONL:
        yield from (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    sheet = csv.DictWriter(_Through(), columns)
    yield sheet.writeheader()
    for row in rows:
        yield sheet.writerow({column: _cell(row[column]) for column in columns})


WHAT: Dict[str, "tuple[Callable[[Database, Filter], Iterator[Row]], List[str]]"] = {
    "transcripts": (transcripts, list(_TRANSCRIPT)),
    "figures": (figures, list(_FIGURES)),
    "audit": (log, list(audit.COLUMNS)),
}
# What the audit log says of it.
NOTED = {"transcripts": "transcripts exported", "figures": "figures exported", "audit": "audit log exported"}


class _Through:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _cell(value: Any) -> Any:
    """Blanks before a formula would hide it from the writer that defuses formulas, and not from every spreadsheet."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value.lstrip() if isinstance(value, str) else value


def _transcript(row: Row) -> Row:
    intent, confidence = row["ranking"][0] if row["ranking"] else ("", None)
    return {
        "at": row["at"].astimezone(HERE).isoformat(timespec="seconds"),
        "conversation": row["conversation_id"],
        "turn": row["id"],
        **{column: row[column] for column in ("said", "kind", "status", "flag", "level", "notice", "answers", "language")},
        "intent": intent,
        "confidence": confidence,
        "seconds": round(row["seconds"], 3),
        **{column: row[column] for column in ("helpful", "model", "content")},
    }


def _joined(database: Database) -> Callable[[Any], Any]:
    return (lambda column: func.group_concat(column, " ")) if database.is_sqlite else (lambda column: func.string_agg(column, " "))


def _day(database: Database) -> Any:
    """The day of a turn (UTC: a day's border lies one or two hours off midnight in Denmark)."""
    return func.date(turns.c.at) if database.is_sqlite else cast(func.timezone("UTC", turns.c.at), Date)

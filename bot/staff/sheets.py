"""The tables of the figures page, some with a chart that shows the same: for the page, for files, and as pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from bot import edition
from bot.staff.charts import Bars, Chart, Lines, Series
from bot.staff.comparison import compare
from bot.staff.inbox import address
from bot.staff.view import when, words_of
from bot.staff.words import load_staff_words
from bot.status import Status
from bot.store.inbox import Kind, Query
from bot.store.statistics import Count, Statistics, Tally, Version

# How many bars a chart has at most.
_DRAWN = 12
_SPACE, _MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
Cells = Tuple[Any, ...]


class Share(float):
    """A part of a whole, 0 to 1."""


class Points(float):
    """A difference of two shares."""


@dataclass(frozen=True)
class Sheet:
    """A table: its name in addresses, the heads of its columns, and its rows, the first cell of each being its head.

    `links` are where the heads of the rows lead to.
    """

    name: str
    heads: Tuple[str, ...]
    rows: Tuple[Cells, ...]
    chart: Optional[Chart] = None
    links: Tuple[str, ...] = ()

    def as_rows(self) -> Iterable[Dict[str, Any]]:
        """The rows as files hold them: days as 2026-03-01, shares from 0 to 1."""
        return (dict(zip(self.heads, map(_plain, row))) for row in self.rows)


def sheets(figures: Statistics, query: Query, pair: Tuple[str, str] = ("", "")) -> Mapping[str, Sheet]:
    """All tables by name. The pair says which of `versions` are compared."""
    made = (
        _days(figures),
        _outcome(figures),
        _outcome_by_day(figures),
        _levels(figures),
        _flags(figures, query),
        _topics(figures, query),
        _answers(figures, query),
        _week(figures),
        _seconds(figures),
        _feedback(figures),
        _versions("indhold", figures.contents),
        _versions("modeller", figures.models),
        _comparison(figures, pair),
    )
    return {sheet.name: sheet for sheet in made}


def versions(figures: Statistics) -> Mapping[str, Version]:
    """The versions that can be compared, by what addresses call them; of each kind the oldest first."""
    contents = {f"indhold:{version.name}": version for version in figures.contents}
    return {**contents, **{f"model:{version.name}": version for version in figures.models}}


def written(value: Any) -> str:
    """A value as people read it in Danish."""
    if isinstance(value, Share):
        return f"{_decimal(100 * value, 1)}{_SPACE}%"
    if isinstance(value, Points):
        return _decimal(100 * value, 1, "+").replace("-", _MINUS)
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".")
    return _decimal(value, 2) if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(float(value), 4)
    return value.isoformat() if isinstance(value, date) else value


def _decimal(value: float, digits: int, sign: str = "") -> str:
    return f"{value:{sign}.{digits}f}".replace(".", ",")


def _whole(value: float) -> str:
    """A count on an axis, which has marks between whole numbers, too."""
    return written(int(value)) if value == int(value) else ""


def _percent(value: float) -> str:
    return f"{100 * value:.0f}{_SPACE}%"


def _exact_percent(value: float) -> str:
    return written(Share(value))


def _words(kind: str, *names: str) -> Tuple[str, ...]:
    return tuple(words_of(f"figures.{kind}.{name}") for name in names)


def _statuses() -> Tuple[str, ...]:
    return _words("statuses", *(status.value for status in Status))


def _shares(tally: Tally) -> Tuple[Share, ...]:
    return tuple(Share(tally.rate(status)) for status in Status)


def _days(figures: Statistics) -> Sheet:
    heads = _words("heads", "day", "conversations", "turns")
    rows = tuple((day.day, day.conversations, day.tally.turns) for day in figures.days)
    return Sheet("dage", heads, rows, _lines(heads, rows, _whole))


def _outcome(figures: Statistics) -> Sheet:
    rows = tuple(zip(_statuses(), (figures.tally.count(status) for status in Status), _shares(figures.tally)))
    return Sheet("udfald", _words("heads", "outcome", "turns", "share"), rows)


def _outcome_by_day(figures: Statistics) -> Sheet:
    heads = (*_words("heads", "day"), *_statuses())
    rows = tuple((day.day, *_shares(day.tally)) for day in figures.days)
    return Sheet("udfald-dage", heads, rows, _lines(heads, rows, _percent))


def _levels(figures: Statistics) -> Sheet:
    heads = _words("heads", "level", "alarms", "share_of_turns")
    total = figures.tally.turns
    rows = tuple((*_words("levels", level.name), level.count, Share(level.count / total)) for level in figures.levels)
    return Sheet("alarmer", heads, rows, _bars(heads, rows, 1, _whole))


def _flags(figures: Statistics, query: Query) -> Sheet:
    titles = {name: flag.title for name, flag in edition.current().flags.items()}
    rows = tuple((titles.get(flag.name, flag.name), flag.count) for flag in figures.flags)
    return Sheet("tegn", _words("heads", "flag", "alarms"), rows, links=_links(figures.flags, query, "flag"))


def _topics(figures: Statistics, query: Query) -> Sheet:
    heads, titles = _words("heads", "topic", "answers", "share_of_answers"), load_staff_words()["figures"]["topics"]
    total = sum(topic.count for topic in figures.topics)
    rows = tuple((titles.get(topic.name, topic.name), topic.count, Share(topic.count / total)) for topic in figures.topics)
    return Sheet("emner", heads, rows, _bars(heads, rows, 1, _whole), _links(figures.topics, query, "topic"))


def _answers(figures: Statistics, query: Query) -> Sheet:
    questions = {name: answer.question for name, answer in edition.current().content.answers.items()}
    rows = tuple((questions.get(answer.name, answer.name), answer.count) for answer in figures.answers)
    return Sheet("svar", _words("heads", "answer", "times"), rows, links=_links(figures.answers, query, "answer"))


def _week(figures: Statistics) -> Sheet:
    heads = (*_words("heads", "weekday"), *map(str, range(24)))
    return Sheet("uge", heads, tuple((day, *hours) for day, hours in zip(_words("weekdays", *"1234567"), figures.week)))


def _seconds(figures: Statistics) -> Sheet:
    rows = tuple(zip(_words("measures", "median", "p95"), (figures.median_seconds, figures.p95_seconds)))
    return Sheet("svartid", _words("heads", "measure", "seconds"), rows if figures.tally.turns else ())


def _feedback(figures: Statistics) -> Sheet:
    counts = (figures.helpful, figures.unhelpful)
    rows = tuple(zip(_words("opinions", "up", "down"), counts, (Share(count / (sum(counts) or 1)) for count in counts)))
    return Sheet("tommel", _words("heads", "opinion", "times", "share"), rows)


def _versions(name: str, known: Sequence[Version]) -> Sheet:
    heads, before = (*_words("heads", "version", "first_seen", "turns"), *_statuses()), words_of("figures.before")
    rows = tuple((version.name, version.first_seen or before, version.tally.turns, *_shares(version.tally)) for version in known)
    return Sheet(name, heads, rows)


def _comparison(figures: Statistics, pair: Tuple[str, str]) -> Sheet:
    heads, known = _words("heads", "outcome", "former", "latter", "difference", "low", "high", "judgement"), versions(figures)
    if not {*pair} <= {*known}:
        return Sheet("sammenligning", heads, ())
    chance, real = _words("judgements", "chance", "real")
    rows = tuple(
        (
            status, Share(change.before), Share(change.after), Points(change.after - change.before),
            Points(change.low), Points(change.high), chance if change.may_be_chance else real,
        )
        for status, change in zip(_statuses(), compare(known[pair[0]].tally, known[pair[1]].tally))
    )
    return Sheet("sammenligning", heads, rows, _bars(heads, rows, 2, _exact_percent))


def _links(counts: Sequence[Count], query: Query, field: str) -> Tuple[str, ...]:
    """To the conversations of each."""
    return tuple(address(query.with_(kind=Kind.ALL, **{field: count.name})) for count in counts)


def _lines(heads: Sequence[str], rows: Sequence[Cells], written: Any) -> Optional[Chart]:
    """A line for each column but the first, which holds the days; None without rows."""
    days, *columns = zip(*rows) if rows else ((),)
    series = tuple(Series(head, column) for head, column in zip(heads[1:], columns))
    return Lines(days, series, written) if rows else None


def _bars(heads: Sequence[str], rows: Sequence[Cells], count: int, written: Any) -> Optional[Chart]:
    """Bars for so many columns after the first, which holds their names; None without rows."""
    names, *columns = zip(*rows[:_DRAWN]) if rows else ((),)
    series = tuple(Series(head, column) for head, column in zip(heads[1 : count + 1], columns))
    return Bars(names, series, written) if rows else None

"""Days as they are in Denmark, over times that are kept in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, List, Optional
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/Copenhagen")
_DAYS = (date(2020, 1, 1), date(2099, 12, 31))


@dataclass(frozen=True)
class Period:
    """From a first to a last day, both of them included; open where a day is missing."""

    first: Optional[date] = None
    last: Optional[date] = None

    def holds(self, column: Any) -> List[Any]:
        """The conditions that a column's time lies in the period."""
        since = [column >= midnight(self.first)] if self.first else []
        until = [column < midnight(self.last + timedelta(days=1))] if self.last else []
        return since + until


def day_of(text: str) -> date:
    """The day that a form sends as 2026-03-01. Raises ValueError for anything else and for years that cannot be meant."""
    day = date.fromisoformat(text)
    if not _DAYS[0] <= day <= _DAYS[1]:
        raise ValueError
    return day


def midnight(day: date) -> datetime:
    """When a day begins in Denmark."""
    return datetime.combine(day, time(), HERE)

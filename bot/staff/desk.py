"""What the staff's pages work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Callable

from argon2 import PasswordHasher
from fastapi import Request

from bot.improvement.job import Improvement
from bot.privacy.redactor import Redactor
from bot.publication import Publication
from bot.settings import Settings
from bot.sorter import Sorter
from bot.staff.charts import Charts
from bot.store.accounts import HASHER, Accounts, utc_now
from bot.store.database import Database
from bot.store.filters import Filters
from bot.store.gaps import Gaps
from bot.store.review import Review
from bot.store.sessions import Sessions
from bot.store.statistics import Census


@dataclass(frozen=True)
class Desk:
    """The database and the settings; what hashes passwords, what de-identifies what staff write, and the clock."""

    settings: Settings
    database: Database
    hasher: PasswordHasher = HASHER
    now: Callable[[], datetime] = utc_now
    redactor: Redactor = field(default_factory=Redactor)

    @cached_property
    def accounts(self) -> Accounts:
        """Who may sign in."""
        return Accounts(self.database, self.hasher, self.now)

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        return Sessions(self.database, self.now)

    @cached_property
    def publication(self) -> Publication:
        """What publishes texts."""
        return Publication(self.database, self.settings.folder / "published.json")

    @cached_property
    def census(self) -> Census:
        """Who counts."""
        return Census(self.database)

    @cached_property
    def improvement(self) -> Improvement:
        """What learns from corrections."""
        return Improvement(self.settings, self.database)

    @cached_property
    def charts(self) -> Charts:
        """Who draws."""
        return Charts(self.settings.folder / "matplotlib")

    @cached_property
    def review(self) -> Review:
        """What reviewers make of conversations."""
        return Review(self.database, lambda text: self.redactor.redact_here(text).text, self.now)

    @cached_property
    def filters(self) -> Filters:
        """Searches of the inbox that people keep."""
        return Filters(self.database)

    @cached_property
    def gaps(self) -> Gaps:
        """What has no answer."""
        return Gaps(self.database)

    @cached_property
    def sorter(self) -> Sorter:
        """Who groups what has no answer."""
        return Sorter(self.gaps, self.now)


def desk(request: Request) -> Desk:
    """The desk, as a dependency of a route."""
    found: Desk = request.app.state.desk
    return found

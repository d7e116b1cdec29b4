"""Accounts of staff: names, roles and passwords; and how often somebody may try to guess one."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.store.audit import note
from bot.store.database import Database
from bot.store.sessions import end_sessions
from bot.store.tables import staff
from bot.store.transcripts import JOB, VISITOR

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
LEAST_CHARACTERS, MOST_CHARACTERS, LEAST_DIFFERENT = 12, 200, 5
# Who acts in the audit log without an account.
NOBODY, COMMAND_LINE, PROVIDER = "nobody", "command line", "openid connect"
_RESERVED = {VISITOR, JOB, NOBODY}
_NAME = re.compile(r"[a-zæøå0-9][a-zæøå0-9._@-]{1,59}")
_MOST_STRANGERS = 1000
# OWASP's parameters for Argon2id: 19 MB. Guesses in great number shall not take processor and memory from the chat.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Flaw(str, Enum):
    """Why an account cannot be so."""

    NAME_FORM = "name_form"
    NAME_TAKEN = "name_taken"
    NAME_UNKNOWN = "name_unknown"
    PASSWORD_SHORT = "password_short"
    PASSWORD_LONG = "password_long"
    PASSWORD_WEAK = "password_weak"


class Unfit(Exception):
    """The account cannot be so."""

    def __init__(self, flaw: Flaw):
        super().__init__(flaw.value)
        self.flaw = flaw


class WrongPassword(Exception):
    """Name or password is wrong, or the account is not in use."""


class TurnedOff(Exception):
    """The account is not in use."""


class Locked(Exception):
    """Too many failures: no password is looked at before `until`."""

    def __init__(self, until: datetime):
        super().__init__()
        self.until = until


@dataclass(frozen=True)
class Account:
    """A member of staff."""

    name: str
    role: str
    active: bool
    has_password: bool
    locked_until: Optional[datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)


class Accounts:
    """The accounts in a database. Every method blocks and raises Unavailable when the database does not work."""

    def __init__(self, database: Database, hasher: PasswordHasher = HASHER, now: Callable[[], datetime] = utc_now):
        self.database, self.now = database, now
        self._hasher = hasher
        self._hashing = threading.Lock()
        self._strangers = Strangers()

    def all(self) -> Tuple[Account, ...]:
        """All accounts, by name."""
        with self.database.reading() as connection:
            return tuple(_account(row) for row in connection.execute(select(staff).order_by(staff.c.name)))

    def find(self, name: str) -> Optional[Account]:
        """The account of a name."""
        with self.database.reading() as connection:
            row = connection.execute(select(staff).where(staff.c.name == name)).first()
        return _account(row) if row else None

    def add(self, name: str, role: str, password: str, actor: str = COMMAND_LINE) -> None:
        """A new account. Raises Unfit."""
        _check_password(spelled(name), password)
        hashed = self._hash(password)
        with self.database.writing() as connection:
            name = _free_name(connection, [name])
            _insert(connection, self.now(), name=name, role=role, password=hashed)
            note(connection, actor, "account added", {"role": role}, name)

    def change_password(self, name: str, password: str, actor: str = COMMAND_LINE, keep: Optional[str] = None) -> None:
        """Another password; ends a lock-out and all sessions but the one with the id `keep`. Raises Unfit."""
        _check_password(spelled(name), password)
        hashed = self._hash(password)
        self._change(name, actor, "password changed", {}, keep, password=hashed, failures=0, locked_until=None)

    def change_role(self, name: str, role: str, actor: str = COMMAND_LINE) -> None:
        """Another role; ends all sessions. Raises Unfit."""
        self._change(name, actor, "role changed", {"role": role}, role=role)

    def set_active(self, name: str, active: bool, actor: str = COMMAND_LINE) -> None:
        """Let an account sign in, or no longer; ends a lock-out and all sessions. Raises Unfit."""
        action = "account turned on" if active else "account turned off"
        self._change(name, actor, action, {}, active=int(active), failures=0, locked_until=None)

    def verify(self, name: str, password: str) -> Account:
        """The account that name and password belong to. Raises WrongPassword, Locked.

        Each failure counts before the password is looked at, so that many attempts at once are not more than five. A name
        without an account is treated and takes as long as one with.
        """
        row = self._attempt(spelled(name))
        if not self._matches(row, password) or not row.active:
            self._note_failure(row)
            raise WrongPassword()
        return self._succeeded(row, password)

    def admit(self, subject: str, names: Iterable[str], role: str) -> Account:
        """The account of somebody whom another server vouches for, with the role that it tells. Raises Unfit, TurnedOff.

        It is made at the first time, under the first of the names that can be one. An account with a password is never
        taken over: whoever chooses names there would else choose who they are here.
        """
        with self.database.writing() as connection:
            row = connection.execute(select(staff).where(staff.c.subject == subject).with_for_update()).first()
            if row is None:
                name = _free_name(connection, names)
                _insert(connection, self.now(), name=name, role=role, subject=subject)
                note(connection, PROVIDER, "account added", {"role": role}, name)
            elif not row.active:
                raise TurnedOff()
            elif row.role != role:
                _set(connection, row.name, PROVIDER, "role changed", {"role": role}, role=role)
            return _account(connection.execute(select(staff).where(staff.c.subject == subject)).one())

    def _attempt(self, name: str) -> Any:
        """The row of an account (None for a name without one), with one more failure counted. Raises Locked."""
        now = self.now()
        with self.database.writing() as connection:
            row = _row(connection, name)
            until = row.locked_until if row else self._strangers.locked_until(name)
            if not (until and until > now):
                _count(connection, row, now) if row else self._strangers.count(name, now)
                return row
            note(connection, NOBODY, "sign-in refused: locked", {"account": bool(row)}, row.name if row else "")
        raise Locked(until)

    def _matches(self, row: Any, password: str) -> bool:
        known = row is not None and row.password is not None
        hashed = row.password if known else self._nobodys
        try:
            with self._hashing:
                return self._hasher.verify(hashed, _normal(password)) and known
        except (VerificationError, InvalidHashError):
            return False

    def _succeeded(self, row: Any, password: str) -> Account:
        """Forget the failures; hash the password anew where our parameters have changed. Raises WrongPassword."""
        values: Dict[str, Any] = {"failures": 0, "locked_until": None}
        if self._hasher.check_needs_rehash(row.password):
            values["password"] = self._hash(password)
        with self.database.writing() as connection:
            # Not when somebody set another password in this moment.
            unchanged = staff.update().where(staff.c.name == row.name, staff.c.password == row.password)
            if not connection.execute(unchanged.values(**values)).rowcount:
                raise WrongPassword()
        return _account(row)

    def _note_failure(self, row: Any) -> None:
        """A name without an account is not written down: it may be a password in the wrong field."""
        with self.database.writing() as connection:
            note(connection, NOBODY, "sign-in failed", {"account": bool(row)}, row.name if row else "")
            if row and _counted(row.failures, row.locked_until, self.now())[1]:
                note(connection, NOBODY, "account locked", {"minutes": LOCKED_FOR.seconds // 60}, row.name)

    def _hash(self, password: str) -> str:
        with self._hashing:
            return self._hasher.hash(_normal(password))

    def _change(self, name: str, *change: Any, **values: Any) -> None:
        with self.database.writing() as connection:
            _set(connection, spelled(name), *change, **values)

    @cached_property
    def _nobodys(self) -> str:
        return self._hash("nobody's password")


class Strangers:
    """Failures of names without an account: who guesses shall not learn from a lock-out which names there are.

    They are kept in this process alone, and only the latest: names can be made up without end.
    """

    def __init__(self) -> None:
        self._failures: "OrderedDict[str, Tuple[int, Optional[datetime]]]" = OrderedDict()
        self._lock = threading.Lock()

    def locked_until(self, name: str) -> Optional[datetime]:
        """When the name may be tried again; None for a name that is not locked."""
        with self._lock:
            return self._failures.get(_short(name), (0, None))[1]

    def count(self, name: str, now: datetime) -> None:
        """One more failure."""
        with self._lock:
            self._failures[_short(name)] = _counted(*self._failures.pop(_short(name), (0, None)), now)
            while len(self._failures) > _MOST_STRANGERS:
                self._failures.popitem(last=False)


def spelled(name: str) -> str:
    """A name as accounts have it: people write capitals and blanks."""
    return unicodedata.normalize("NFC", name).strip().lower()


def _normal(password: str) -> str:
    """The password as it is hashed: keyboards differ in how they write an å. What is too long was never accepted."""
    return unicodedata.normalize("NFKC", password[: MOST_CHARACTERS + 1])


def _free_name(connection: Connection, names: Iterable[str]) -> str:
    fit = [name for name in map(spelled, names) if _NAME.fullmatch(name) and name not in _RESERVED]
    if not fit:
        raise Unfit(Flaw.NAME_FORM)
    if _row(connection, fit[0]):
        raise Unfit(Flaw.NAME_TAKEN)
    return fit[0]


def _check_password(name: str, password: str) -> None:
    """Raises Unfit."""
    if len(password) < LEAST_CHARACTERS:
        raise Unfit(Flaw.PASSWORD_SHORT)
    if len(password) > MOST_CHARACTERS:
        raise Unfit(Flaw.PASSWORD_LONG)
    if len(set(password)) < LEAST_DIFFERENT or len(password.lower().replace(name, "")) < LEAST_CHARACTERS:
        raise Unfit(Flaw.PASSWORD_WEAK)


def _short(name: str) -> str:
    return name[:MOST_CHARACTERS]


def _counted(failures: int, locked_until: Optional[datetime], now: datetime) -> Tuple[int, Optional[datetime]]:
    """Failures and lock-out after one more failure; a lock-out that is over is forgotten."""
    failures = 1 if locked_until else failures + 1
    return failures, now + LOCKED_FOR if failures >= MOST_FAILURES else None


def _count(connection: Connection, row: Any, now: datetime) -> None:
    failures, until = _counted(row.failures, row.locked_until, now)
    connection.execute(staff.update().where(staff.c.name == row.name).values(failures=failures, locked_until=until))


def _row(connection: Connection, name: str) -> Any:
    """The row of a name; on PostgreSQL locked until the end of the transaction, as SQLite locks everything."""
    if not _NAME.fullmatch(name):
        return None
    return connection.execute(select(staff).where(staff.c.name == name).with_for_update()).first()


def _insert(connection: Connection, now: datetime, **values: Any) -> None:
    connection.execute(staff.insert(), [{"active": 1, "failures": 0, "created_at": now, **values}])


def _set(
    connection: Connection, name: str, actor: str, action: str, detail: Mapping[str, Any],
    keep: Optional[str] = None, **values: Any,
) -> None:
    """Change an account and end its sessions but the one with the id `keep`. Raises Unfit."""
    if not connection.execute(staff.update().where(staff.c.name == name).values(**values)).rowcount:
        raise Unfit(Flaw.NAME_UNKNOWN)
    note(connection, actor, action, {**detail, "sessions_ended": end_sessions(connection, name, keep)}, name)


def _account(row: Any) -> Account:
    return Account(row.name, row.role, bool(row.active), row.password is not None, row.locked_until)

"""Who may see and do what on the staff's pages: dependencies of the routes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Mapping, Optional

from fastapi import Form, Request
from starsessions import get_session_id, regenerate_session_id

from bot.staff import browser
from bot.staff.desk import desk
from bot.staff.role import Role
from bot.store.accounts import NOBODY, Account
from bot.store.audit import note
from bot.store.sessions import ACCOUNT

BROWSER, _MARK, _TOKEN = "browser", "mark", "csrf"
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True)
class Person:
    """A member of staff who is signed in."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the person has this role or a higher one."""
        return _RANK[self.role] >= _RANK[role]


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer."""


class NotAllowed(Exception):
    """The person's role does not allow it."""


class Forged(Exception):
    """The form was not made by this server for this session."""


def reviewer(request: Request) -> Person:
    """The person who is signed in, with the role of this moment. Raises SignInNeeded, Unavailable."""
    known = person(request)
    if known is None:
        request.state.person = known = _signed_in(request)
    return known


def approver(request: Request) -> Person:
    """A person who may approve. Raises SignInNeeded, NotAllowed."""
    return _with(Role.APPROVER, request)


def admin(request: Request) -> Person:
    """A person who may do everything. Raises SignInNeeded, NotAllowed."""
    return _with(Role.ADMIN, request)


def person(request: Request) -> Optional[Person]:
    """The person whom a route of this request has asked for already."""
    found: Optional[Person] = getattr(request.state, "person", None)
    return found


def sign_in(request: Request, account: Account, by: str) -> None:
    """A session of this account in place of the one so far, under an id that nobody knew before. Raises Unavailable."""
    record(request, "signed in", {"by": by}, account.name, account.name)
    desk(request).sessions.begin(_renewed(request), account.name)
    request.session.update({ACCOUNT: account.name, _MARK: browser.mark_of(request), BROWSER: browser.name_of(request)})


def sign_out(request: Request) -> None:
    """The session ends here and on the server. Raises SignInNeeded, Unavailable."""
    name = reviewer(request).name
    _renewed(request)
    record(request, "signed out", {}, name, name)
    request.state.person = None


def record(request: Request, action: str, detail: Mapping[str, str], actor: str = "", subject: str = "") -> None:
    """A line in the audit log; the actor is the person of this request unless told. Raises Unavailable."""
    known = person(request)
    with desk(request).database.writing() as connection:
        note(connection, actor or (known.name if known else NOBODY), action, detail, subject)


def record_refusal(request: Request, why: str) -> None:
    """A line in the audit log: who tried what that is not allowed. Raises Unavailable."""
    record(request, f"refused: {why}", {"method": request.method, "route": request.scope["route"].path})


def is_signed_in(request: Request) -> bool:
    """Whether the session is somebody's. Raises Unavailable."""
    try:
        return bool(reviewer(request))
    except SignInNeeded:
        return False


def form_token(request: Request) -> str:
    """What each form of this session carries (OWASP's synchronizer token pattern)."""
    return str(request.session.setdefault(_TOKEN, secrets.token_urlsafe(24)))


def is_genuine(request: Request, token: str) -> bool:
    """Whether a form with this token was made for this session."""
    return secrets.compare_digest(token.encode(), form_token(request).encode())


def genuine(request: Request, csrf: str = Form("")) -> None:
    """The form was made for this session of a person who is signed in. Raises Forged, SignInNeeded."""
    reviewer(request)
    if not is_genuine(request, csrf):
        raise Forged()


def _with(role: Role, request: Request) -> Person:
    known = reviewer(request)
    if not known.may(role):
        raise NotAllowed()
    return known


def _signed_in(request: Request) -> Person:
    name = str(request.session.get(ACCOUNT, ""))
    account = desk(request).accounts.find(name) if name else None
    if account is None or not account.active:
        raise SignInNeeded()
    if request.session.get(_MARK) != browser.mark_of(request):
        record(request, "session ended: another browser", {}, NOBODY, name)
        _renewed(request)
        raise SignInNeeded()
    return Person(name, Role(account.role))


def _renewed(request: Request) -> str:
    """The id of an empty session that takes the place of this one, which ends on the server."""
    desk(request).sessions.end(get_session_id(request))
    request.session.clear()
    return regenerate_session_id(request)

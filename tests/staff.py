"""The staff's site over a fresh database, with four people who can sign in, as tests use it."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import uvicorn
from argon2 import PasswordHasher
from httpx import Response
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from bot.paths import WEB
from bot.privacy.redactor import Redactor
from bot.settings import Settings
from bot.staff.desk import Desk
from bot.staff.site import create_site
from bot.store.database import Database
from bot.store.tables import audit
from tests.conftest import free_port

PASSWORD = "en lang adgangskode"
ROLES = {"anne": "reviewer", "bo": "approver", "carl": "approver", "dorte": "admin"}
# Quick enough for a test.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class Clock:
    """The time, which only tests move."""

    def __init__(self) -> None:
        self.time = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        """The time."""
        return self.time

    def move(self, **by: float) -> None:
        """Let time pass: `minutes=5`."""
        self.time += timedelta(**by)


class Client(TestClient):
    """A browser. It follows no redirects, and sends forms as a browser does: with what is hidden in them."""

    def post_form(self, path: str, fields: Any = None, /, *, of: str = "", **more: Any) -> Response:
        """Send a form with its token, taken from the page `of` (one's own account when signed in, else the sign-in form)."""
        return self.post(path, data={"csrf": self.token(of), **dict(fields or {}), **more})

    def token(self, page: str = "") -> str:
        """The token of this session's forms."""
        for path in [page] if page else ["/staff/konto", "/staff/ind"]:
            found = _TOKEN.search(self.get(path).text)
            if found:
                return unescape(found[1])
        raise AssertionError("no page has a form")

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> Response:
        """Send the sign-in form."""
        return self.post_form("/staff/ind", {"name": name, "password": password, **more}, of="/staff/ind")


@dataclass(frozen=True)
class Office:
    """The site, mounted as the program mounts it; what it works with; and its clock."""

    desk: Desk
    site: Starlette
    clock: Clock

    @property
    def database(self) -> Database:
        """The database of the site."""
        return self.desk.database

    def visitor(self, agent: str = "a browser", address: str = "http://testserver") -> Client:
        """A browser in which nobody is signed in."""
        return Client(self.site, address, follow_redirects=False, raise_server_exceptions=False, headers={"user-agent": agent})

    def signed_in(self, name: str, agent: str = "a browser") -> Client:
        """A browser in which anne, bo, carl or dorte is signed in."""
        client = self.visitor(agent)
        answer = client.sign_in(name)
        assert answer.status_code == 303, answer.text
        return client

    def audit(self) -> List[Tuple[str, str, str, Dict[str, Any]]]:
        """The audit log, oldest first: actor, action, subject, detail."""
        with self.database.reading() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.id)).all()
        return [(row.actor, row.action, row.subject, row.detail) for row in rows]


def office(folder: Path, url: str = "", redactor: Optional[Redactor] = None, **settings: Any) -> Office:
    """A site over a new SQLite database in a folder, or over the database of an address.

    What staff write of conversations is kept only with a redactor that is loaded.
    """
    database, clock = Database(url or f"sqlite:///{folder / 'staff.sqlite'}"), Clock()
    database.migrate()
    desk = Desk(Settings(var=folder, **settings), database, hasher=HASHER, now=clock, redactor=redactor or Redactor())
    for name, role in ROLES.items():
        desk.accounts.add(name, role, PASSWORD)
    site = Starlette()
    site.mount("/staff", create_site(desk))
    site.mount("/static", StaticFiles(directory=WEB / "static"))
    return Office(desk, site, clock)


@contextmanager
def served(opened: Office) -> Iterator[str]:
    """The address of a server that a real browser can reach the site at."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(opened.site, port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    waiting = threading.Event()
    while not server.started:
        waiting.wait(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)

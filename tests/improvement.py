"""Corrections and rounds for tests: a server of its own, corrected as reviewers correct, and a round waited for."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from bot.improvement.build import Busy
from bot.improvement.job import Improvement
from bot.settings import Settings
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.review import Review, Verdict
from bot.store.rounds import RUNNING, Round
from bot.store.tables import turns
from bot.store.transcripts import Transcripts
from bot.store.turn import Turn
from tests.conftest import Server, StartServer
from tests.databases import NOW
from tests.staff import HASHER, PASSWORD, ROLES

PATIENCE_SECONDS = 900


def corrected(database: Database, said: str, verdict: Verdict, value: str = "", phrase: str = "", person: str = "anne") -> Turn:
    """A message of a conversation of its own and the correction that a reviewer makes of it."""
    reply = {"text": "…", "buttons": [], "custom": {"status": "fallback"}}
    turn = Turn(uuid4().hex, NOW, said, (reply,))
    Transcripts(database).add(turn)
    review(database).label(turn.id, verdict, value, phrase or said, person)
    return turn


def review(database: Database) -> Review:
    """The reviewers' work on a database; what is written in tests names nobody."""
    return Review(database, lambda text: text, lambda: datetime.now(timezone.utc))


@dataclass(frozen=True)
class Site:
    """A running server and its database: for visitors, and for reviewers who are signed in."""

    server: Server
    database: Database

    @property
    def improvement(self) -> Improvement:
        """What the server's pages work with."""
        return Improvement(Settings(var=self.server.var), self.database)

    @property
    def model(self) -> str:
        """The model that answers."""
        return str(self.server.get("/readyz").body["model"])

    def answer(self, text: str) -> Dict[str, Any]:
        """What stands beside the first message that answers a text."""
        return dict(self.server.say(text)[0]["custom"])

    def correct(self, said: str, verdict: Verdict, value: str = "") -> None:
        """Say something as a visitor, and correct the turn as a reviewer."""
        self.server.say(said)
        with self.database.reading() as connection:
            id = connection.execute(select(turns.c.id).where(turns.c.said == said).order_by(turns.c.at.desc())).scalars().first()
        assert id is not None
        review(self.database).label(id, verdict, value, said, "anne")

    @contextmanager
    def signed_in(self, name: str) -> Iterator[httpx.Client]:
        """A browser in which anne, bo, carl or dorte is signed in."""
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            post(client, "/staff/ind", of="/staff/ind", name=name, password=PASSWORD)
            yield client

    def turns_kept(self) -> int:
        """How many turns are in the database, once none waits in the queue any more. None may be lost."""
        _wait(lambda: self.server.get("/readyz").body["turns_waiting"] == 0, "turns wait for ever")
        assert self.server.get("/readyz").body["turns_lost"] == 0
        with self.database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(turns)).scalar_one())

    def wait_for(self, model: str) -> None:
        """Until the server answers with a model."""
        _wait(lambda: self.model == model, f"the server does not use {model}")


def post(client: httpx.Client, path: str, of: str, **fields: str) -> httpx.Response:
    """Send a form of a page with its token."""
    page = client.get(of, follow_redirects=True).text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    return client.post(path, data={"csrf": token, **fields}, follow_redirects=True)


def site(start_server: StartServer, model: Path, var: Path) -> Site:
    """A server with its own folder, with the accounts of tests.staff."""
    server = start_server(model=str(model), var=str(var))
    database = Database(Settings(var=var).database)
    accounts = Accounts(database, HASHER)
    if not accounts.all():
        for name, role in ROLES.items():
            accounts.add(name, role, PASSWORD)
    return Site(server, database)


def copied(var: Path, to: Path) -> Path:
    """A copy of a server's folder as it is just now."""
    to.mkdir()
    database, copy = Database(Settings(var=var).database), Database(Settings(var=to).database)
    with closing(database.engine.raw_connection()) as source, closing(copy.engine.raw_connection()) as target:
        source.backup(target.driver_connection)
    shutil.copytree(var / "improvements", to / "improvements")
    shutil.copy(var / "secret_key", to / "secret_key")
    return to


def ended(improvement: Improvement) -> Round:
    """The last round, once it has ended and its process with it."""
    _wait(lambda: improvement.settle() is None, "the round does not end")
    _wait(lambda: _is_free(improvement), "the round has ended, and its process goes on")
    last = improvement.rounds.latest(1)[0]
    assert last.state not in RUNNING
    return last


def _is_free(improvement: Improvement) -> bool:
    """Whether another round could begin."""
    try:
        os.close(improvement.folders.lock())
    except Busy:
        return False
    return True


@dataclass
class Visitors:
    """Several who write all the while, each with so many seconds of `pause`.

    `replies` are the statuses of all answers that came, `failures` the errors in place of those that did not.
    """

    server: Server
    texts: Sequence[str]
    pause: float = 0.5
    replies: List[str] = field(default_factory=list)
    failures: List[str] = field(default_factory=list)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(text,), daemon=True) for text in self.texts]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _write(self, text: str) -> None:
        sender = uuid4().hex
        while not self._ended.wait(self.pause):
            begun = datetime.now()
            try:
                self.replies += [message["custom"]["status"] for message in self.server.say(text, sender)[:1]]
            except Exception as error:
                self.failures.append(repr(error))
            self.slowest = max(self.slowest, (datetime.now() - begun).total_seconds())


def _wait(true: Any, otherwise: str) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE_SECONDS * 2):
        if true():
            return
        waiting.wait(0.5)
    raise AssertionError(otherwise)

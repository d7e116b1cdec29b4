"""How fast the staff's pages come from a database of 100,000 turns.

    .venv/bin/python -m benchmarks.staff [--turns 100000] [--requests 15] [--folder FOLDER] [--only WORD]

Builds a month of conversations in SQLite (benchmarks.month; two minutes; kept and used again in FOLDER), signs in to the
program's own application, and asks for every page. A page's median is printed beside the processor's time for it, which
other programs lengthen less, and beside its ratio to a static file's through the same client: machines differ, the ratio
less. Any answer but 200 ends the benchmark.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Callable, List, NamedTuple, Tuple

from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from benchmarks.month import COMMON, RARE, fill
from bot.app import create_app
from bot.settings import Settings
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.tables import conversations

STATIC = "/static/staff.css"
_NAME, _PASSWORD = "dorte", "en lang adgangskode"
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
# {long} is a long conversation, {day} another day in each request, so that nothing is answered from memory.
PAGES: Tuple[Tuple[str, str], ...] = (
    ("inbox", "/staff/samtaler"),
    ("inbox, page 20", "/staff/samtaler?side=20"),
    ("inbox, all", "/staff/samtaler?vis=alle"),
    ("inbox, all, page 20", "/staff/samtaler?vis=alle&side=20"),
    ("inbox, period", "/staff/samtaler?vis=alle&fra={day}&til={day}"),
    ("inbox, not understood", "/staff/samtaler?vis=alle&status=fallback"),
    ("inbox, failed", "/staff/samtaler?vis=alle&status=error"),
    ("inbox, answered", "/staff/samtaler?vis=alle&status=answered"),
    ("inbox, any alarm", "/staff/samtaler?vis=alle&alarm=any"),
    ("inbox, one alarm", "/staff/samtaler?vis=alle&alarm=akut.aandenoed"),
    ("inbox, topic", "/staff/samtaler?vis=alle&emne=lob"),
    ("inbox, answer", "/staff/samtaler?vis=alle&svar=lob.hvad"),
    ("inbox, unsure", "/staff/samtaler?vis=alle&sikkerhed=20"),
    ("inbox, thumbs down", "/staff/samtaler?vis=alle&tommel=ned"),
    ("inbox, Danish", "/staff/samtaler?vis=alle&sprog=da"),
    ("inbox, Ukrainian", "/staff/samtaler?vis=alle&sprog=uk"),
    ("inbox, long", "/staff/samtaler?vis=alle&laengde=20"),
    ("inbox, not reviewed", "/staff/samtaler?vis=alle&gennemset=nej"),
    ("inbox, flagged", "/staff/samtaler?vis=alle&flag=ja"),
    ("inbox, tag", "/staff/samtaler?vis=alle&emneord=ny+viden"),
    ("inbox, common word", f"/staff/samtaler?vis=alle&tekst={COMMON}"),
    ("inbox, rare word", f"/staff/samtaler?vis=alle&tekst={RARE}"),
    ("inbox, missing word", "/staff/samtaler?vis=alle&tekst=xylofonkoncert"),
    ("inbox, one letter", "/staff/samtaler?vis=alle&tekst=s"),
    ("inbox, five filters", f"/staff/samtaler?vis=alle&tekst={COMMON}&status=fallback&sprog=da&fra={{day}}&gennemset=nej"),
    ("a long conversation", "/staff/samtaler/{long}"),
    ("unanswered messages", "/staff/uden-svar"),
    ("texts", "/staff/tekster"),
    ("one text", "/staff/tekster/answer/lob.hvad"),
    ("figures", "/staff/tal"),
    ("figures, other days", "/staff/tal?fra={day}"),
    ("figures, not understood", "/staff/tal?status=fallback"),
    ("figures, Danish", "/staff/tal?sprog=da"),
    ("figures, common word", f"/staff/tal?tekst={COMMON}"),
    ("a chart of the page", "/staff/tal/udfald-dage.svg"),
    ("a chart, drawn anew", "/staff/tal/udfald-dage.svg?fra={day}"),
    ("a table as a file", "/staff/tal/dage.csv"),
    ("audit log", "/staff/logbog"),
    ("audit log, a person", "/staff/logbog?person=anne"),
    ("audit log, an old day", "/staff/logbog?fra={day}&til={day}"),
    ("improvement", "/staff/forbedring"),
    ("account", "/staff/konto"),
)


class Measured(NamedTuple):
    """Milliseconds of the requests for a page."""

    median: float
    p95: float
    processor: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--only", default="", help="Only pages whose name holds this word.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(var=chosen.folder or Path(temporary), retention_days=365)
        longest = _prepared(settings, chosen.turns)
        client = _signed_in(create_app(settings))
        static = _measured(client, lambda number: STATIC, chosen.requests)
        _print("a static file", static, static)
        for name, path in PAGES:
            if chosen.only in name:
                _print(name, _measured(client, _path(path, longest), chosen.requests), static)


def _prepared(settings: Settings, count: int) -> str:
    """A database with a month and an account, made where it is missing; the id of the longest conversation."""
    database = Database(settings.database)
    database.migrate()
    longest = select(conversations.c.id).order_by(conversations.c.length.desc()).limit(1)
    with database.reading() as connection:
        is_empty = connection.execute(longest).first() is None
    if is_empty:
        fill(database, count)
        Accounts(database).add(_NAME, "admin", _PASSWORD)
    with database.reading() as connection:
        found = str(connection.execute(longest).scalar_one())
    database.reconnect()
    return found


def _signed_in(app: FastAPI) -> TestClient:
    # What is loaded beside the first requests would lengthen them.
    app.state.conversations.guard.patterns.result()
    client = TestClient(app, follow_redirects=False)
    token = _TOKEN.search(client.get("/staff/ind").text)
    assert token
    form = {"csrf": unescape(token[1]), "name": _NAME, "password": _PASSWORD}
    answer = client.post("/staff/ind", data=form)
    if answer.status_code != 303:
        sys.exit(f"signing in: {answer.status_code}")
    return client


def _path(path: str, longest: str) -> Callable[[int], str]:
    """What the nth request asks for."""
    return lambda number: path.format(long=longest, day=date.today() - timedelta(days=2 + number % 20))


def _measured(client: TestClient, path: Callable[[int], str], requests: int) -> Measured:
    """The first request, which loads what pages share, is not counted."""
    taken: List[Tuple[float, float]] = []
    for number in range(requests + 1):
        begun, worked = time.perf_counter(), time.process_time()
        answer = client.get(path(number))
        taken.append((time.perf_counter() - begun, time.process_time() - worked))
        if answer.status_code != 200:
            sys.exit(f"{path(number)}: {answer.status_code}")
    waited, worked_for = (sorted(1000 * seconds for seconds in each) for each in zip(*taken[1:]))
    return Measured(statistics.median(waited), waited[int(len(waited) * 0.95)], statistics.median(worked_for))


def _print(name: str, measured: Measured, static: Measured) -> None:
    ratio = measured.median / static.median
    times = f"median {measured.median:7.1f} ms   95th percentile {measured.p95:7.1f} ms   processor {measured.processor:7.1f} ms"
    print(f"{name:24} {times}   {ratio:6.1f} static files", flush=True)


if __name__ == "__main__":
    main()

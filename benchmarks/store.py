"""How fast a turn is stored among many, and how much memory an export takes.

    .venv/bin/python -m benchmarks.store --turns 100000 [--url postgresql://…]

Fills an empty database with turns as patients make them, stores more through the same path as the server, deletes and
exports. The time of one bare commit on the same disk is printed beside it: machines differ, the ratio less.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable, Iterator, List, TextIO
from uuid import uuid4

from bot import content
from bot.reply import answered
from bot.store import export
from bot.store.backlog import Backlog
from bot.store.database import Database
from bot.store.keeper import Keeper
from bot.store.tables import conversations, messages, replies, turns
from bot.store.transcripts import _hash, _message, _row
from bot.store.turn import Turn

TURNS_A_CONVERSATION = 5
MEASURED = 300
_AT_ONCE = 2000


def made_turns(count: int) -> Iterator[Turn]:
    """Turns of many conversations over the last month, with curated replies."""
    chance, curated = random.Random(1), content.load()
    answers = [answered(answer, curated).as_dict() for answer in curated.answers.values()]
    said = [answer.question for answer in curated.answers.values()]
    begin = datetime.now(timezone.utc) - timedelta(days=29)
    for number in range(count):
        at = begin + timedelta(seconds=number * 2_400_000 / count)
        words = f"{chance.choice(said)} {chance.choice(said)}"
        yield Turn(
            f"{number // TURNS_A_CONVERSATION:040x}", at, words, (chance.choice(answers),),
            ranking=(("lob.hvad", 0.9), ("lob.varighed", 0.05)), seconds=chance.random(), model="model", content="content",
        )


def fill(database: Database, count: int) -> None:
    """Write turns in bulk."""
    batch: List[Turn] = []
    for number, turn in enumerate(made_turns(count), 1):
        batch.append(turn)
        if len(batch) == _AT_ONCE or number == count:
            _write(database, batch)
            batch = []
            print(f"\r{number} of {count} turns", end="", file=sys.stderr)
    print(file=sys.stderr)


def _write(database: Database, batch: List[Turn]) -> None:
    with database.writing() as connection:
        known = {key for (key,) in connection.execute(conversations.select().with_only_columns(conversations.c.id))}
        begun = {turn.conversation: turn.at for turn in reversed(batch) if turn.conversation not in known}
        if begun:
            connection.execute(conversations.insert(), [{"id": key, "started_at": at, "last_at": at} for key, at in begun.items()])
        connection.execute(turns.insert(), [_row(turn) for turn in batch])
        bodies = {_hash(body): body for turn in batch for body in turn.replies}
        there = {key for (key,) in connection.execute(replies.select().with_only_columns(replies.c.hash))}
        new = [{"hash": key, "body": body} for key, body in bodies.items() if key not in there]
        if new:
            connection.execute(replies.insert(), new)
        rows = [_message(turn, place, _hash(body), body) for turn in batch for place, body in enumerate(turn.replies)]
        connection.execute(messages.insert(), rows)


def milliseconds(work: Callable[[], object], times: int = MEASURED) -> List[float]:
    """How long each of many runs takes."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def bare_commit(folder: Path) -> Callable[[], object]:
    """A commit of one short row to a SQLite file of its own, as durable as ours."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (x)")
    return lambda: connection.execute("INSERT INTO t VALUES (1)")


def _told(what: str, taken: List[float], bare: float) -> None:
    ordered = sorted(taken)
    median, high = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    print(f"{what:44} median {median:7.2f} ms   95th percentile {high:7.2f} ms   {median / bare:5.1f} bare commits")


def _memory_of_export(database: Database, out: TextIO) -> None:
    """Export all and say by how much the process grew after the first tenth."""
    read, columns = export.WHAT["transcripts"]
    total, sizes = 0, []

    def counted() -> Iterator[export.Row]:
        nonlocal total
        for total, row in enumerate(read(database, export.Filter()), 1):
            if total % 5000 == 0:
                sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            yield row

    begun = time.perf_counter()
    export.write(counted(), export.Form.CSV, out, columns)
    grown = sizes[-1] - sizes[max(0, len(sizes) // 10)] if sizes else 0.0
    print(f"export of {total} turns: {time.perf_counter() - begun:.1f} s, {grown:.1f} MB more memory at its end than after a tenth")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--url", default="")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Database(chosen.url or f"sqlite:///{folder / 'turns.sqlite'}")
        keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), 365)
        keeper.open()
        fill(database, chosen.turns)
        more = list(made_turns(MEASURED))
        fresh = iter([Turn(uuid4().hex, datetime.now(timezone.utc), turn.said, turn.replies) for turn in more])
        bare = statistics.median(milliseconds(bare_commit(folder)))
        _told("store one more turn", milliseconds(lambda: keeper.keep(next(fresh))), bare)
        _told("read the turns of a conversation", milliseconds(lambda: keeper.turns(f"{random.randrange(chosen.turns // 5):040x}")), bare)
        _told("delete a conversation", milliseconds(lambda: keeper.forget(f"{random.randrange(chosen.turns // 5):040x}"), 50), bare)
        with (folder / "out.csv").open("w", encoding="utf-8") as out:
            _memory_of_export(database, out)
        database.reconnect()


if __name__ == "__main__":
    main()

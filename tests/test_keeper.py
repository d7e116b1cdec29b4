"""Whatever the database does, a turn is kept: in order, and once."""

from __future__ import annotations

import errno
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from bot.store.backlog import Backlog, BacklogFull, Forgotten
from bot.store.database import Database, Unavailable
from bot.store.keeper import Keeper
from bot.store.transcripts import Transcripts
from tests.databases import NOW, Line, everything_in, postgresql, turn

PATIENCE = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where database and queue lie."""
    return tmp_path


@pytest.fixture
def database(folder: Path) -> Database:
    """A database in a file."""
    return Database(f"sqlite:///{folder / 'db' / 'turns.sqlite'}")


@pytest.fixture
def keeper(database: Database, folder: Path) -> Iterator[Keeper]:
    """A running keeper."""
    made = Keeper(database, Backlog(folder / "backlog.jsonl"), retention_days=3650)
    made.open()
    made.start()
    yield made
    made.stop()


def _until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE * 20):
        if condition():
            return
        waiting.wait(0.05)
    pytest.fail("it did not come about")


def _said(database: Database, conversation: str = "a") -> List[str]:
    return [each.said for each in Transcripts(database).turns(conversation)]


def _lock(file: Path) -> Callable[[], None]:
    """Take the file's only write lock; the result gives it back."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other.close


def test_given_a_locked_database_turns_wait_and_are_written_in_order_and_once(
    keeper: Keeper, database: Database, folder: Path
) -> None:
    keeper.keep(turn("før"))
    unlock = _lock(folder / "db" / "turns.sqlite")
    for number in range(5):
        keeper.keep(turn(str(number), minutes=number + 1))
    assert not keeper.available and keeper.health.waiting == 5 and keeper.health.failure == "OperationalError"
    unlock()
    _until(lambda: keeper.available)
    assert _said(database) == ["før", *"01234"] and keeper.health.waiting == 0


def test_given_a_failing_database_only_the_first_turn_waits_for_it(keeper: Keeper, database: Database, folder: Path) -> None:
    unlock = _lock(folder / "db" / "turns.sqlite")
    asked: List[str] = []
    keeper.keep(turn("først"))
    event.listen(database.engine, "checkout", lambda *args: asked.append(threading.current_thread().name))
    for number in range(20):
        keeper.keep(turn(str(number), minutes=number))
    unlock()
    assert "MainThread" not in asked


@pytest.mark.parametrize("pragma, failure", [("max_page_count = 1", "full"), ("query_only = ON", "readonly")])
def test_given_a_full_or_read_only_database_turns_wait(
    keeper: Keeper, database: Database, pragma: str, failure: str
) -> None:
    spoiled = [True]

    def spoil(connection: sqlite3.Connection, record: object, proxy: object) -> None:
        connection.execute(f"PRAGMA {pragma if spoiled[0] else pragma.split(' =')[0] + ' = ' + ('OFF' if 'only' in pragma else '100000')}")

    event.listen(database.engine, "checkout", spoil)
    for number in range(3):
        keeper.keep(turn(f"{number} " * 5000, minutes=number))
    assert keeper.health.waiting == 3
    spoiled[0] = False
    _until(lambda: keeper.available)
    assert [said[0] for said in _said(database)] == ["0", "1", "2"]


def test_given_a_deleted_database_file_a_new_one_is_made_and_no_later_turn_is_lost(
    keeper: Keeper, database: Database, folder: Path
) -> None:
    keeper.keep(turn("før"))
    for file in (folder / "db").iterdir():
        file.unlink()
    keeper.keep(turn("efter", minutes=1))
    _until(lambda: keeper.available and keeper.health.waiting == 0)
    assert _said(database) == ["efter"]


def test_given_no_database_the_last_turns_are_still_known(keeper: Keeper, folder: Path) -> None:
    keeper.keep(turn("før"))
    unlock = _lock(folder / "db" / "turns.sqlite")
    keeper.keep(turn("under", minutes=1))
    assert [each.said for each in keeper.turns("a")] == ["før", "under"]
    unlock()


def test_given_a_database_that_cannot_be_opened_at_start_turns_wait_until_it_can(folder: Path) -> None:
    (folder / "db").write_text("a file where a folder should be")
    database = Database(f"sqlite:///{folder / 'db' / 'turns.sqlite'}")
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), 30)
    keeper.open()
    keeper.keep(turn("tidligt"))
    keeper.start()
    assert not keeper.available and keeper.health.waiting == 1
    (folder / "db").unlink()
    _until(lambda: keeper.available)
    assert _said(database) == ["tidligt"] or keeper.health.waiting == 0
    keeper.stop()


def test_turns_that_wait_survive_the_end_of_the_process(database: Database, folder: Path) -> None:
    Backlog(folder / "backlog.jsonl").append(turn("fra før"))
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), 3650)
    keeper.open()
    assert _said(database) == ["fra før"] and keeper.health.waiting == 0


def test_a_turn_that_was_written_and_still_waits_is_there_once(keeper: Keeper, database: Database, folder: Path) -> None:
    kept = turn("en gang")
    keeper.keep(kept)
    Backlog(folder / "backlog.jsonl").append(kept)
    again = Keeper(database, Backlog(folder / "backlog.jsonl"), 3650)
    again.open()
    assert _said(database) == ["en gang"]


def test_an_entry_that_no_database_takes_is_set_aside_and_holds_up_no_other(
    database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backlog = Backlog(folder / "backlog.jsonl")
    for entry in (turn("før"), turn("kanelgifler", minutes=1, seconds={"not": "a number"}), turn("efter", minutes=2)):
        backlog.append(entry)
    keeper = Keeper(database, backlog, 3650)
    keeper.open()
    aside = folder / "backlog.rejected.jsonl"
    assert keeper.available and _said(database) == ["før", "efter"] and "kanelgifler" in aside.read_text()
    assert "set aside" in caplog.text and "kanelgifler" not in caplog.text
    keeper.forget("a")
    assert "kanelgifler" not in aside.read_text()


def test_retention_reaches_memory_and_what_was_set_aside(database: Database, folder: Path) -> None:
    backlog = Backlog(folder / "backlog.jsonl")
    keeper = Keeper(database, backlog, retention_days=30)
    keeper.open()
    backlog.reject(turn("kanelgifler"))
    keeper.keep(turn("gammel"))
    keeper.keep(turn("ny", minutes=40 * 24 * 60))
    keeper.purge(NOW + timedelta(days=41))
    assert [each.said for each in keeper.remembered("a")] == ["ny"] == _said(database)
    assert (folder / "backlog.rejected.jsonl").read_text() == ""


def test_the_keeper_deletes_by_itself_what_is_too_old(database: Database, folder: Path) -> None:
    database.migrate()
    Transcripts(database).add(turn("for gammel"))
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), retention_days=1)
    keeper.open()
    keeper.start()
    _until(lambda: _said(database) == [])
    keeper.stop()


# Deleting


def test_a_conversation_deleted_while_the_database_fails_is_gone_when_it_is_back(
    keeper: Keeper, database: Database, folder: Path
) -> None:
    keeper.keep(turn("kanelgifler før"))
    unlock = _lock(folder / "db" / "turns.sqlite")
    keeper.keep(turn("kanelgifler under", minutes=1))
    keeper.keep(turn("en anden", conversation="b"))
    assert keeper.forget("a") is False
    assert keeper.turns("a") == () and "kanelgifler" not in (folder / "backlog.jsonl").read_text()
    unlock()
    _until(lambda: keeper.available)
    assert _said(database) == [] and _said(database, "b") == ["en anden"]
    assert b"kanelgifler" not in everything_in(folder)


def test_a_turn_that_was_being_answered_when_its_conversation_was_deleted_is_not_kept(
    keeper: Keeper, database: Database
) -> None:
    keeper.forget("a")
    keeper.keep(turn("for sent"))
    assert _said(database) == [] and keeper.turns("a") == ()


def test_given_a_queue_that_cannot_be_rewritten_a_deletion_is_kept_for_later(
    keeper: Keeper, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock = _lock(folder / "db" / "turns.sqlite")
    keeper.keep(turn("kanelgifler"))

    def fails(self: Backlog, conversation: str) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Backlog, "forget", fails)
    assert keeper.forget("a") is False
    monkeypatch.undo()
    unlock()
    _until(lambda: keeper.available and keeper.health.waiting == 0)
    assert _said(database) == []


# The queue itself


def test_a_line_that_was_not_written_to_its_end_costs_only_itself(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder / "backlog.jsonl"
    Backlog(path).append(turn("hel"))
    path.write_bytes(path.read_bytes() + b'{"turn": {"conversation": "kanelgifler')
    backlog = Backlog(path)
    backlog.append(turn("efter"))
    assert [entry.said for entry in backlog.entries()] == ["hel", "efter"]  # type: ignore[union-attr]
    assert "not whole" in caplog.text and "kanelgifler" not in caplog.text


def test_a_full_queue_is_said_and_counted(database: Database, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "db").write_text("in the way")
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl", most_bytes=2000), 30)
    keeper.open()
    for number in range(10):
        keeper.keep(turn(f"kanelgifler {number}", minutes=number))
    assert keeper.health.lost > 0 and keeper.health.waiting + keeper.health.lost == 10
    assert "a turn is lost" in caplog.text and "kanelgifler" not in caplog.text


def test_given_a_disk_without_room_the_queue_uses_its_reserve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog, write = Backlog(folder / "backlog.jsonl"), Backlog._write
    reserve = folder / "backlog.reserve"

    def full_unless_freed(self: Backlog, line: bytes) -> None:
        if reserve.exists():
            raise OSError(errno.ENOSPC, "no room")
        write(self, line)

    monkeypatch.setattr(Backlog, "_write", full_unless_freed)
    backlog.append(turn("sidste plads"))
    monkeypatch.undo()
    assert [entry.said for entry in backlog.entries()] == ["sidste plads"]  # type: ignore[union-attr]
    backlog.drop(backlog.entries())
    assert reserve.stat().st_size > 1_000_000


def test_given_no_room_at_all_the_queue_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog(folder / "backlog.jsonl")

    def full(self: Backlog, line: bytes) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Backlog, "_write", full)
    with pytest.raises(BacklogFull):
        backlog.append(turn())
    assert len(backlog) == 0


def test_forgetting_takes_turns_out_of_the_queue_while_it_is_being_emptied(folder: Path) -> None:
    backlog = Backlog(folder / "backlog.jsonl")
    for number in range(3):
        backlog.append(turn(str(number), conversation=str(number)))
    written = backlog.entries()[:2]
    backlog.forget("0")
    backlog.append(turn("ny", conversation="3"))
    backlog.append(Forgotten("0", NOW))
    backlog.drop(written)
    assert [entry.conversation for entry in backlog.entries()] == ["2", "3", "0"]


# PostgreSQL


@pytest.fixture
def line_to_postgresql() -> Iterator[Tuple[Line, str]]:
    """A line to the server that can be cut, and the address of a database through it."""
    with postgresql() as url:
        direct = make_url(url)
        line = Line(direct.port or 5432)
        line.connect()
        yield line, direct.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        line.cut()


def test_given_a_cut_line_to_postgresql_turns_wait_and_are_written_once(
    line_to_postgresql: Tuple[Line, str], folder: Path
) -> None:
    line, url = line_to_postgresql
    database = Database(url)
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), 3650)
    keeper.open()
    keeper.start()
    keeper.keep(turn("før"))
    line.cut()
    for number in range(3):
        keeper.keep(turn(str(number), minutes=number + 1))
    assert keeper.health.waiting == 3 and not keeper.available
    line.connect()
    _until(lambda: keeper.available)
    assert _said(database) == ["før", *"012"]
    keeper.stop()


def test_given_a_postgresql_that_hangs_nobody_waits_for_ever(line_to_postgresql: Tuple[Line, str], folder: Path) -> None:
    line, url = line_to_postgresql
    database = Database(url)
    keeper = Keeper(database, Backlog(folder / "backlog.jsonl"), 3650)
    keeper.open()
    line.hold()
    keeping = threading.Thread(target=keeper.keep, args=(turn("hænger"),), daemon=True)
    keeping.start()
    keeping.join(timeout=20)
    assert not keeping.is_alive() and keeper.health.waiting == 1
    line.release()
    keeper.start()
    _until(lambda: keeper.available)
    assert _said(database) == ["hænger"]
    keeper.stop()


def test_given_a_postgresql_that_hangs_at_start_the_start_goes_on_without_it(
    line_to_postgresql: Tuple[Line, str], folder: Path
) -> None:
    line, url = line_to_postgresql
    line.hold()
    keeper = Keeper(Database(url), Backlog(folder / "backlog.jsonl"), 3650)
    opening = threading.Thread(target=keeper.open, daemon=True)
    opening.start()
    opening.join(timeout=20)
    assert not opening.is_alive() and not keeper.available
    line.release()


def test_an_error_of_the_database_never_quotes_the_text(database: Database, folder: Path) -> None:
    database.migrate()
    unlock = _lock(folder / "db" / "turns.sqlite")
    with pytest.raises(Unavailable) as raised:
        Transcripts(database).add(turn("kanelgifler"))
    unlock()
    assert str(raised.value) == "OperationalError" and raised.value.__cause__ is None

"""The whole server while its database fails, and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import Server, StartServer, until_ready
from tests.databases import postgresql

ALARM = "jeg kan ikke få vejret og har blå læber"


@pytest.fixture(scope="module")
def shaken(model: Path, start_server: StartServer) -> Server:
    """A server whose database is locked now and then."""
    return start_server(model=str(model))


@pytest.fixture
def locked(shaken: Server) -> Iterator[Callable[[], None]]:
    """Its database, locked until the given function is called."""
    other = sqlite3.connect(shaken.var / "smertebot.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other.close
    other.close()
    until_ready(shaken)


def _turns(server: Server) -> int:
    with sqlite3.connect(server.var / "smertebot.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM turns").fetchone()[0])


def test_given_a_locked_database_questions_are_answered_and_alarms_get_their_card(
    shaken: Server, locked: Callable[[], None]
) -> None:
    assert shaken.say("hvor kan jeg parkere")[0]["custom"]["answer_id"] == "praktisk.parkering"
    assert shaken.say(ALARM)[0]["custom"]["red_flag"]["level"] == "112"


def test_given_a_locked_database_a_conversation_goes_on(shaken: Server, locked: Callable[[], None]) -> None:
    sender = uuid4().hex
    shaken.say("Hvad er spinalstenose?", sender)
    assert shaken.say("Skal jeg scannes?", sender)[0]["custom"]["answer_id"] == "tilstand.spinalstenose.scanning"


def test_given_a_locked_database_operators_are_told_and_no_turn_is_missing_afterwards(
    shaken: Server, locked: Callable[[], None]
) -> None:
    for _ in range(3):
        shaken.say("hvor kan jeg parkere")
    ready = shaken.get("/readyz")
    assert ready.status == 503 and "does not work" in ready.body["database"] and ready.body["turns_waiting"] >= 3
    figures = shaken.get("/metrics").body
    assert "smertebot_database_up 0.0" in figures and "smertebot_turns_lost 0.0" in figures
    assert f"smertebot_backlog_entries {ready.body['turns_waiting']}.0" in figures
    # An empty conversation would read as one that was deleted.
    unread = shaken.get("/api/conversation", {"Authorization": "Bearer 0123456789abcdef"})
    assert unread.status == 503 and unread.body["error"]["field"] == "server"
    locked()
    until_ready(shaken)
    assert shaken.get("/readyz").body["turns_waiting"] == 0 and "smertebot_database_up 1.0" in shaken.get("/metrics").body
    before = _turns(shaken)
    shaken.say("hvor kan jeg parkere")
    assert _turns(shaken) == before + 1 and before >= ready.body["turns_waiting"]


def test_given_a_message_before_all_is_loaded_its_text_is_dropped_and_its_alarm_is_not(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("/healthz", model=str(tmp_path / "missing.tar.gz"))
    assert server.say(f"jeg hedder Grethe og {ALARM}")[0]["custom"]["status"] == "red_flag"
    with sqlite3.connect(server.var / "smertebot.sqlite") as connection:
        said = str(connection.execute("SELECT said FROM turns").fetchone()[0])
    assert "Grethe" not in said


def test_the_whole_server_runs_on_postgresql(start_server: StartServer, model: Path) -> None:
    with postgresql() as url:
        server = start_server(model=str(model), database_url=url)
        token = server.post("/api/messages", {"message": "Jeg hedder Grethe. Hvad er spinalstenose?"}).body["conversation"]
        again = server.post("/api/messages", {"message": "Skal jeg scannes?", "conversation": token}).body
        assert again["messages"][0]["custom"]["answer_id"] == "tilstand.spinalstenose.scanning"
        header = {"Authorization": f"Bearer {token}"}
        said = [turn["said"] for turn in server.get("/api/conversation", header).body["turns"]]
        assert said == ["Jeg hedder [NAVN]. Hvad er spinalstenose?", "Skal jeg scannes?"]
        assert server.get("/api/conversation", header, "DELETE").status == 204
        engine = create_engine(url)
        with engine.connect() as connection:
            left = [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in ("turns", "trackers", "conversations")]
        engine.dispose()
        assert left == [0, 0, 0] and not (server.var / "smertebot.sqlite").exists()
        server.process.terminate()
        server.process.wait(timeout=30)

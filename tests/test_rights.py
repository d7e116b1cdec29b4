"""What a patient may: know what is kept, fetch it, delete it. And nobody else may."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Dict, List
from uuid import uuid4

import pytest

from bot.content import Content
from tests.conftest import Server, StartServer, until_ready
from tests.databases import everything_in

NAMED = "Jeg hedder Grethe Lindskov, cpr 010160-1111, hvor kan jeg parkere rullestolen kanelgifler"


def _begin(server: Server, text: str = NAMED) -> str:
    return str(server.post("/api/messages", {"message": text}).body["conversation"])


def _header(token: str) -> Dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _rows(server: Server, query: str) -> List[Any]:
    # On a busy machine a turn may wait in the queue on disk for a moment.
    until_ready(server)
    with sqlite3.connect(server.var / "smertebot.sqlite") as connection:
        return connection.execute(query).fetchall()


def test_a_turn_is_in_the_store_when_its_reply_comes_and_names_nobody(server: Server) -> None:
    word = f"kanelgifler{uuid4().hex[:8].translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    server.say(f"Jeg hedder Grethe Lindskov, cpr 010160-1111, hvor kan jeg parkere {word}")
    said, removed, ranking, status, model = _rows(
        server, f"SELECT said, removed, ranking, status, model FROM turns WHERE said LIKE '%{word}%'"
    )[0]
    assert said == f"Jeg hedder [NAVN], cpr [CPR], hvor kan jeg parkere {word}"
    assert removed == '["NAME", "CPR"]' and "praktisk.parkering" in ranking and status == "answered" and model.endswith("gz")


def test_rasas_own_memory_names_nobody_and_is_bounded(server: Server) -> None:
    sender = uuid4().hex
    for _ in range(12):
        server.say(NAMED, sender)
    dialogues = [dialogue for (dialogue,) in _rows(server, "SELECT dialogue FROM trackers")]
    assert any("kanelgifler" in dialogue for dialogue in dialogues)
    assert not any(word in dialogue for dialogue in dialogues for word in ("Grethe", "Lindskov", "010160"))
    assert max(dialogue.count('"event":') for dialogue in dialogues) <= 60


def test_a_sender_of_the_rest_channel_is_not_stored(server: Server) -> None:
    server.say("hej", sender="+4522334455-kanel")
    assert b"+4522334455-kanel" not in everything_in(server.var)


def test_a_patient_fetches_the_conversation_de_identified(server: Server) -> None:
    token = _begin(server)
    turns = server.get("/api/conversation", _header(token)).body["turns"]
    assert [turn["said"] for turn in turns] == ["Jeg hedder [NAVN], cpr [CPR], hvor kan jeg parkere rullestolen kanelgifler"]
    assert turns[0]["messages"][0]["custom"]["answer_id"] == "praktisk.parkering"


def test_deleting_takes_the_conversation_and_nothing_else(server: Server) -> None:
    mine, other = _begin(server), _begin(server)
    assert server.get("/api/conversation", _header(mine), "DELETE").status == 204
    assert server.get("/api/conversation", _header(mine)).body == {"turns": []}
    assert len(server.get("/api/conversation", _header(other)).body["turns"]) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_the_token_nothing_is_shown_or_deleted(server: Server, method: str) -> None:
    _begin(server)
    key = _rows(server, "SELECT id FROM conversations LIMIT 1")[0][0]
    before = _rows(server, "SELECT count(*) FROM turns")
    assert server.get("/api/conversation", {}, method).status == 401
    assert server.get("/api/conversation", _header("kort"), method).status == 401
    # What the database holds opens nothing.
    server.get("/api/conversation", _header(key), method)
    assert _rows(server, "SELECT count(*) FROM turns") == before


def test_a_page_cannot_reach_the_conversation_of_a_rest_client(server: Server) -> None:
    server.say("hvad er lob", sender="whatsapp:+4522334455")
    assert server.get("/api/conversation", _header("whatsapp:+4522334455")).body == {"turns": []}


def test_deleted_text_is_in_no_file_of_the_server(start_server: StartServer, model: Path) -> None:
    server = start_server(model=str(model))
    token = _begin(server, "hvor kan jeg parkere brunsviger")
    for number in range(8):
        server.post("/api/messages", {"message": f"og hvad koster brunsviger nummer {number}", "conversation": token})
    _begin(server, "hvor kan jeg parkere drømmekage")
    assert b"brunsviger" in everything_in(server.var)
    assert server.get("/api/conversation", _header(token), "DELETE").status == 204
    left = everything_in(server.var)
    assert b"brunsviger" not in left and "drømmekage".encode() in left
    assert b"brunsviger" not in server.log.read_bytes()


def test_a_deletion_is_in_the_audit_log_without_naming_the_conversation(server: Server) -> None:
    token = _begin(server)
    server.get("/api/conversation", _header(token), "DELETE")
    actor, action, detail = _rows(server, "SELECT actor, action, detail FROM audit ORDER BY id DESC LIMIT 1")[0]
    assert (actor, action, detail) == ("visitor", "conversation deleted", '{"turns": 1}')


def test_what_is_kept_and_for_how_long_is_said_by_setting(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("/healthz", retention_days="17", model=str(tmp_path / "none.tar.gz"))
    page = server.get("/chat").body
    assert "17 dage" in page and "Ingen læser med" in page and "Skriv ikke dit CPR-nummer" in page


@pytest.mark.parametrize(
    "name, value, named",
    [
        ("RETENTION_DAYS", "0", "SMERTE_RETENTION_DAYS"),
        ("RETENTION_DAYS", "mange", "SMERTE_RETENTION_DAYS"),
        ("SECRET_KEY", "kort", "SMERTE_SECRET_KEY"),
        ("DATABASE_URL", "mysql://x/y", "SMERTE_DATABASE_URL"),
        ("VAR", "/proc/nowhere", "SMERTE_VAR"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_start_with_its_name(name: str, value: str, named: str, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    from bot.paths import ROOT
    from tests.conftest import free_port

    environment = {**os.environ, "SMERTE_VAR": str(tmp_path), f"SMERTE_{name}": value}
    command = [sys.executable, "-m", "bot.cli", "serve", "--port", str(free_port())]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode != 0 and named in ended.stderr and "Traceback" not in ended.stderr


def test_purge_and_export_work_from_the_command_line(start_server: StartServer, model: Path, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    from bot.paths import ROOT

    server = start_server(model=str(model))
    _begin(server, "=hvor kan jeg parkere brunsviger")
    environment = {**os.environ, "SMERTE_VAR": str(server.var)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "bot.cli", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    exported = run("export", "transcripts", "--topic", "praktisk", "--output", str(tmp_path / "out.csv"))
    assert exported.returncode == 0 and "'=hvor kan jeg parkere brunsviger" in (tmp_path / "out.csv").read_text()
    assert '"status": "answered"' in run("export", "figures", "--format", "jsonl").stdout
    assert run("export", "transcripts", "--status", "nonsense").returncode != 0
    with sqlite3.connect(server.var / "smertebot.sqlite") as connection:
        connection.execute("UPDATE turns SET at = '2020-01-01 00:00:00.000000'")
    assert "1 turns older than 30 days were deleted" in run("purge").stdout
    assert _rows(server, "SELECT count(*) FROM turns") == [(0,)]
    assert "purge" in [action for (action,) in _rows(server, "SELECT action FROM audit")]


def test_figures_for_operators_hold_no_text_and_no_ids(server: Server, curated: Content) -> None:
    token = _begin(server)
    text = server.get("/metrics").body
    assert 'smertebot_turns_total{status="answered"}' in text and "smertebot_database_up 1.0" in text
    assert 'smertebot_removed_total{kind="CPR"}' in text
    assert not any(word in text for word in (token, "kanelgifler", "Grethe", _rows(server, "SELECT id FROM conversations")[0][0]))

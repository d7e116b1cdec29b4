"""What visitors say of answers: kept with the turn, without names, and never an answer to anybody else."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from bot.app import create_app
from bot.settings import Settings
from bot.store.database import Database
from bot.store.tables import conversations, feedback
from tests.conftest import free_port

ADDRESS = "/api/feedback"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """The program on a database of its own, its model and its de-identifier not loaded."""
    return create_app(Settings(var=tmp_path))


def _asked(client: TestClient, said: str = "hvad er lob") -> Tuple[str, str]:
    """The conversation and the turn of a message."""
    reply = client.post("/api/messages", json={"message": said}).json()
    return reply["conversation"], reply["turn"]


def _kept(app: FastAPI) -> Any:
    database = Database(app.state.settings.database)
    with database.reading() as connection:
        rows = connection.execute(select(feedback.c.turn_id, feedback.c.helpful, feedback.c.reason)).all()
    database.reconnect()
    return [tuple(row) for row in rows]


def test_a_visitor_says_what_the_answer_was_worth_and_says_otherwise(app: FastAPI) -> None:
    client = TestClient(app)
    conversation, turn = _asked(client)
    for helpful in (True, False):
        answer = client.post(ADDRESS, json={"conversation": conversation, "turn": turn, "helpful": helpful})
        assert answer.status_code == 204 and answer.content == b""
    assert _kept(app) == [(turn, 0, "")]
    database = Database(app.state.settings.database)
    with database.reading() as connection:
        assert connection.execute(select(conversations.c.concern)).scalar_one() == 3


def test_a_turn_is_known_by_the_conversation_that_is_fetched(app: FastAPI) -> None:
    client = TestClient(app)
    conversation, turn = _asked(client)
    fetched = client.get("/api/conversation", headers={"Authorization": f"Bearer {conversation}"}).json()
    assert [each["turn"] for each in fetched["turns"]] == [turn]


def test_a_reason_is_kept_without_names(app: FastAPI) -> None:
    client, at_once = TestClient(app), Future()  # type: ignore[var-annotated]
    at_once.set_result(None)
    app.state.conversations.redactor.start(after=at_once).result(timeout=300)
    conversation, turn = _asked(client)
    reason = "Jeg hedder Grethe Lindskov, ring 22 33 44 55.\0"
    assert client.post(ADDRESS, json={"conversation": conversation, "turn": turn, "helpful": False, "reason": reason}).status_code == 204
    assert _kept(app) == [(turn, 0, "Jeg hedder [NAVN], ring [TELEFON].")]


def test_a_reason_that_cannot_be_de_identified_is_dropped_and_the_thumb_kept(app: FastAPI) -> None:
    client = TestClient(app)
    conversation, turn = _asked(client)
    given = {"conversation": conversation, "turn": turn, "helpful": True, "reason": "Grethe Lindskov"}
    assert client.post(ADDRESS, json=given).status_code == 204
    assert _kept(app) == [(turn, 1, "")]


def test_nobody_says_anything_of_somebody_elses_turn(app: FastAPI) -> None:
    client = TestClient(app)
    mine, turn = _asked(client)
    other, _ = _asked(client)
    for conversation, given in ((other, turn), ("x" * 32, turn), (mine, "0" * 32)):
        answer = client.post(ADDRESS, json={"conversation": conversation, "turn": given, "helpful": False})
        assert answer.status_code == 404 and answer.json()["error"]["field"] == "turn"
    assert _kept(app) == []


def test_nothing_is_said_of_what_was_deleted(app: FastAPI) -> None:
    client = TestClient(app)
    conversation, turn = _asked(client)
    given = {"conversation": conversation, "turn": turn, "helpful": False}
    client.post(ADDRESS, json=given)
    client.delete("/api/conversation", headers={"Authorization": f"Bearer {conversation}"})
    assert _kept(app) == [] and client.post(ADDRESS, json=given).status_code == 404


@pytest.mark.parametrize("changed, field", [
    ({"helpful": "yes"}, "helpful"), ({"helpful": None}, "helpful"), ({"helpful": 1}, "helpful"), ({"turn": ""}, "turn"),
    ({"turn": "'; DROP TABLE turns; --"}, "turn"), ({"turn": 1}, "turn"), ({"conversation": "kort"}, "conversation"),
    ({"conversation": "\ud800" * 16}, "conversation"), ({"reason": "x" * 501}, "reason"), ({"reason": "\ud800"}, "reason"), ({"reason": 1}, "reason"),
])
def test_feedback_without_meaning_is_refused_and_the_field_named(app: FastAPI, changed: Dict[str, Any], field: str) -> None:
    given = {"conversation": "x" * 32, "turn": "0" * 32, "helpful": True, **changed}
    answer = TestClient(app).post(ADDRESS, content=json.dumps(given))
    assert answer.status_code == 422 and answer.json()["error"]["field"] == field


def test_while_the_database_fails_the_visitor_is_told_to_try_again(tmp_path: Path) -> None:
    app = create_app(Settings(var=tmp_path, database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/none"))
    answer = TestClient(app).post(ADDRESS, json={"conversation": "x" * 32, "turn": "0" * 32, "helpful": True})
    assert answer.status_code == 503 and "try again" in answer.json()["error"]["message"]

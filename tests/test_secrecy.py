"""No text of a patient stands anywhere but in the store, de-identified: not in logs on any level, figures, errors, files."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import sqlite3
import sys
from pathlib import Path
from typing import List
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from bot import logs
from tests.conftest import Server, StartServer
from tests.databases import everything_in

TEXT = "brunsvigerkage"
NAMED = ("Grethe", "Lindskov", "010160", "22334455", "grethe@lindskov-privat.dk", "Drosselvej")
MESSAGE = f"{TEXT}: jeg hedder Grethe Lindskov, 010160-1111, 22334455, grethe@lindskov-privat.dk, Drosselvej 48, hvor kan jeg parkere"


@pytest.fixture(scope="module")
def loud(model: Path, start_server: StartServer) -> Server:
    """A server that logs all it can."""
    return start_server(program=(str(Path(__file__).parent / "loud.py"),), model=str(model))


def _walk(server: Server) -> List[int]:
    """Every way in, with good and with bad input; the status of each answer."""
    sender, form = uuid4().hex, {"Content-Type": "application/x-www-form-urlencoded"}
    rest = "/webhooks/rest/webhook"
    replies = [
        server.post(rest, {"sender": sender, "message": MESSAGE}),
        server.post(rest, {"sender": sender, "message": f"{MESSAGE}, jeg kan ikke få vejret og har blå læber"}),
        server.post(rest, {"sender": sender, "message": f"/{MESSAGE}"}),
        server.post(rest, {"sender": MESSAGE, "message": MESSAGE}),
        server.post(rest, {"sender": sender, "message": MESSAGE * 20}),
        server.post(rest, {"sender": sender, "message": [MESSAGE]}),
        server.post(rest, {"sender": sender, "message": MESSAGE, "metadata": MESSAGE}),
        server.post(rest, {"sender": sender, "message": MESSAGE, "metadata": {MESSAGE: MESSAGE}}),
        server.post(rest, f'{{"sender": "{MESSAGE}'.encode()),
        server.post(rest, MESSAGE.encode("utf-16")),
        server.post("/api/messages", {"message": MESSAGE}),
        server.post("/api/messages", {"message": MESSAGE, "conversation": MESSAGE}),
        server.post("/api/messages", {"message": MESSAGE, MESSAGE: MESSAGE}),
        server.post("/chat", urlencode({"message": MESSAGE}).encode(), form),
        server.post("/chat", urlencode({"message": MESSAGE * 20}).encode(), form),
        server.post("/chat", MESSAGE.encode(), {"Content-Type": "multipart/form-data; boundary=x"}),
        server.get(f"/chat?{urlencode({'message': MESSAGE})}"),
        server.get(f"/{urlencode({'x': MESSAGE})}"),
        server.get("/api/conversation", {"Authorization": f"Bearer {MESSAGE}"}),
        server.get("/api/conversation", {"Authorization": f"Bearer {MESSAGE}"}, "DELETE"),
        server.get("/chat", {"Cookie": f"samtale={urlencode({'x': MESSAGE})}"}),
    ]
    return [reply.status for reply in replies]


def _written_outside_the_store(server: Server) -> bytes:
    files = [path for path in server.var.rglob("*") if path.is_file() and "sqlite" not in path.name]
    return server.log.read_bytes() + b"".join(path.read_bytes() for path in files)


def test_a_marked_text_stands_only_in_the_store_and_there_without_what_names_a_person(loud: Server) -> None:
    statuses = _walk(loud)
    assert 200 in statuses and 422 in statuses
    log = loud.log.read_text()
    assert "DEBUG" in log, "the server must be loud for this to mean anything"
    outside, stored = _written_outside_the_store(loud), everything_in(loud.var)
    assert TEXT.encode() not in outside and TEXT.encode() in stored
    for word in NAMED:
        assert word.encode() not in outside + stored, word


def test_the_same_holds_while_the_database_fails(loud: Server) -> None:
    other = sqlite3.connect(loud.var / "smertebot.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        _walk(loud)
        assert loud.get("/readyz").status == 503
        waiting = (loud.var / "backlog.jsonl").read_bytes()
        assert TEXT.encode() in waiting
        assert TEXT.encode() not in loud.log.read_bytes()
        for word in NAMED:
            assert word.encode() not in waiting + loud.log.read_bytes(), word
    finally:
        other.close()


def test_error_pages_and_figures_quote_nothing(loud: Server) -> None:
    bodies = [
        loud.post("/webhooks/rest/webhook", {"sender": "a", "message": MESSAGE * 20}).body,
        loud.post("/webhooks/rest/webhook", {"sender": "a", "message": [MESSAGE]}).body,
        loud.get(f"/{TEXT}").body,
        loud.get("/metrics").body,
        loud.get("/readyz").body,
    ]
    assert TEXT not in repr(bodies)


def test_temporary_files_hold_nothing(loud: Server) -> None:
    held = [Path(f"/proc/{loud.process.pid}/fd/{fd}").resolve() for fd in os.listdir(f"/proc/{loud.process.pid}/fd")]
    files = [path for path in held if path.is_file() and loud.var not in path.parents and "/proc/" not in str(path)]
    assert not any(TEXT.encode() in path.read_bytes() for path in files if path.stat().st_size < 50_000_000)


def test_the_process_leaves_no_core_dump(loud: Server) -> None:
    limits = Path(f"/proc/{loud.process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)


# The formatter itself


def _logged(name: str, *arguments: object, **options: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.PlacesOnly("%(name)s %(message)s"))
    logger = logging.Logger(name, logging.DEBUG)
    logger.addHandler(handler)
    logger.error(*arguments, **options)  # type: ignore[arg-type]
    return out.getvalue()


def test_lines_of_other_packages_keep_their_place_and_lose_their_words() -> None:
    assert _logged("rasa.core", f"got {TEXT}") == _logged("rasa.core", "got %s", TEXT).replace("x", "x")
    assert TEXT not in _logged("uvicorn.error", "%s", TEXT) and "test_secrecy" in _logged("uvicorn.error", "%s", TEXT)
    assert "2 turns" in _logged("bot.store", "%d turns", 2)


def test_a_traceback_keeps_types_and_places_and_loses_values() -> None:
    try:
        try:
            raise ValueError(TEXT)
        except ValueError as error:
            raise RuntimeError(TEXT) from error
    except RuntimeError:
        told = _logged("bot", "it failed", exc_info=sys.exc_info())
    assert TEXT not in told and "RuntimeError after ValueError" in told and "test_secrecy.py" in told


def test_an_error_that_nobody_awaited_is_told_by_its_type(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    logs.handle_loop_errors(loop)
    loop.call_exception_handler({"message": TEXT, "exception": ValueError(TEXT)})
    loop.close()
    assert "ValueError" in caplog.text and TEXT not in caplog.text


def test_an_event_of_structlog_keeps_its_name_alone() -> None:
    assert logs._event_only(None, "error", {"event": "processor.message.parse", "text": TEXT}) == "processor.message.parse"
    assert logs._event_only(None, "error", {"event": f"could not parse {TEXT}"}) == "event"

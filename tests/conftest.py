"""What tests share: one trained model and one running server a session, one browser a file."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence
from uuid import uuid4

import pytest

# As the command line does, before numpy is there.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bot import content, edition, models
from bot.paths import ROOT
from bot.store.database import Database
from tests.databases import postgresql

SHARED = ROOT.parent / "shared"
PATIENCE = 180
_LONGEST = ("test_improvement_round.py", "test_widget.py", "test_staff_walk.py", "test_stories.py", "test_widget_failures.py")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: its status and its JSON (or text)."""

    status: int
    body: Any


@dataclass(frozen=True)
class Server:
    """A running server, as a client sees it."""

    url: str
    log: Path
    var: Path
    process: "subprocess.Popen[bytes]"

    def post(self, path: str, body: Any, headers: Optional[Dict[str, str]] = None) -> Reply:
        """Send JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return _fetch(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})}))

    def get(self, path: str, headers: Optional[Dict[str, str]] = None, method: str = "GET") -> Reply:
        """Fetch a page."""
        return _fetch(urllib.request.Request(self.url + path, headers=headers or {}, method=method))

    def say(self, text: str, sender: str = "") -> List[Dict[str, Any]]:
        """The messages that answer a text; without a sender in a conversation of its own."""
        reply = self.post("/webhooks/rest/webhook", {"sender": sender or uuid4().hex, "message": text})
        assert reply.status == 200, reply
        return list(reply.body)


def _fetch(request: urllib.request.Request) -> Reply:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            status, raw = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, raw = error.code, error.read().decode()
    try:
        return Reply(status, json.loads(raw))
    except ValueError:
        return Reply(status, raw)


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """The files that take longest first: else one process of the suite waits for the other at the end."""
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


@pytest.fixture(scope="session")
def model() -> Path:
    """The trained model; trained here when there is none that fits the training data."""
    if not models.up_to_date():
        subprocess.run([sys.executable, "-m", "bot.cli", "train"], cwd=ROOT, check=True)
    return models.newest()


StartServer = Callable[..., Server]
_servers: "List[subprocess.Popen[bytes]]" = []


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts `smertebot serve` with settings; `until` is the path that must answer 200 before the test goes on."""

    def start(until: str = "/readyz", program: Sequence[str] = ("-m", "bot.cli"), port: int = 0, **settings: str) -> Server:
        port, folder = port or free_port(), tmp_path_factory.mktemp("server")
        log, chosen = folder / "log", {"var": str(folder / "var"), **settings}
        environment = {**os.environ, **{f"SMERTE_{name.upper()}": value for name, value in chosen.items()}}
        command = [sys.executable, *program, "serve", "--port", str(port)]
        with log.open("wb") as out:
            _servers.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out))
        server = Server(f"http://127.0.0.1:{port}", log, Path(chosen["var"]), _servers[-1])
        _wait_for(server, until, _servers[-1])
        return server

    yield start
    for process in _servers:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(autouse=True)
def _its_servers_end_with_a_test() -> Iterator[None]:
    """Those of fixtures that live longer were started before and stay."""
    before = len(_servers)
    yield
    for process in _servers[before:]:
        process.terminate()


@pytest.fixture(scope="session")
def server(model: Path, start_server: StartServer) -> Server:
    """A server that answers with the trained model."""
    return start_server(model=str(model))


@pytest.fixture(autouse=True)
def _texts_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test publishes is gone after it: the texts that patients read belong to the process."""
    monkeypatch.setattr(edition, "_current", edition._current)


@pytest.fixture(scope="session")
def curated() -> content.Content:
    """The project's own content."""
    return content.load()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind, up to date."""
    with nullcontext(f"sqlite:///{tmp_path / 'turns.sqlite'}") if request.param == "sqlite" else postgresql() as url:
        made = Database(url)
        made.migrate()
        yield made
        made.reconnect()


@pytest.fixture
def own_content(tmp_path: Path) -> Path:
    """A copy of content/ to break."""
    return Path(shutil.copytree(ROOT / "content", tmp_path / "content"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright, whose event loop must not go on under the tests of other files."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)

    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
        )
        yield launched
        launched.close()


def eval_texts() -> List[str]:
    """The messages of the shared dev cases, where they are present."""
    cases = [
        json.loads(line)
        for path in sorted((SHARED / "eval").glob("dev-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    said = [turn["say"] for case in cases for turn in case.get("turns", ())]
    return said + [case["text"] for case in cases if case.get("text")]


def until_ready(server: Server) -> None:
    """Until the model is loaded and the database works with no turn waiting beside it."""
    waiting = threading.Event()
    for _ in range(PATIENCE * 10):
        if server.get("/readyz").status == 200:
            return
        waiting.wait(0.1)
    pytest.fail(f"not ready: {server.get('/readyz').body}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: Server, path: str, process: "subprocess.Popen[bytes]") -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE * 4):
        if process.poll() is not None:
            pytest.fail(f"the server ended: {server.log.read_text()[-2000:]}")
        try:
            if server.get(path).status == 200:
                return
        except urllib.error.URLError:
            pass
        waiting.wait(0.25)
    pytest.fail(f"the server did not answer {path}: {server.log.read_text()[-2000:]}")

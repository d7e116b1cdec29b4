"""Kills the server in the middle of its work, again and again, and counts what was kept.

    .venv/bin/python -m benchmarks.kills --kills 50

Each round starts `smertebot serve` on the same store, lets clients send messages, each in a conversation of its own, and
ends it with SIGKILL. A reply that a client received whole must stand for exactly one turn; a message without a reply may
have one or none. Some rounds lock the database for a while, so that turns wait in the queue when the end comes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import List

from bot.identity import Identities
from bot.paths import ROOT
from bot.store.backlog import Backlog
from bot.store.database import Database
from bot.store.keeper import Keeper

CLIENTS = 6
MESSAGES = ("hvad er lob", "hvor kan jeg parkere", "jeg kan ikke få vejret og har blå læber", "tak for hjælpen")
PATIENCE_SECONDS = 120


@dataclass
class Load:
    """Clients that send until they are stopped; what they asked and what was answered."""

    url: str
    name: str
    asked: List[str] = field(default_factory=list)
    replied: List[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: List[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to send."""
        self._threads = [threading.Thread(target=self._send, args=(client,)) for client in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more; returns when every client has ended."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, client: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            sender = f"{self.name}-{client}-{number}"
            self.asked.append(sender)
            body = json.dumps({"sender": sender, "message": MESSAGES[number % len(MESSAGES)]}).encode()
            request = urllib.request.Request(f"{self.url}/webhooks/rest/webhook", body, {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=20) as response:
                    if json.loads(response.read()):
                        self.replied.append(sender)
            except (urllib.error.URLError, OSError, ValueError):
                return


def round_of(number: int, var: Path, chance: random.Random, until: str) -> Load:
    """One start, one load, one kill."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bot.cli", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SMERTE_VAR": str(var)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load = Load(f"http://127.0.0.1:{port}", str(number))
    _wait(f"{load.url}{until}")
    load.start()
    time.sleep(chance.uniform(0.3, 1.5))
    lock = None
    if number % 3 == 0:
        lock = sqlite3.connect(var / "smertebot.sqlite", isolation_level=None, timeout=5)
        lock.execute("BEGIN EXCLUSIVE")
        time.sleep(chance.uniform(1.5, 3))
    server.send_signal(signal.SIGKILL)
    server.wait()
    load.stop()
    if lock:
        lock.close()
    return load


def _wait(url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


def main() -> None:
    """Print what was received and what was kept; ends with 1 when a turn is lost or there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--until", default="/readyz", choices=["/readyz", "/healthz"], help="What must answer before the load begins")
    chosen = parser.parse_args()
    chance, loads = random.Random(7), []
    with tempfile.TemporaryDirectory() as name:
        var = Path(name)
        for number in range(chosen.kills):
            loads.append(round_of(number, var, chance, chosen.until))
            waiting = len(Backlog(var / "backlog.jsonl"))
            print(f"kill {number + 1} of {chosen.kills}: {len(loads[-1].replied)} replies, {waiting} turns in the queue", flush=True)
        keeper = Keeper(Database(f"sqlite:///{var / 'smertebot.sqlite'}"), Backlog(var / "backlog.jsonl"), 365)
        keeper.open()
        sys.exit(_verdict(loads, keeper, Identities((var / "secret_key").read_text().strip())))


def _verdict(loads: List[Load], keeper: Keeper, identities: Identities) -> int:
    kept = Counter({sender: len(keeper.turns(identities.of_rest(sender))) for load in loads for sender in load.asked})
    replied = {sender for load in loads for sender in load.replied}
    lost = [sender for sender in replied if kept[sender] == 0]
    twice = [sender for sender, count in kept.items() if count > 1]
    print(f"{len(replied)} replies received, {sum(kept.values())} turns kept: {len(lost)} lost, {len(twice)} there twice")
    return 1 if lost or twice or not replied else 0


if __name__ == "__main__":
    main()

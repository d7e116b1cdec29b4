"""The small parts: settings, memory, identities, languages, rendering, models, set-up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot import models, settings
from bot.identity import Identities, kept_secret
from bot.languages import language_of
from bot.paths import ROOT
from bot.render import html
from bot.settings import Settings, SettingsError
from bot.store.keeper import MOST_REMEMBERED, TURNS_REMEMBERED, Recent
from tests.databases import turn


def test_an_unknown_setting_stops_the_start_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMERTE_MODELL", "x")
    with pytest.raises(SettingsError, match="unknown setting SMERTE_MODELL"):
        settings.load()


def test_a_malformed_setting_stops_the_start_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMERTE_REPLY_SECONDS", "hurtigt")
    with pytest.raises(SettingsError, match="SMERTE_REPLY_SECONDS"):
        settings.load()


def test_the_command_line_says_which_setting_is_wrong() -> None:
    environment = {**os.environ, "SMERTE_PORTT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "SMERTE_PORTT" in done.stderr


def test_every_setting_is_documented_in_the_help() -> None:
    done = subprocess.run([sys.executable, "-m", "bot.cli", "serve", "--help"], cwd=ROOT, capture_output=True, text=True)
    for name in Settings.__fields__:
        assert f"SMERTE_{name.upper()}" in done.stdout
    operators = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    for name in Settings.__fields__:
        assert f"SMERTE_{name.upper()}" in operators


def test_a_taken_port_is_said_in_one_sentence() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", "serve", "--port", port], cwd=ROOT, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0 and port in done.stderr


def test_what_is_remembered_is_bounded_and_forgotten_on_request() -> None:
    recent = Recent()
    for number in range(TURNS_REMEMBERED + 5):
        recent.add(turn(str(number), "long", number))
    assert [each.said for each in recent.of("long")] == [str(number) for number in range(5, TURNS_REMEMBERED + 5)]
    for number in range(MOST_REMEMBERED):
        recent.add(turn("hej", str(number)))
    assert recent.of("long") == () and recent.of("0")
    recent.forget("0")
    assert recent.of("0") == ()


@pytest.mark.parametrize(
    "text, language",
    [("hvor kan jeg parkere", "da"), ("ondt", "da"), ("I have had pain in my back for two years", "en"), ("عندي ألم شديد في ظهري", "ar"), ("bardzo boli mnie kręgosłup od lat", "pl")],
)
def test_the_language_of_a_message_is_told_where_it_is_clear(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_secret_is_made_once_and_read_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    assert kept_secret(path) == kept_secret(path) and len(kept_secret(path)) >= 32
    assert path.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_a_key_tells_nothing_and_differs_by_secret_and_kind() -> None:
    identities, others = Identities("a" * 40), Identities("b" * 40)
    keys = {identities.of_page("x"), identities.of_rest("x"), others.of_page("x"), identities.of_page("y")}
    assert len(keys) == 4 and identities.of_page("x") == identities.of_page("x")


def test_text_is_rendered_as_light_markdown_and_nothing_else() -> None:
    assert str(html("**7 uger**\n- en\n- to")).count("<li>") == 2
    assert "<script>" not in str(html("<script>alert(1)</script>"))
    assert "javascript:" not in str(html("[x](javascript:alert(1))")).replace("[x](javascript:alert(1))", "")


def test_numbers_become_links_to_call() -> None:
    rendered = str(html("Ring 56 51 28 60 eller 112, ikke 1120.", ["56 51 28 60", "112"]))
    assert '<a href="tel:56512860">56 51 28 60</a>' in rendered
    assert '<a href="tel:112">112</a>' in rendered
    assert "1120" in rendered and 'tel:1120' not in rendered


def test_changed_training_data_asks_for_a_new_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = models.fingerprint()
    data = tmp_path / "data" / "nlu"
    data.mkdir(parents=True)
    (data / "lob.yml").write_text("nlu: []")
    monkeypatch.setattr(models, "ROOT", tmp_path)
    monkeypatch.setattr(models, "DATA", tmp_path / "data")
    for name in ("config.yml", "domain.yml", "bot", "content"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert models.fingerprint() != before


def test_the_lock_file_names_no_host_and_pins_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|index-url", lock)
    assert "--hash=sha256:" in lock


def _set_up(environment: "dict[str, str]", folder: Path) -> "subprocess.CompletedProcess[str]":
    copied = folder / "scripts"
    copied.mkdir()
    (copied / "setup.sh").write_text((ROOT / "scripts" / "setup.sh").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return subprocess.run(
        ["bash", "-c", "set -euo pipefail; source scripts/setup.sh; set_up"],
        cwd=folder, env=environment, capture_output=True, text=True,
    )


def test_given_no_python_310_set_up_says_what_to_do(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "cat", "cksum", "dirname"):
        found = next(Path(folder) / tool for folder in ("/usr/bin", "/bin") if (Path(folder) / tool).exists())
        (tools / tool).symlink_to(found)
    done = _set_up({"PATH": str(tools), "HOME": str(tmp_path)}, tmp_path)
    assert done.returncode == 1
    assert "No Python 3.10 was found" in done.stderr and "install it" in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_given_no_disk_set_up_says_how_much_is_needed(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "df").write_text("#!/bin/sh\necho head\necho x 1 1 12 1% /\n")
    (tools / "df").chmod(0o755)
    done = _set_up({**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SMERTE_PYTHON": sys.executable}, tmp_path)
    assert done.returncode == 1
    assert "12 MB are free" in done.stderr

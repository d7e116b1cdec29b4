"""Rasa's own commands work from the root, and its test stories pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.paths import ROOT

pytestmark = pytest.mark.usefixtures("model")
QUIET = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def _rasa(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rasa", *arguments]
    return subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True, input=stdin, timeout=600)


def test_training_data_and_domain_are_valid_without_a_warning() -> None:
    done = _rasa("data", "validate", "--fail-on-warnings")
    assert done.returncode == 0, done.stdout[-3000:]
    said = [line for line in (done.stdout + done.stderr).splitlines() if "rasa.validator" in line]
    assert said and not [line for line in said if "WARNING" in line or "ERROR" in line]


def test_the_test_stories_pass(model: Path, tmp_path: Path) -> None:
    done = _rasa("test", "core", "--model", str(model), "--stories", "tests/stories", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / "story_report.json").read_text())
    stories = report["conversation_accuracy"]
    assert stories["total"] >= 60
    failed = (tmp_path / "failed_test_stories.yml").read_text()
    assert stories["correct"] >= 0.9 * stories["total"], failed


def test_the_shell_answers_with_the_actions_in_its_own_process(model: Path) -> None:
    done = _rasa("shell", "--model", str(model), stdin="hvor kan jeg parkere\n/stop\n")
    assert "hovedindgangen" in done.stdout, done.stderr[-3000:]


def test_on_other_channels_an_alarm_gets_its_card_too_and_only_one(model: Path) -> None:
    done = _rasa("shell", "--model", str(model), stdin="jeg kan pludselig ikke tisse og er følelsesløs i skridtet\n/stop\n")
    assert done.stdout.count("**Ring ") == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "1818" in done.stdout


def test_on_other_channels_an_alarm_is_told_over_several_turns(model: Path) -> None:
    done = _rasa("shell", "--model", str(model), stdin="jeg har fået voldsomt ondt i ryggen\njeg kan heller ikke tisse\n/stop\n")
    assert done.stdout.count("**Ring ") >= 1, done.stdout[-2000:] + done.stderr[-2000:]

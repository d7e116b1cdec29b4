"""Training the model with Rasa, with progress a person can read."""

from __future__ import annotations

import logging
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Callable, Optional, Sequence

from bot.models import FINGERPRINT, fingerprint
from bot.paths import MODELS, ROOT
from bot.safety.detector import Detector


class Step(str, Enum):
    """What is being learnt."""

    SPELLING = "spelling"
    INTENTS = "intents"
    DIALOGUE = "dialogue"
    ALARMS = "alarms"


_COMPONENTS = {"DanishNormaliser": Step.SPELLING, "CuratedAnswerClassifier": Step.INTENTS, "RulePolicy": Step.DIALOGUE}
_SAID = {
    Step.SPELLING: "learning how the field's words are spelled",
    Step.INTENTS: "learning which answer a message asks for (the longest step)",
    Step.DIALOGUE: "learning how a conversation goes",
    Step.ALARMS: "learning what an alarm sounds like",
}


class TrainingFailed(Exception):
    """Rasa made no model; what it printed says why."""


def train() -> int:
    """Train on data/ and keep the model under models/; its exit status. What it was trained on is remembered."""
    MODELS.mkdir(exist_ok=True)
    before = fingerprint()
    command = [sys.executable, "-m", "rasa", "train", "--domain", "domain.yml", "--data", "data", "--out", str(MODELS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = []
    for line in process.stdout or ():
        output.append(line)
        step = step_of(line)
        if step:
            print(f"  {_SAID[step]} …", flush=True)
    if process.wait():
        print("".join(output[-40:]), file=sys.stderr)
        print("Training failed; the lines above say why. The model in use stays as it is.", file=sys.stderr)
        return process.returncode
    FINGERPRINT.write_text(before)
    print(f"  {_SAID[Step.ALARMS]} …", flush=True)
    Detector().with_model()
    print("  trained.", flush=True)
    return 0


def train_on(data: Sequence[Path], checkout: Path, model: Path, tell: Callable[[Step], None]) -> None:
    """Train in this process on files and folders, with a checkout's domain and configuration, into the file `model`.

    Raises TrainingFailed, and whatever Rasa raises about data that it cannot read.
    """
    from rasa.api import train as rasa_train

    hooks = logging.getLogger("rasa.engine.training.hooks")
    listener = _Listener(tell)
    hooks.setLevel(logging.INFO)
    hooks.propagate = False
    hooks.addHandler(listener)
    try:
        result = rasa_train(
            domain=str(checkout / "domain.yml"),
            config=str(checkout / "config.yml"),
            training_files=[str(path) for path in data],
            output=str(model.parent),
            fixed_model_name=model.name,
        )
    finally:
        hooks.removeHandler(listener)
    if result.code or not model.is_file():
        raise TrainingFailed(f"exit status {result.code}")


def step_of(line: str) -> Optional[Step]:
    """The step that a line of Rasa's log begins."""
    if "Starting to train component" not in line:
        return None
    return next((step for name, step in _COMPONENTS.items() if name in line), None)


class _Listener(logging.Handler):
    """Passes on the steps that Rasa logs."""

    def __init__(self, tell: Callable[[Step], None]):
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        step = step_of(record.getMessage())
        if step:
            self._tell(step)

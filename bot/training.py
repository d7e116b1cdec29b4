"""Training the model with Rasa, with progress a person can read."""

from __future__ import annotations

import subprocess
import sys
from typing import Iterator

from bot.models import FINGERPRINT, fingerprint
from bot.paths import MODELS, ROOT
from bot.safety.detector import Detector

_STEPS = {
    "DanishNormaliser": "learning how the field's words are spelled",
    "CuratedAnswerClassifier": "learning which answer a message asks for (the longest step)",
    "RulePolicy": "learning how a conversation goes",
}


def train() -> int:
    """Train on data/ and keep the model under models/; its exit status. What it was trained on is remembered."""
    MODELS.mkdir(exist_ok=True)
    before = fingerprint()
    command = [sys.executable, "-m", "rasa", "train", "--domain", "domain.yml", "--data", "data", "--out", str(MODELS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = []
    for line in process.stdout or ():
        output.append(line)
        for step in _said(line):
            print(f"  {step} …", flush=True)
    if process.wait():
        print("".join(output[-40:]), file=sys.stderr)
        print("Training failed; the lines above say why. The model in use stays as it is.", file=sys.stderr)
        return process.returncode
    FINGERPRINT.write_text(before)
    print("  learning what an alarm sounds like …", flush=True)
    Detector().with_model()
    print("  trained.", flush=True)
    return 0


def _said(line: str) -> Iterator[str]:
    if "Starting to train component" in line:
        for name, step in _STEPS.items():
            if name in line:
                yield step

"""Writes the safety examples, normalised, for training.encoder.

    .venv/bin/python -m training.messages var/messages.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bot.examples import training_examples
from bot.safety.detector import Detector
from bot.safety.model import examples


def main(out: Path) -> None:
    """Write a list of [text, flag, whether it is an example of an intent]; the flag is empty for calm messages."""
    normalise, found = Detector().normalise, examples()
    intents = {example.text for example in training_examples()}
    rows = {normalise(text): (label.partition("@")[0], text in intents) for text, label in zip(found.texts, found.classes)}
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([[text, flag, easy] for text, (flag, easy) in rows.items()], ensure_ascii=False), encoding="utf-8")
    print(f"{len(rows)} messages in {out}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The training examples of data/nlu, read for checks and benchmarks; Rasa reads them by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from bot.paths import DATA
from bot.understanding import ALARM_INTENT


@dataclass(frozen=True)
class Example:
    """A training example: its text, its intent, and where it stands."""

    text: str
    intent: str
    file: str
    line: int


def training_examples(folder: Path = DATA / "nlu") -> Iterator[Example]:
    """The training examples in the order of files and lines, but for those of `alarm`: the detector learns elsewhere."""
    for path in sorted(folder.glob("*.yml")):
        intent = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("- intent: "):
                intent = line.removeprefix("- intent: ").strip()
            elif line.startswith("    - ") and intent != ALARM_INTENT:
                yield Example(line.removeprefix("    - "), intent, str(path.relative_to(folder.parent.parent)), number)


def same_words(text: str) -> str:
    """The text's letters and digits, so that case, blanks and punctuation make no difference; signs alone stay."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()

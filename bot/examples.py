"""The training examples of data/nlu, read for checks and benchmarks; Rasa reads them by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Optional, Tuple

import yaml

from bot.paths import DATA
from bot.understanding import ALARM_INTENT

# Metadata of an example that a reviewer's correction became.
CORRECTION = "correction"


@dataclass(frozen=True)
class Example:
    """A training example: its text, its intent, where it stands, and whether it is a reviewer's correction."""

    text: str
    intent: str
    file: str
    line: int
    correction: bool = False


def training_examples(folder: Path = DATA / "nlu") -> Iterator[Example]:
    """The training examples in the order of files and lines, but for those of `alarm`: the detector learns elsewhere."""
    for path in sorted(folder.glob("*.yml")):
        yield from (example for example in examples_in(path, folder.parent.parent) if example.intent != ALARM_INTENT)


def examples_in(path: Path, root: Path) -> Iterator[Example]:
    """The training examples of a file, in both of Rasa's forms: a list in one text, or each with metadata of its own."""
    items = _part(yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), "nlu")
    for item in items.value if items else ():
        intent, examples = _part(item, "intent"), _part(item, "examples")
        if intent and examples:
            for text, line, correction in _listed(examples) if examples.id == "scalar" else _described(examples):
                yield Example(text, intent.value, str(path.relative_to(root)), line, correction)


def same_words(text: str) -> str:
    """The text's letters and digits, so that case, blanks and punctuation make no difference; signs alone stay."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def _listed(examples: Any) -> Iterator[Tuple[str, int, bool]]:
    for number, line in enumerate(examples.value.splitlines(), examples.start_mark.line + 2):
        if line.startswith("- "):
            yield line.removeprefix("- "), number, False


def _described(examples: Any) -> Iterator[Tuple[str, int, bool]]:
    for example in examples.value:
        text = _part(example, "text")
        if text:
            mark = _part(_part(example, "metadata"), CORRECTION)
            yield text.value.strip(), text.start_mark.line + 1, mark is not None and mark.value == "true"


def _part(node: Any, key: str) -> Optional[Any]:
    """The value of a key of a YAML mapping; None where there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)

"""Measures de-identification on texts with personal data marked: `{the words|KIND}`, or dev cases as JSON Lines.

    .venv/bin/python -m training.deidentification training/privacy/develop.txt tests/privacy/marked.txt
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

from bot.privacy.redactor import Deidentifier

_MARK = re.compile(r"\{([^{}|]+)\|([A-Z_]+)\}")


@dataclass(frozen=True)
class Case:
    """A text and what must go out of it: (words, kind)."""

    text: str
    marks: Tuple[Tuple[str, str], ...]


@dataclass(frozen=True)
class Outcome:
    """A case, what became of it, and the marks of which something was left."""

    case: Case
    text: str
    left: Tuple[Tuple[str, str], ...]

    @property
    def touched(self) -> bool:
        """Whether a text without personal data was changed."""
        return not self.case.marks and self.text != self.case.text


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if path.suffix == ".jsonl":
            data = json.loads(line)
            yield Case(data["text"], tuple((words, kind) for words, kind in data["spans"]))
        elif line.strip():
            yield Case(_MARK.sub(r"\1", line), tuple(mark.groups() for mark in _MARK.finditer(line)))  # type: ignore[misc]


def play(deidentifier: Deidentifier, played: Sequence[Case]) -> List[Outcome]:
    """What becomes of each case."""
    outcomes = []
    for case in played:
        text = deidentifier.redact(case.text).text
        outcomes.append(Outcome(case, text, tuple(mark for mark in case.marks if _is_left(mark[0], case, text))))
    return outcomes


def report(outcomes: Sequence[Outcome]) -> str:
    """A table by kind, and how many clean texts were touched."""
    all_marks = Counter(kind for outcome in outcomes for _, kind in outcome.case.marks)
    left = Counter(kind for outcome in outcomes for _, kind in outcome.left)
    lines = [f"{kind:14} {total - left[kind]:4} of {total:4}  {(total - left[kind]) / total:6.1%}" for kind, total in sorted(all_marks.items())]
    clean = [outcome for outcome in outcomes if not outcome.case.marks]
    touched = sum(outcome.touched for outcome in clean)
    return "\n".join([*lines, f"clean touched  {touched:4} of {len(clean):4}  {touched / max(1, len(clean)):6.1%}"])


def _is_left(words: str, case: Case, text: str) -> bool:
    """Whether a word of the mark stands in the text more often than it may without it."""
    allowed = case.text
    for marked, _ in case.marks:
        allowed = allowed.replace(marked, " ", 1)
    may, stands = Counter(re.findall(r"\w+", allowed)), Counter(re.findall(r"\w+", text))
    return any(stands[word] > may[word] for word in re.findall(r"\w+", words) if len(word) > 1 or word.isdigit())


def main() -> None:
    """Print tables and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--show", default="", help="Kinds to show failures of, comma-separated; CLEAN for clean lines")
    chosen = parser.parse_args()
    deidentifier = Deidentifier()
    for path in chosen.files:
        begun = time.perf_counter()
        outcomes = play(deidentifier, list(cases(path)))
        each = (time.perf_counter() - begun) / len(outcomes) * 1000
        print(f"{path.name}: {len(outcomes)} texts, {each:.1f} ms each\n{report(outcomes)}")
        for outcome in outcomes:
            kinds = {kind for _, kind in outcome.left} | ({"CLEAN"} if outcome.touched else set())
            if kinds & set(chosen.show.split(",")):
                print(f"  {outcome.case.text}\n    {outcome.text}   {outcome.left or ''}")


if __name__ == "__main__":
    main()

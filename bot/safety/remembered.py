"""Alarms that reviewers found to be missed: from then on they are caught word for word, whatever the classifier says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from bot.safety.tokens import Tokens, read

logger = logging.getLogger(__name__)
# A phrase of fewer words is an alarm only as a message of its own: within a longer one it may mean anything.
FEWEST_WITHIN = 4
Words = Tuple[str, ...]


@dataclass(frozen=True)
class Recalled:
    """A phrase that was met: its class (flag, or flag@level) and the places of its words."""

    label: str
    places: Tuple[int, ...]


class Remembered:
    """Finds phrases in messages: a message of exactly the phrase's words, or one that holds them as a run."""

    def __init__(self, phrases: Sequence[Tuple[Words, str]]):
        self._whole = dict(phrases)
        self._beginning_with: Dict[Words, List[Tuple[Words, str]]] = {}
        for words, label in phrases:
            if len(words) >= FEWEST_WITHIN:
                self._beginning_with.setdefault(words[:FEWEST_WITHIN], []).append((words, label))

    @classmethod
    def of(cls, corrections: Path, normalise: Callable[[str], str]) -> "Remembered":
        """The phrases of a folder of corrections, a file a class. What cannot be read is left out, with an error in the log."""
        found = ((read(normalise(line)).folded, label) for line, label in alarms(corrections))
        return cls([(words, label) for words, label in found if words])

    def find(self, tokens: Tokens) -> Iterator[Recalled]:
        """The phrases in a message."""
        said = tokens.folded
        if said in self._whole:
            yield Recalled(self._whole[said], tuple(range(len(said))))
        for first in range(len(said) - FEWEST_WITHIN + 1):
            for words, label in self._beginning_with.get(said[first : first + FEWEST_WITHIN], ()):
                places = tuple(range(first, first + len(words)))
                if said[first : first + len(words)] == words and words != said:
                    yield Recalled(label, places)


def alarms(corrections: Path) -> Iterator[Tuple[str, str]]:
    """The alarm phrases of a folder of corrections and the class of each."""
    for path in sorted((corrections / "alarms").glob("*.txt")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            # The screening goes on without them, and somebody must look.
            logger.error("the remembered alarms of %s cannot be read: %s", path.name, type(error).__name__)
            continue
        yield from ((line.strip(), path.stem) for line in text.splitlines() if line.strip())

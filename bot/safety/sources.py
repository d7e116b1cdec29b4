"""What the detector learns from besides content/ and data/safety, and where it keeps what it learnt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.paths import DATA, MODELS

# Below a folder of corrections: those that are no alarm.
CALM = "calm.txt"
# Between the turns of a message that is told in several.
TURN = " || "


@dataclass(frozen=True)
class Sources:
    """The folder of reviewers' corrections (alarms/<flag>.txt and CALM), and the file of the trained words."""

    corrections: Path = DATA / "safety" / "corrections"
    words: Path = MODELS / "safety.pickle"

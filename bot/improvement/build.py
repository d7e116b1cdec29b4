"""What answers and screens: a trained model and the sources of a detector; of the checkout, or of a round of improvement."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Optional

from bot.improvement.lessons import SAFETY
from bot.models import ModelMissing, newest
from bot.paths import ROOT
from bot.safety.sources import Sources
from bot.settings import Settings


@dataclass(frozen=True)
class Build:
    """A model, the sources of its detector, and the folder where what they learnt stands."""

    model: Path
    sources: Sources = Sources()
    folder: Path = ROOT


class Busy(Exception):
    """A round is under way."""


class Folders:
    """Where rounds keep their files: SMERTE_VAR/improvements/<id>."""

    def __init__(self, settings: Settings):
        self.root = settings.folder / "improvements"

    def of(self, id: int) -> Path:
        """The folder of a round."""
        return self.root / str(id)

    def build(self, id: int, own_detector: bool) -> Build:
        """What a round makes; with the checkout's detector where it learnt nothing on alarms."""
        folder = self.of(id)
        own = Sources(folder / SAFETY, folder / "safety.pickle")
        return Build(folder / f"round-{id}.tar.gz", own if own_detector else Sources(), folder)

    def found(self, id: int, own_detector: bool) -> Optional[Build]:
        """What a round made, if its files are still there."""
        build = self.build(id, own_detector)
        whole = build.model.is_file() and (build.sources.corrections.is_dir() or not own_detector)
        return build if whole else None

    def keep_only(self, ids: Iterable[int]) -> None:
        """Delete the folders of all other rounds."""
        kept = {str(id) for id in ids}
        for path in self.root.iterdir() if self.root.is_dir() else ():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def lock(self) -> int:
        """The file descriptor that holds the one lock, for as long as it or a copy of it is open. Raises Busy."""
        self.root.mkdir(exist_ok=True, mode=0o700)
        held = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise Busy()
        return held


def base_of(settings: Settings) -> Path:
    """The trained model of the checkout's files. Raises ModelMissing."""
    path = settings.model or newest()
    if not path.is_file():
        raise ModelMissing(f"the model {path.name} does not exist")
    return path

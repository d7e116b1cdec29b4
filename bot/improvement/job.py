"""Rounds of improvement in the background: one at a time, whichever worker or command line started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Iterator, Mapping, Optional, Tuple

from bot.content import load as load_content
from bot.improvement.build import Busy, Folders, base_of
from bot.improvement.files import Difference, Texts, difference, files, of_round
from bot.improvement.lessons import lesson_of, lessons, read
from bot.improvement.trial import Trial
from bot.paths import ROOT
from bot.settings import PREFIX, Settings
from bot.store.database import Database
from bot.store.phrases import Phrase, Phrases, Taking
from bot.store.rounds import Round, Rounds, State


_LOOK_SECONDS = 0.5


class NothingToLearn(Exception):
    """No correction says anything that the model in use was not taught."""


@dataclass(frozen=True)
class Plan:
    """What a round would do: what it takes on, the files it would change, and the phrases that are not in use yet.

    `unusable` phrases name an answer or a flag that does not exist any more.
    """

    taking: Taking
    difference: Difference
    coming: Tuple[Phrase, ...]
    unusable: Tuple[Phrase, ...]

    @property
    def teaches(self) -> bool:
        """Whether there is anything to learn."""
        return any(name.startswith("data/") for name in self.difference)


@dataclass(frozen=True)
class Job:
    """A round that was started by this process."""

    id: int
    process: "subprocess.Popen[bytes]"
    rounds: Rounds

    def steps(self) -> Iterator[str]:
        """What is being done, as it begins, until the process ends. Raises Unavailable."""
        said = ""
        while self._goes_on():
            step = self.rounds.get(self.id).step
            if step != said:
                said = step
                yield step

    def _goes_on(self) -> bool:
        try:
            self.process.wait(_LOOK_SECONDS)
            return False
        except subprocess.TimeoutExpired:
            return True


@dataclass(frozen=True)
class Improvement:
    """Everything on rounds that pages and command line need. Its methods block and raise Unavailable."""

    settings: Settings
    database: Database

    @cached_property
    def rounds(self) -> Rounds:
        """The rounds."""
        return Rounds(self.database)

    @cached_property
    def phrases(self) -> Phrases:
        """The corrections."""
        return Phrases(self.database)

    @cached_property
    def folders(self) -> Folders:
        """Where rounds keep their files."""
        return Folders(self.settings)

    def trial(self) -> Trial:
        """What a round works with. Raises ModelMissing."""
        return Trial(self.rounds, self.phrases, self.folders, base_of(self.settings))

    def plan(self) -> Plan:
        """What a round would do now. Raises ModelMissing."""
        content, taking, now = load_content(), self.phrases.preview(), self.trial().in_use().folder
        known = {lesson.essence for lesson in read(now)}
        learnt = {phrase: lesson_of(phrase, content) for phrase in taking.counting}
        return Plan(
            taking,
            difference(files(lessons(ROOT, taking.phrases, content), ROOT), ROOT, now),
            tuple(phrase for phrase, lesson in learnt.items() if lesson and lesson.essence not in known),
            tuple(phrase for phrase, lesson in learnt.items() if lesson is None),
        )

    def begin(self, actor: str) -> Job:
        """Take the waiting corrections on and start a round. Raises Busy, NothingToLearn, ModelMissing, OSError."""
        lock = self.folders.lock()
        try:
            self._note_ended()
            base = base_of(self.settings)
            if not self.plan().teaches:
                raise NothingToLearn()
            self.phrases.take(actor)
            id = self.rounds.begin(actor, base.name)
            return Job(id, self._started(id, base, lock), self.rounds)
        finally:
            os.close(lock)

    def back(self, id: int, actor: str) -> bool:
        """Go back from a round to the one in use before it, or to the base; False when the round is not in use."""
        live = self.rounds.live()
        if live is None or live.id != id:
            return False
        before = self.rounds.before(live)
        there = before is not None and self.folders.found(before.id, before.own_detector)
        return self.rounds.back(live, before if there else None, actor)

    def settle(self) -> Optional[Round]:
        """The round that is under way; one whose process has ended is noted as failed."""
        running = self.rounds.running()
        if running is None:
            return None
        try:
            lock = self.folders.lock()
        except Busy:
            return running
        try:
            self._note_ended()
        finally:
            os.close(lock)
        return None

    def exported(self) -> Optional[Texts]:
        """The texts of the files of the round in use; None when no improvement is in use. Raises ModelMissing."""
        folder = self.trial().in_use().folder
        return of_round(folder, ROOT) if folder != ROOT else None

    def _note_ended(self) -> None:
        """For whoever holds the lock: no round can be under way."""
        while (ended := self.rounds.running()) is not None:
            self.rounds.end(ended.id, State.FAILED, {"failure": "ended"})

    def _started(self, id: int, base: Path, lock: int) -> "subprocess.Popen[bytes]":
        """The process of a round. It ends when its standard input does, which this process holds for as long as it lives."""
        folder = self.folders.of(id)
        folder.mkdir(parents=True, mode=0o700)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot.improvement", str(id)], cwd=ROOT, env=self._environment(base),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, pass_fds=(lock,),
            )
        threading.Thread(target=process.wait, name="improvement", daemon=True).start()
        return process

    def _environment(self, base: Path) -> Mapping[str, str]:
        chosen = {"MODEL": str(base.absolute()), "VAR": str(self.settings.folder), "DATABASE_URL": self.settings.database}
        quiet = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        return {**os.environ, **quiet, **{f"{PREFIX}{name}": value for name, value in chosen.items()}}

"""A round of improvement from beginning to end: files, training, comparison, verdict. Blocks for a minute or more."""

from __future__ import annotations

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple

from bot.content import Content
from bot.content import load as load_content
from bot.improvement.build import Build, Folders
from bot.improvement.cases import Case, cases
from bot.improvement.comparison import Comparison, Result, alarms, answers
from bot.improvement.files import files, same_files, write
from bot.improvement.lessons import SAFETY, lessons, read
from bot.paths import ROOT
from bot.safety.detector import Detector
from bot.store.database import Unavailable
from bot.store.phrases import Phrases
from bot.store.review import Verdict
from bot.store.rounds import OWN_DETECTOR, Rounds, State
from bot.training import Step, train_on

logger = logging.getLogger(__name__)
# How much of a round is done when a step of the training begins.
_DONE = {Step.SPELLING: 0.03, Step.INTENTS: 0.1, Step.DIALOGUE: 0.5, Step.ALARMS: 0.55}
_COMPARING = 0.8
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Trial:
    """What a round works with. `base` is the trained model of the checkout's files."""

    rounds: Rounds
    phrases: Phrases
    folders: Folders
    base: Path
    checkout: Path = ROOT

    def run(self, id: int) -> State:
        """Carry out a round and note what became of it. Raises Unavailable when that cannot be noted."""
        try:
            comparison, own_detector = self._tried(id)
            state = State.WORSE if comparison.is_worse else State.READY
            report = {**comparison.as_data(), OWN_DETECTOR: own_detector}
        except Exception as error:
            logger.error("improvement %d failed: %s", id, type(error).__name__, exc_info=True)
            state, report = State.FAILED, {"failure": type(error).__name__}
        self._end(id, state, report)
        self._tidy(id)
        return state

    def in_use(self) -> Build:
        """What answers now."""
        live = self.rounds.live()
        build = self.folders.found(live.id, live.own_detector) if live and live.base == self.base.name else None
        return build or Build(self.base, folder=self.checkout)

    def _tried(self, id: int) -> Tuple[Comparison, bool]:
        content, phrases, old = load_content(), self.phrases.known(), self.in_use()
        folder = self.folders.of(id)
        write(files(lessons(self.checkout, phrases, content), self.checkout), self.checkout, folder)
        own_detector = not same_files(folder / SAFETY, self.checkout / SAFETY)
        new = self.folders.build(id, own_detector)
        self._train(id, new)
        detectors = self._detectors(id, old, new)
        self._say(id, State.COMPARING, "comparing", _COMPARING)
        known = {lesson.essence for lesson in read(old.folder)}
        return _compared((old, new), detectors, cases(self.checkout, phrases, known, content), content), own_detector

    def _train(self, id: int, build: Build) -> None:
        data = [build.folder / "data" / "nlu", *(self.checkout / "data" / name for name in ("rules", "stories"))]
        train_on(data, self.checkout, build.model, lambda step: self._say(id, State.TRAINING, step.value, _DONE[step]))

    def _detectors(self, id: int, old: Build, new: Build) -> Tuple[Detector, Detector]:
        """Those of both builds; one and the same where the new one learnt nothing on alarms."""
        before = Detector(sources=old.sources).with_model()
        if old.sources == new.sources:
            return before, before
        if same_files(old.sources.corrections, new.sources.corrections):
            shutil.copy(old.sources.words, new.sources.words)
            return before, before
        self._say(id, State.TRAINING, Step.ALARMS.value, _DONE[Step.ALARMS])
        return before, Detector(sources=new.sources).with_model()

    def _tidy(self, id: int) -> None:
        """Keep the files of this round (its log), of the one in use and of the one before that."""
        live = self.rounds.live()
        before = self.rounds.before(live) if live else None
        self.folders.keep_only({id, *(round.id for round in (live, before) if round)})

    def _say(self, id: int, state: State, step: str, done: float) -> None:
        try:
            self.rounds.progress(id, state, step, done)
        except Unavailable as failure:
            logger.warning("the progress of improvement %d could not be noted: %s", id, failure)

    def _end(self, id: int, state: State, report: Mapping[str, Any]) -> None:
        """Note the end, when the database is away for a moment too. Raises Unavailable when it is for longer."""
        for _ in range(_PATIENCE_SECONDS):
            try:
                return self.rounds.end(id, state, report)
            except Unavailable:
                threading.Event().wait(1)
        self.rounds.end(id, state, report)


def _compared(
    builds: Tuple[Build, Build], detectors: Tuple[Detector, Detector], all_cases: Sequence[Case], content: Content
) -> Comparison:
    questions = [case for case in all_cases if case.kind is Verdict.ANSWER]
    screened = [case for case in all_cases if case.kind is not Verdict.ANSWER]
    results = [Result(*each) for each in zip(questions, *(answers(build.model, questions, content) for build in builds))]
    if detectors[0] is detectors[1]:
        return Comparison(tuple(results), tuple(screened))
    with ThreadPoolExecutor() as pool:
        by_detector = pool.map(lambda detector: alarms(detector, screened), detectors)
        return Comparison((*results, *(Result(*each) for each in zip(screened, *by_detector))))

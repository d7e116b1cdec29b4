"""The detector at the gateway: loaded on a thread of its own, never in the way of the port, never silent."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Sequence

from bot.safety.detector import Detector, Verdict
from bot.safety.sources import Sources

logger = logging.getLogger(__name__)


class Guard:
    """Screens messages one after another on a thread of its own.

    Patterns are there within a second; the classifier joins when it is loaded (or trained). A failure of the
    classifier leaves the patterns.
    """

    def __init__(self, sources: Sources = Sources()) -> None:
        self._pool = ThreadPoolExecutor(1, "guard")
        self._training = ThreadPoolExecutor(1, "guard-model")
        self._detector: "Future[Detector]" = self._pool.submit(_loaded, sources)

    @property
    def patterns(self) -> "Future[Detector]":
        """Done when the patterns are there."""
        return self._detector

    def start(self, after: "Future[Any]") -> "Future[Detector]":
        """Load the classifier in the background once `after` is done; done when it is there or has failed."""
        return self._training.submit(self._with_model, after)

    def switch(self, detector: Detector) -> None:
        """Screen with another detector from the next message on; see `loaded`."""
        ready: "Future[Detector]" = Future()
        ready.set_result(detector)
        self._detector = ready

    async def screen(self, text: str, before: Sequence[str], after_asking: bool = False) -> Verdict:
        """See Detector.screen. Raises when the patterns cannot be loaded."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._screen, text, before, after_asking)

    def is_about_another(self, text: str) -> bool:
        """Whether the writer seems to tell of someone else."""
        return self._detector.result().is_about_another(text)

    def _screen(self, text: str, before: Sequence[str], after_asking: bool) -> Verdict:
        return self._detector.result().screen(text, before, after_asking)

    def _with_model(self, after: "Future[Any]") -> Detector:
        wait([after])
        try:
            return self._detector.result().with_model()
        except Exception as error:
            # The patterns go on alone; that is worth an operator's attention.
            logger.error("the safety classifier is missing: %s", type(error).__name__)
            raise


def loaded(sources: Sources) -> Detector:
    """A whole detector, warm, made on the thread that calls. Raises whatever hinders it."""
    return _loaded(sources).with_model()


def _loaded(sources: Sources) -> Detector:
    """The detector, warm: what it imports on its first message is imported before others import beside it."""
    detector = Detector(sources=sources)
    detector.screen("hej")
    return detector

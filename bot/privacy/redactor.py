"""De-identification at the door: a text in, the same text without what names a person out."""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any, FrozenSet, List, Optional, Tuple

from bot.privacy.addresses import Addresses
from bot.privacy.links import Links
from bot.privacy.names import Names
from bot.privacy.numbers import Numbers
from bot.privacy.span import Span, merged
from bot.privacy.words import load_words, same_length

logger = logging.getLogger(__name__)
SECONDS = 2.0
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Redacted:
    """A de-identified text and the kinds of what was taken out, one an occurrence. What that was shows nowhere."""

    text: str
    kinds: Tuple[str, ...] = ()
    _removed: FrozenSet[str] = field(default=frozenset(), repr=False)

    def took_out(self, word: str) -> bool:
        """Whether the word (lower case) stood in what was taken out."""
        return word in self._removed


class Deidentifier:
    """Finds and replaces personal data. Deterministic; nothing is kept between texts."""

    def __init__(self, names: Optional[Names] = None):
        self._words = load_words()
        self._placeholder = re.compile("|".join(map(re.escape, self._words.placeholders.values())))
        self._finders = (Numbers(self._words), Links(self._words), Addresses(self._words), names or Names.load())

    def spans(self, text: str) -> List[Span]:
        """Where personal data stands, in order, without overlaps."""
        taken = [placeholder.span() for placeholder in self._placeholder.finditer(text)]
        found = (span for finder in self._finders for span in finder.find(text))
        return merged(span for span in found if not any(span.start < end and start < span.end for start, end in taken))

    def redact(self, text: str) -> Redacted:
        """The text with a placeholder for each span."""
        spans = self.spans(text)
        kept, end = [], 0
        for span in spans:
            kept += [text[end : span.start], self._words.placeholders[span.kind]]
            end = span.end
        removed = frozenset(word for span in spans for word in _WORD.findall(same_length(text[span.start : span.end])))
        return Redacted("".join([*kept, text[end:]]), tuple(span.kind.value for span in spans), removed)


class NotLoaded(Exception):
    """The de-identifier is not there yet, could not be loaded, or is too slow."""


class Redactor:
    """The de-identifier at the gateway, on a thread of its own: loading it takes seconds."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "redactor")
        self._ready: "Future[Deidentifier]" = Future()

    def start(self, after: "Future[Any]") -> "Future[Deidentifier]":
        """Load in the background once `after` is done; done when it is there or has failed."""
        self._pool.submit(self._load, after)
        return self._ready

    @property
    def ready(self) -> bool:
        """Whether texts can be de-identified."""
        return self._ready.done() and self._ready.exception() is None

    async def redact(self, text: str) -> Redacted:
        """See Deidentifier.redact. Raises NotLoaded at once, asyncio.TimeoutError after SECONDS, and whatever failed."""
        if not self.ready:
            raise NotLoaded
        asked = asyncio.get_running_loop().run_in_executor(self._pool, self._ready.result().redact, text)
        return await asyncio.wait_for(asked, SECONDS)

    def redact_here(self, text: str) -> Redacted:
        """See Deidentifier.redact, for a thread that waits for it. Raises NotLoaded, and whatever failed."""
        if not self.ready:
            raise NotLoaded
        try:
            return self._pool.submit(self._ready.result().redact, text).result(SECONDS)
        except TooSlow:
            raise NotLoaded from None

    def _load(self, after: "Future[Any]") -> None:
        wait([after])
        try:
            deidentifier = Deidentifier()
            deidentifier.redact("hej")
            self._ready.set_result(deidentifier)
        except Exception as error:
            # Texts are dropped from now on, neither stored nor answered: an operator must know.
            logger.error("texts cannot be de-identified: %s", error)
            self._ready.set_exception(error)

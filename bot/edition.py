"""What patients read just now: the files of content/ and, in their place, the texts that were published since."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from bot import manuscript
from bot.content import Content, version_of
from bot.document import ContentError
from bot.files import located
from bot.finding import Key
from bot.manuscript import Manuscript, Misfit, Published
from bot.paths import CONTENT
from bot.placeholders import filled
from bot.proof import faults
from bot.safety.flags import CardFile, Flag

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edition:
    """All texts, consistent: filled in for patients, and as they are written.

    `misfits` are published texts that do not fit the files any more; the files' own stand in their place.
    """

    content: Content
    flags: Mapping[str, Flag]
    cards: CardFile
    version: str
    manuscript: Manuscript
    misfits: Tuple[Key, ...] = ()


_current: Optional[Edition] = None


def current() -> Edition:
    """The edition of this process; the files' own until another one is put. Raises ContentError."""
    return _current or of_files()


def put(edition: Edition) -> None:
    """Let patients read an edition from the next message on."""
    global _current
    _current = edition


@lru_cache(maxsize=None)
def of_files(folder: Path = CONTENT) -> Edition:
    """The files' edition. Raises ContentError with every finding."""
    written = manuscript.of_files(folder)
    if problems := [located(finding, folder) for finding in faults(written)]:
        raise ContentError(problems)
    return filled_in(written, version_of(folder))


def assembled(published: Sequence[Published], files: Optional[Edition] = None) -> Edition:
    """The files' edition with published texts (one each). Those that do not fit are left out, with an error in the log."""
    files = files or of_files()
    taking = tuple(counting(published, files.manuscript))
    text, misfits = _fitting(files.manuscript, taking)
    for key in misfits:
        logger.error("the published text %s does not fit the files any more; patients get the files' text", key)
    return filled_in(text, _version(files.version, taking), misfits) if taking else files


def filled_in(written: Manuscript, version: str, misfits: Tuple[Key, ...] = ()) -> Edition:
    """The edition of a manuscript, unchecked."""
    contacts = written.contacts
    flags = {id: filled(flag, contacts) for id, flag in written.flags.items()}
    return Edition(written.filled(), flags, filled(written.cards, contacts), version, written, misfits)


def counting(published: Sequence[Published], files: Manuscript) -> Iterator[Published]:
    """Those that are newer than the files' text, or only add the approval to the very same text."""
    for text in published:
        try:
            mark, fields = files.mark(text.key), files.fields(text.key)
        except Misfit:
            yield text
            continue
        same = text.version == mark.version and mark.approved is None and fields == text.fields
        if text.version > mark.version or same:
            yield text


def _fitting(files: Manuscript, published: Sequence[Published]) -> Tuple[Manuscript, Tuple[Key, ...]]:
    whole = _with(files, *published)
    return (whole, ()) if whole else _one_by_one(files, published)


def _one_by_one(files: Manuscript, published: Sequence[Published]) -> Tuple[Manuscript, Tuple[Key, ...]]:
    """As many texts as fit together. One may need another (its contact, say), so those left are tried again after each."""
    taken, waiting = files, list(published)
    while True:
        left: List[Published] = []
        for text in waiting:
            tried = _with(taken, text)
            taken, left = (tried, left) if tried else (taken, [*left, text])
        if len(left) == len(waiting):
            return taken, tuple(text.key for text in left)
        waiting = left


def _with(written: Manuscript, *published: Published) -> Optional[Manuscript]:
    """The manuscript with published texts; None when that does not hold together."""
    try:
        for text in published:
            written = written.with_text(text)
    except Misfit:
        return None
    return None if any(True for _ in faults(written)) else written


def _version(files: str, published: Sequence[Published]) -> str:
    data: List[object] = [files, *(text.as_data() for text in published)]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

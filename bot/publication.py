"""Publishing: what an approver decides becomes what patients read, in every worker, and stays so without the database."""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Iterator, List, Optional, Sequence, Tuple

from bot import edition
from bot.edition import Edition, assembled
from bot.finding import Code, Finding, Key
from bot.manuscript import Fields, Misfit, Published, published_of
from bot.proof import faults, proof, with_draft
from bot.store.database import Database, Unavailable
from bot.store.revisions import Fingerprint, Revision, Revisions, editing, reading

logger = logging.getLogger(__name__)
REFRESH_SECONDS = 3.0
# What was read earlier shall not be put later.
_one_at_a_time = threading.Lock()


class Unfit(Exception):
    """A text may not be published; `findings` say why."""

    def __init__(self, findings: Sequence[Finding]):
        self.findings = tuple(findings)
        super().__init__("; ".join(finding.code.value for finding in findings))


class Stale(Exception):
    """The text has changed since the draft, or the page, began from it."""


@dataclass(frozen=True)
class Publication:
    """Publishes texts of a database; a copy of what is published lies in the file `copy`."""

    database: Database
    copy: Path

    def submit(self, key: Key, stamp: int, comment: str, person: str) -> Revision:
        """Ask for approval of a draft. Raises Conflict, Stale, Unfit, Unavailable."""
        with editing(self.database) as revisions:
            draft = revisions.submit(key, stamp, comment, person)
            _require_fit(draft, assembled(revisions.published()))
            return draft

    def approve(self, key: Key, stamp: int, comment: str, person: str) -> Revision:
        """Publish a submitted draft. Raises Conflict, OwnText, Stale, Unfit, Unavailable."""
        with self._publishing() as (revisions, before):
            approved = revisions.approve(key, stamp, _next_version(revisions, key), comment, person)
            _require_fit(approved, before)
            return approved

    def approve_as_it_is(self, key: Key, version: int, person: str) -> Revision:
        """Approve a text of the files unchanged; `version` is the one that was looked at. Raises Stale, Unfit, Unavailable."""
        with self._publishing() as (revisions, before):
            mark, fields = before.manuscript.mark(key), before.manuscript.fields(key)
            if mark.version != version or mark.approved:
                raise Stale()
            _refuse([finding for finding in proof(before.manuscript, key, fields) if finding.code is not Code.UNCHANGED])
            next_version = _next_version(revisions, key)
            # Unless a version that no longer fits the files stands above it.
            new = version if next_version == version + 1 else next_version
            return revisions.publish(key, fields, version, new, "text approved as it is", person)

    def roll_back(self, key: Key, fields: Fields, version: int, person: str) -> Revision:
        """Publish an earlier version anew; `version` is the current one that was looked at. Raises Stale, Unfit, Unavailable."""
        with self._publishing() as (revisions, before):
            if before.manuscript.mark(key).version != version:
                raise Stale()
            try:
                _refuse(list(faults(with_draft(before.manuscript, key, fields))))
            except Misfit:
                raise Unfit([Finding(key, Code.MALFORMED)])
            return revisions.publish(key, fields, version, _next_version(revisions, key), "text rolled back", person)

    def refresh(self, seen: Optional[Fingerprint] = None) -> Optional[Fingerprint]:
        """Put what is published, unless it is what was `seen`; its fingerprint. Raises Unavailable."""
        with _one_at_a_time, reading(self.database) as revisions:
            found = revisions.fingerprint()
            if found == seen:
                return seen
            if not revisions.is_empty():
                self._put(revisions.published())
                return found
        return self._restored()

    def open(self, database_works: bool) -> None:
        """Put what is published; without the database the copy of it, without that the files' texts."""
        try:
            if database_works:
                self.refresh()
                return
        except Unavailable as failure:
            logger.error("the published texts could not be read from the database: %s", failure)
        edition.put(assembled(self._copied()))

    def _restored(self) -> Fingerprint:
        """A database that holds no texts gets those of the copy: it may be a new one in place of one that was lost."""
        with self._publishing() as (revisions, _):
            if revisions.is_empty() and (lost := self._copied()):
                logger.error("the database held no texts; %d published ones are restored from the copy", len(lost))
                revisions.restore(lost)
            return revisions.fingerprint()

    @contextmanager
    def _publishing(self) -> Iterator[Tuple[Revisions, Edition]]:
        """What is decided within is live afterwards."""
        with _one_at_a_time:
            with editing(self.database) as revisions:
                yield revisions, assembled(revisions.published())
                published = revisions.published()
            self._put(published)

    def _put(self, published: Sequence[Published]) -> None:
        edition.put(assembled(published))
        self._keep_copy(published)

    def _keep_copy(self, published: Sequence[Published]) -> None:
        text = json.dumps([each.as_data() for each in published], ensure_ascii=False, indent=1)
        try:
            if not self.copy.exists() or self.copy.read_text(encoding="utf-8") != text:
                _replace(self.copy, text)
        except OSError as failure:
            logger.error("the copy of the published texts could not be written: %s", type(failure).__name__)

    def _copied(self) -> List[Published]:
        """What the copy holds; nothing when it is missing or broken."""
        try:
            return [published_of(data) for data in json.loads(self.copy.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as failure:
            logger.error("the copy of the published texts cannot be read: %s", type(failure).__name__)
            return []


class Follower:
    """Follows in the background what other workers publish."""

    def __init__(self, publication: Publication):
        self._publication = publication
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="publication", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        self._ended.set()
        self._thread.join(timeout=5)

    def _follow(self) -> None:
        seen: Optional[Fingerprint] = None
        while not self._ended.wait(REFRESH_SECONDS):
            try:
                seen = self._publication.refresh(seen)
            except Unavailable:
                # The keeper says in the log that the database does not work.
                pass
            except Exception as failure:
                logger.error("following the published texts failed: %s", type(failure).__name__)


def _require_fit(draft: Revision, before: Edition) -> None:
    if draft.base_version != before.manuscript.mark(draft.key).version:
        raise Stale()
    _refuse(proof(before.manuscript, draft.key, draft.fields))


def _refuse(findings: Sequence[Finding]) -> None:
    if blocking := [finding for finding in findings if finding.blocks]:
        raise Unfit(blocking)


def _next_version(revisions: Revisions, key: Key) -> int:
    """One more than patients have ever read: a version that no longer fits the files counts, too."""
    known = [edition.of_files().manuscript.mark(key).version, *(each.version or 0 for each in revisions.history(key))]
    return max(known) + 1


def _replace(path: Path, text: str) -> None:
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(path)

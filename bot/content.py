"""Every Danish word that a patient reads, loaded and checked once at start.

`load()` refuses content that does not hold together: unknown keys, missing or repeated ids, follow-ups, sources and
contacts that do not exist. The error names file and line.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from bot import settings
from bot.document import ContentError, Document, Problem, Record
from bot.paths import CONTENT
from bot.status import Scope

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MATRIX_TOPIC = "tilstand"
# How many days a message is kept: the one placeholder that is no contact.
_RETENTION = "opbevaring.dage"


class Citation(Record):
    """Where the facts of an answer stand: a key of sources.yml and the section."""

    key: str
    section: str


class Answer(Record):
    """A curated answer as written in content/answers/; contact placeholders are filled in by `load()`."""

    id: str
    question: str
    text: str
    more: Optional[str] = None
    sources: Tuple[Citation, ...]
    scope: Scope
    follow_ups: Tuple[str, ...]
    reassures: bool
    version: int
    approved: Optional[date] = None
    lix_reason: Optional[str] = None

    @property
    def topic(self) -> str:
        """The part of the id before the first dot."""
        return self.id.split(".", 1)[0]


class AnswerFile(Record):
    """One file of content/answers/."""

    answers: Tuple[Answer, ...]


class Source(Record):
    """A source document."""

    title: str
    scope: Scope


class SourceFile(Record):
    """content/sources.yml."""

    sources: Dict[str, Source]


class Contact(Record):
    """Whom a patient may ring, write to or visit; `verified` is the day a person checked it."""

    label: str
    tel: Optional[str] = None
    email: Optional[str] = None
    address: Optional[str] = None
    web: Optional[str] = None
    hours: Optional[str] = None
    verified: date
    source: str


class ContactFile(Record):
    """content/contacts.yml."""

    contacts: Dict[str, Contact]


class Condition(Record):
    """A condition with answers of its own, and the words patients use for it.

    `names` mean the condition wherever they stand; `hints` (a knee, a lower back) only where the question is about
    a condition and no name is given.
    """

    title: str
    names: Tuple[str, ...]
    hints: Tuple[str, ...] = ()


class ConditionFile(Record):
    """content/conditions.yml: the conditions, and the aspects each is described in."""

    conditions: Dict[str, Condition]
    aspects: Tuple[str, ...]


class Page(Record):
    """The words of the chat page."""

    title: str
    heading: str
    intro: str
    emergency: str
    alarmed: str
    emergency_112: str
    emergency_1818: str
    start: str
    you: str
    it: str
    label: str
    send: str
    choices: str
    waiting: str
    left: str
    too_long: str
    empty: str
    offline: str
    kept: str
    delete: str
    delete_later: str
    download: str
    file: str
    file_heading: str
    file_numbers: str


class Phrases(Record):
    """content/interface.yml: what the assistant says around the answers."""

    unclear: str
    which_condition: str
    hedge: str
    nothing_more: str
    delete_yes: str
    delete_no: str
    deleted: str
    deleted_later: str
    kept: str
    removed: str
    not_ready: str
    failed: str
    read_more: str
    sources: str
    scopes: Dict[Scope, str]
    page: Page


@dataclass(frozen=True)
class Content:
    """All content, filled in and consistent."""

    answers: Mapping[str, Answer]
    sources: Mapping[str, Source]
    contacts: Mapping[str, Contact]
    conditions: Mapping[str, Condition]
    aspects: Tuple[str, ...]
    phrases: Phrases
    version: str

    def matrix_id(self, condition: str, aspect: str) -> str:
        """The id of the answer on one aspect of one condition."""
        return f"{_MATRIX_TOPIC}.{condition}.{aspect}"

    def aspect_of_intent(self, intent: str) -> Optional[str]:
        """`tilstand.prognose` asks for the aspect `prognose` of a condition named elsewhere; None for other intents."""
        topic, _, aspect = intent.partition(".")
        return aspect if topic == _MATRIX_TOPIC and aspect in self.aspects else None

    def matrix_cell(self, answer_id: str) -> Optional[Tuple[str, str]]:
        """(condition, aspect) of a matrix answer's id; None for every other id."""
        parts = answer_id.split(".")
        if len(parts) == 3 and parts[0] == _MATRIX_TOPIC and parts[1] in self.conditions and parts[2] in self.aspects:
            return parts[1], parts[2]
        return None

    def unapproved(self) -> List[str]:
        """Ids of answers that no clinician has approved."""
        return sorted(answer.id for answer in self.answers.values() if answer.approved is None)


@lru_cache(maxsize=None)
def load(folder: Path = CONTENT) -> Content:
    """Read and check all content below `folder`. Raises ContentError with every finding."""
    contacts = Document(folder / "contacts.yml", folder).parse(ContactFile).contacts
    sources = Document(folder / "sources.yml", folder).parse(SourceFile).sources
    conditions = Document(folder / "conditions.yml", folder).parse(ConditionFile)
    interface = Document(folder / "interface.yml", folder)
    phrases = interface.parse(Phrases)
    entries = list(_entries(folder))
    problems = _check(entries, sources, conditions) + _check_contacts(entries, interface, contacts)
    if problems:
        raise ContentError(problems)
    return Content(
        answers={entry.answer.id: _fill(entry.answer, contacts) for entry in entries},
        sources=sources,
        contacts=contacts,
        conditions=conditions.conditions,
        aspects=conditions.aspects,
        phrases=_fill(phrases, contacts),
        version=_version(folder),
    )


def _version(folder: Path) -> str:
    """A name for the content as a whole, another one whenever a file changes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.yml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class _Entry:
    answer: Answer
    document: Document
    index: int

    def problem(self, message: str, *path: object) -> Problem:
        return self.document.problem(("answers", self.index, *path), f"{self.answer.id}: {message}")  # type: ignore[arg-type]


def _entries(folder: Path) -> Iterator[_Entry]:
    problems: List[Problem] = []
    for path in sorted((folder / "answers").glob("*.yml")):
        try:
            document = Document(path, folder)
            for index, answer in enumerate(document.parse(AnswerFile).answers):
                yield _Entry(answer, document, index)
        except ContentError as error:
            problems += error.problems
    if problems:
        raise ContentError(problems)


def _check(entries: Sequence[_Entry], sources: Mapping[str, Source], conditions: ConditionFile) -> List[Problem]:
    ids: Dict[str, _Entry] = {}
    questions: Dict[str, str] = {}
    problems: List[Problem] = []
    for entry in entries:
        answer = entry.answer
        if answer.id in ids:
            problems.append(entry.problem(f"the id stands twice (first in {ids[answer.id].document.name})", "id"))
        if answer.question in questions:
            problems.append(entry.problem(f"the question is also that of {questions[answer.question]}", "question"))
        if not answer.text.strip():
            problems.append(entry.problem("the text is empty", "text"))
        if answer.topic != Path(entry.document.name).stem:
            problems.append(entry.problem(f"belongs in answers/{answer.topic}.yml", "id"))
        ids.setdefault(answer.id, entry)
        questions.setdefault(answer.question, answer.id)
    for entry in entries:
        problems += _check_references(entry, ids, sources)
    for condition in conditions.conditions:
        for aspect in conditions.aspects:
            wanted = f"{_MATRIX_TOPIC}.{condition}.{aspect}"
            if wanted not in ids:
                problems.append(Problem(f"answers/{_MATRIX_TOPIC}.yml", 1, f"missing id {wanted}"))
    return problems


def _check_references(entry: _Entry, ids: Mapping[str, _Entry], sources: Mapping[str, Source]) -> List[Problem]:
    problems = []
    for number, follow_up in enumerate(entry.answer.follow_ups):
        if follow_up not in ids or follow_up == entry.answer.id:
            problems.append(entry.problem(f"dead follow-up {follow_up!r}", "follow_ups", number))
    for number, citation in enumerate(entry.answer.sources):
        if citation.key not in sources:
            problems.append(entry.problem(f"unknown source {citation.key!r}", "sources", number))
    return problems


def _check_contacts(entries: Sequence[_Entry], interface: Document, contacts: Mapping[str, Contact]) -> List[Problem]:
    problems = []
    for entry in entries:
        for key in ("text", "more"):
            for name in _unknown_placeholders(getattr(entry.answer, key) or "", contacts):
                problems.append(entry.problem(f"unknown contact {name!r}", key))
    for path, text in _texts(interface.data):
        for name in _unknown_placeholders(text, contacts):
            problems.append(interface.problem(path, f"{path[-1]}: unknown contact {name!r}"))
    return problems


def _texts(data: Mapping[str, Any], path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], str]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _texts(value, (*path, key))
        elif isinstance(value, str):
            yield (*path, key), value


def _unknown_placeholders(text: str, contacts: Mapping[str, Contact]) -> List[str]:
    return [name for name in _PLACEHOLDER.findall(text) if _contact_value(name, contacts) is None]


def _contact_value(name: str, contacts: Mapping[str, Contact]) -> Optional[str]:
    if name == _RETENTION:
        return str(settings.load().retention_days)
    key, _, field = name.partition(".")
    contact = contacts.get(key)
    value = getattr(contact, field, None) if field in Contact.__fields__ else None
    return str(value) if contact and value else None


def _fill(record: Record, contacts: Mapping[str, Contact]) -> "Record":  # type: ignore[type-var]
    return record.copy(update={key: _filled(value, contacts) for key, value in record})


def _filled(value: Any, contacts: Mapping[str, Contact]) -> Any:
    if isinstance(value, Record):
        return _fill(value, contacts)
    return fill(value, contacts) if type(value) is str else value  # an enum is a str, too, and stays one


def fill(text: str, contacts: Mapping[str, Contact]) -> str:
    """The text with each `{contact.field}` replaced. Raises KeyError for a contact that does not exist."""

    def value(match: "re.Match[str]") -> str:
        found = _contact_value(match.group(1), contacts)
        if found is None:
            raise KeyError(match.group(1))
        return found

    return _PLACEHOLDER.sub(value, text)

"""The Danish words that a patient reads, as they stand in the files of content/, loaded and checked.

`read()` and `load()` refuse content that does not hold together: unknown keys, missing or repeated ids, follow-ups,
sources and contacts that do not exist. The error names file and line. What patients read just now is bot.edition's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from bot.document import ContentError, Document, Problem, Record
from bot.files import located
from bot.finding import Code, Finding, Key, Kind
from bot.paths import CONTENT
from bot.placeholders import filled, unknown
from bot.status import Scope

_MATRIX_TOPIC = "tilstand"


class Citation(Record):
    """Where the facts of an answer stand: a key of sources.yml and the section."""

    key: str
    section: str


class Answer(Record):
    """A curated answer of content/answers/; `Written` holds it with places for contacts, `Content` filled in."""

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


class Widget(Record):
    """The words that only the chat with scripts has: the widget's and the chat page's."""

    open: str
    close: str
    menu: str
    larger: str
    smaller: str
    print: str
    save: str
    shared: str
    is_shared: str
    accessibility: str
    delete_sure: str
    deleted_elsewhere: str
    not_deleted: str
    card: str
    ring: str
    alarm_answered: str
    delayed: str
    try_now: str
    take_back: str
    try_again: str
    too_many: str
    too_long: str
    refused: str
    not_sent: str
    not_loaded: str
    no_window: str
    copy_answer: str
    copied: str
    not_copied: str
    read_aloud: str
    dictate: str
    helpful: str
    did_help: str
    did_not_help: str
    thanks: str
    rating_failed: str
    what_missed: str
    send_reason: str


class Topic(Record):
    """Questions to begin with, under a heading: ids of answers."""

    title: str
    answers: Tuple[str, ...]


class TopicFile(Record):
    """content/topics.yml."""

    topics: Tuple[Topic, ...]


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
    widget: Widget


class Section(Record):
    """A heading and what stands below it, in light Markdown."""

    title: str
    text: str


class Demonstration(Record):
    """The words of the demonstration page."""

    banner: str
    hospital: str
    menu: Tuple[str, ...]
    title: str
    lead: str
    sections: Tuple[Section, ...]


class Pages(Record):
    """content/pages.yml: the pages around the chat."""

    statement: Tuple[Section, ...]
    demonstration: Demonstration


@dataclass(frozen=True)
class Written:
    """All content as it is written: places for contacts are not filled in."""

    answers: Mapping[str, Answer]
    sources: Mapping[str, Source]
    contacts: Mapping[str, Contact]
    conditions: ConditionFile
    phrases: Phrases
    topics: Tuple[Topic, ...]
    pages: Pages

    def filled(self) -> Content:
        """The content as patients read it."""
        return Content(
            answers={id: filled(answer, self.contacts) for id, answer in self.answers.items()},
            sources=self.sources,
            contacts=self.contacts,
            conditions=self.conditions.conditions,
            aspects=self.conditions.aspects,
            phrases=filled(self.phrases, self.contacts),
            topics=self.topics,
            pages=filled(self.pages, self.contacts),
        )


@dataclass(frozen=True)
class Content:
    """All content, filled in and consistent."""

    answers: Mapping[str, Answer]
    sources: Mapping[str, Source]
    contacts: Mapping[str, Contact]
    conditions: Mapping[str, Condition]
    aspects: Tuple[str, ...]
    phrases: Phrases
    topics: Tuple[Topic, ...]
    pages: Pages

    @property
    def numbers(self) -> Tuple[str, ...]:
        """All telephone numbers."""
        return tuple(contact.tel for contact in self.contacts.values() if contact.tel)

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
    return read(folder).filled()


@lru_cache(maxsize=None)
def read(folder: Path = CONTENT) -> Written:
    """All content below `folder`, checked, as it is written. Raises ContentError with every finding."""
    conditions = Document(folder / "conditions.yml", folder).parse(ConditionFile)
    answers = _answers(folder, conditions)
    written = Written(
        answers=answers,
        sources=Document(folder / "sources.yml", folder).parse(SourceFile).sources,
        contacts=Document(folder / "contacts.yml", folder).parse(ContactFile).contacts,
        conditions=conditions,
        phrases=Document(folder / "interface.yml", folder).parse(Phrases),
        topics=_topics(folder, answers),
        pages=Document(folder / "pages.yml", folder).parse(Pages),
    )
    if problems := [located(finding, folder) for finding in faults(written)]:
        raise ContentError(problems)
    return written


def version_of(folder: Path = CONTENT) -> str:
    """A name for the content as a whole, another one whenever a file changes."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.yml"), *folder.glob("answers/*.yml")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def faults(written: Written) -> Iterator[Finding]:
    """Where the content does not hold together; each finding blocks."""
    questions: Dict[str, str] = {}
    for answer in written.answers.values():
        key = Key(Kind.ANSWER, answer.id)
        if (other := questions.setdefault(answer.question, answer.id)) != answer.id:
            yield Finding(key, Code.SAME_QUESTION, ("question",), {"name": other})
        yield from _faults_of_fields(key, answer.dict(include={"question", "text"}), written.contacts)
        yield from _unknown_places(key, "more", answer.more or "", written.contacts)
        yield from _dead_references(key, answer, written)
    for id, text in texts_of(written.phrases):
        yield from _faults_of_fields(Key(Kind.PHRASE, id), {"text": text}, written.contacts)


def texts_of(record: Record) -> Iterator[Tuple[str, str]]:
    """All texts of a record and those in it, with their paths (`page.intro`)."""
    for name, value in record:
        parts = value.dict() if isinstance(value, Record) else value
        if isinstance(parts, dict):
            yield from ((f"{name}.{getattr(key, 'value', key)}", text) for key, text in parts.items())
        else:
            yield name, parts


def _answers(folder: Path, conditions: ConditionFile) -> Dict[str, Answer]:
    """The answers by id. Raises ContentError when a file is malformed, or an id stands twice, elsewhere or nowhere."""
    found: Dict[str, Tuple[Answer, str]] = {}
    problems: List[Problem] = []
    for path in sorted((folder / "answers").glob("*.yml")):
        try:
            document = Document(path, folder)
            answers = document.parse(AnswerFile).answers
        except ContentError as error:
            problems += error.problems
            continue
        for index, answer in enumerate(answers):
            place = ("answers", index, "id")
            if answer.id in found:
                problems.append(document.problem(place, f"{answer.id}: the id stands twice (first in {found[answer.id][1]})"))
            if answer.topic != path.stem:
                problems.append(document.problem(place, f"{answer.id}: belongs in answers/{answer.topic}.yml"))
            found.setdefault(answer.id, (answer, document.name))
    wanted = [f"{_MATRIX_TOPIC}.{condition}.{aspect}" for condition in conditions.conditions for aspect in conditions.aspects]
    problems += [Problem(f"answers/{_MATRIX_TOPIC}.yml", 1, f"missing id {id}") for id in wanted if id not in found]
    if problems:
        raise ContentError(problems)
    return {id: answer for id, (answer, _) in found.items()}


def _topics(folder: Path, answers: Mapping[str, Answer]) -> Tuple[Topic, ...]:
    """The topics. Raises ContentError when the file is malformed or names an answer that does not exist."""
    document = Document(folder / "topics.yml", folder)
    topics = document.parse(TopicFile).topics
    problems = [
        document.problem(("topics", number, "answers", place), f"{topic.title}: there is no answer {id!r}")
        for number, topic in enumerate(topics)
        for place, id in enumerate(topic.answers)
        if id not in answers
    ]
    if problems:
        raise ContentError(problems)
    return topics


def _faults_of_fields(key: Key, fields: Mapping[str, str], contacts: Mapping[str, Contact]) -> Iterator[Finding]:
    for name, text in fields.items():
        if not text.strip():
            yield Finding(key, Code.EMPTY, (name,))
        yield from _unknown_places(key, name, text, contacts)


def _unknown_places(key: Key, field: str, text: str, contacts: Mapping[str, Contact]) -> Iterator[Finding]:
    for name in unknown(text, contacts):
        yield Finding(key, Code.UNKNOWN_PLACE, (field,), {"name": name})


def _dead_references(key: Key, answer: Answer, written: Written) -> Iterator[Finding]:
    for number, follow_up in enumerate(answer.follow_ups):
        if follow_up not in written.answers or follow_up == answer.id:
            yield Finding(key, Code.DEAD_FOLLOW_UP, ("follow_ups", number), {"name": follow_up})
    for number, citation in enumerate(answer.sources):
        if citation.key not in written.sources:
            yield Finding(key, Code.UNKNOWN_SOURCE, ("sources", number), {"name": citation.key})

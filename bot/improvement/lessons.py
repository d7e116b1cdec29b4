"""What is learnt from corrections: those that stand in a checkout's files, and the phrases of the database."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Tuple

import yaml

from bot.content import Content
from bot.examples import examples_in, same_words
from bot.safety.flags import load_flags
from bot.safety.remembered import alarms
from bot.safety.sources import CALM
from bot.store.phrases import Phrase
from bot.store.review import Verdict

NLU = Path("data/nlu/corrections.yml")
SAFETY = Path("data/safety/corrections")
HELD_OUT = Path("tests/held_out/test_corrections.yml")
# What Rasa would read as an entity, an intent, an escape or a variable, and what separates turns and columns in our tables.
_READ_OTHERWISE = re.compile(r"[\\${}]|\|\||^/+")
_ENTITY = re.compile(r"\[([^\]]+)\](\{[^}]*\})")


Essence = Tuple[Verdict, str, str]


@dataclass(frozen=True)
class Lesson:
    """A text and what it is: the intent of an answer, or a red flag; `held_out` ones only measure."""

    kind: Verdict
    target: str
    text: str
    held_out: bool = False

    @property
    def words(self) -> str:
        """What two lessons are compared by."""
        return same_words(self.text)

    @property
    def essence(self) -> Essence:
        """What it says of which words."""
        return self.kind, self.target, self.words


@dataclass(frozen=True)
class Asked:
    """A message of a test story without its annotations, its intent, and the condition that is marked in it."""

    text: str
    intent: str
    condition: str


def written(text: str) -> str:
    """The text on one line, as training data and test tables can hold it; its words stay."""
    return " ".join(_READ_OTHERWISE.sub(" ", " ".join(text.split())).replace("]", "] ").split())


def lesson_of(phrase: Phrase, content: Content) -> Optional[Lesson]:
    """The lesson of a phrase; None where its answer or flag does not exist any more, or nothing is left to learn."""
    target = intent_of(phrase.value, content) if phrase.kind is Verdict.ANSWER else phrase.value
    lesson = Lesson(phrase.kind, target, written(phrase.text), phrase.held_out)
    return lesson if lesson.text and _is_known(lesson) else None


def _is_known(lesson: Lesson) -> bool:
    if lesson.kind is Verdict.ALARM:
        return lesson.target.partition("@")[0] in load_flags()
    return lesson.kind is Verdict.NO_ALARM or bool(lesson.target)


def level_of(target: str) -> str:
    """The level of a class of alarms: flag, or flag@level."""
    flag, _, level = target.partition("@")
    return level or load_flags()[flag].level.value


def intent_of(answer: str, content: Content) -> str:
    """The intent that asks for an answer; empty where there is no such answer."""
    cell = content.matrix_cell(answer)
    return f"tilstand.{cell[1]}" if cell else answer if answer in content.answers else ""


def lessons(base: Path, phrases: Iterable[Phrase], content: Content) -> Tuple[Lesson, ...]:
    """The lessons of a checkout's files and of phrases. Of the same words the phrase counts; dropped phrases are unlearnt."""
    found: Dict[str, Lesson] = {lesson.words: lesson for lesson in read(base) if _is_known(lesson)}
    for phrase in phrases:
        lesson = lesson_of(phrase, content)
        found.pop(same_words(written(phrase.text)), None)
        if lesson and not phrase.dropped:
            found[lesson.words] = lesson
    return tuple(sorted(found.values(), key=lambda lesson: (lesson.kind.value, lesson.target, lesson.text)))


def read(base: Path) -> Iterator[Lesson]:
    """The lessons that stand in the files below a folder laid out as the repository."""
    if (base / NLU).is_file():
        yield from (Lesson(Verdict.ANSWER, example.intent, example.text) for example in examples_in(base / NLU, base))
    yield from (Lesson(Verdict.ALARM, flag, text) for text, flag in alarms(base / SAFETY))
    yield from (Lesson(Verdict.NO_ALARM, "", text) for text in _lines(base / SAFETY / CALM))
    yield from (Lesson(Verdict.ANSWER, asked.intent, asked.text, held_out=True) for asked in first_messages(base / HELD_OUT))


def first_messages(path: Path) -> Iterator[Asked]:
    """The first message of each test story of a file."""
    stories = yaml.safe_load(path.read_text(encoding="utf-8"))["stories"] if path.is_file() else ()
    for step in (story["steps"][0] for story in stories):
        if "user" in step:
            marked = _ENTITY.search(step["user"])
            condition = str(json.loads(marked[2])["value"]) if marked else ""
            yield Asked(_ENTITY.sub(r"\1", step["user"].strip()), step["intent"], condition)


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from (line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())

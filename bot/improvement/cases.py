"""The cases that a new model must pass: the project's own regression tests, and reviewers' corrections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Collection, Iterator, List, Sequence, Tuple

from bot.content import Content
from bot.examples import same_words
from bot.improvement.files import MUST_CATCH, STORIES
from bot.improvement.lessons import HELD_OUT, SAFETY, Asked, Essence, first_messages, lesson_of, level_of, written
from bot.safety.sources import CALM, TURN
from bot.store.phrases import Phrase
from bot.store.review import Verdict


class Group(str, Enum):
    """What a case belongs to."""

    QUESTIONS = "questions"
    MUST_CATCH = "must_catch"
    HARD_NEGATIVES = "hard_negatives"
    CORRECTIONS = "corrections"
    HELD_OUT = "held_out"


@dataclass(frozen=True)
class Case:
    """Messages, and what the last is to be met with: an answer's id, at least the alarm of a level, or no alarm.

    `condition` is what the conversation is about; `new` tells a correction that the model in use does not know.
    """

    group: Group
    kind: Verdict
    turns: Tuple[str, ...]
    wanted: str = ""
    condition: str = ""
    new: bool = False


def cases(base: Path, phrases: Sequence[Phrase], known: Collection[Essence], content: Content) -> List[Case]:
    """All cases of a checkout and of phrases; `known` is what the model in use was taught.

    Where both have the same words, a phrase stands for an earlier correction, but not for a test that the project wrote.
    """
    own = [case for phrase in phrases for case in _of_phrase(phrase, known, content)]
    corrected = {same_words(written(phrase.text)) for phrase in phrases}
    earlier = (case for case in _corrections(base, content) if same_words(case.turns[-1]) not in corrected)
    return [*_regressions(base, content), *earlier, *own]


def must_catch(folder: Path) -> Iterator[Tuple[str, str, Tuple[str, ...]]]:
    """The rows of a folder of tables, a file a flag: flag, level at least, turns."""
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            _, _, level, text = line.split("\t")
            yield path.stem, level, tuple(text.split(TURN))


def _of_phrase(phrase: Phrase, known: Collection[Essence], content: Content) -> Iterator[Case]:
    lesson = lesson_of(phrase, content)
    if lesson is None or phrase.dropped:
        return
    wanted = level_of(lesson.target) if phrase.kind is Verdict.ALARM else phrase.value
    cell = content.matrix_cell(phrase.value)
    group = Group.HELD_OUT if phrase.held_out else Group.CORRECTIONS
    yield Case(group, phrase.kind, (lesson.text,), wanted, cell[0] if cell else "", lesson.essence not in known)


def _regressions(base: Path, content: Content) -> Iterator[Case]:
    for path in sorted((base / STORIES).parent.glob("test_*.yml")):
        if path.name != STORIES.name:
            yield from _questions(Group.QUESTIONS, first_messages(path), content)
    for _, level, turns in must_catch(base / "tests" / "safety" / "must_catch"):
        yield Case(Group.MUST_CATCH, Verdict.ALARM, turns, level)
    for line in _lines(base / "tests" / "safety" / "hard_negatives.tsv"):
        yield Case(Group.HARD_NEGATIVES, Verdict.NO_ALARM, (line.split("\t")[1],))


def _corrections(base: Path, content: Content) -> Iterator[Case]:
    """Those that the checkout's files hold."""
    yield from _questions(Group.CORRECTIONS, first_messages(base / STORIES), content)
    yield from _questions(Group.HELD_OUT, first_messages(base / HELD_OUT), content)
    for _, level, turns in must_catch(base / MUST_CATCH):
        yield Case(Group.CORRECTIONS, Verdict.ALARM, turns, level)
    for line in _lines(base / SAFETY / CALM):
        yield Case(Group.CORRECTIONS, Verdict.NO_ALARM, (line,))


def _questions(group: Group, asked: Iterator[Asked], content: Content) -> Iterator[Case]:
    """The messages whose answer is known by their intent and the condition they name."""
    for message in asked:
        aspect = content.aspect_of_intent(message.intent)
        wanted = content.matrix_id(message.condition, aspect) if aspect else message.intent
        if wanted in content.answers:
            yield Case(group, Verdict.ANSWER, (message.text,), wanted)


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from (line for line in path.read_text(encoding="utf-8").splitlines() if line.strip())

"""Lessons as files, below a folder laid out as the repository: what Rasa, the detector and the tests read."""

from __future__ import annotations

import difflib
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Sequence, Tuple

import yaml

from bot.conditions import ConditionFinder, span
from bot.content import load
from bot.examples import CORRECTION, examples_in, same_words
from bot.improvement.lessons import HELD_OUT, NLU, SAFETY, Lesson, level_of
from bot.normaliser import plain
from bot.safety.sources import CALM
from bot.store.review import Verdict
from bot.understanding import CONDITION

STORIES = Path("tests/stories/test_corrections.yml")
MUST_CATCH = Path("tests/safety/corrections")
_DATA = Path("data/nlu")
# Column of tests/safety that says which sign of a flag a row is of, and which kind of wording.
_NO_SIGN, _CELL = "0", "correction"
Texts = Dict[str, str]
Difference = Dict[str, Tuple[str, ...]]


def files(lessons: Sequence[Lesson], base: Path) -> Texts:
    """The texts of all files that lessons make or change, by path: also the base's examples of the same words are gone."""
    learnt = [lesson for lesson in lessons if not lesson.held_out]
    answers = [lesson for lesson in learnt if lesson.kind is Verdict.ANSWER]
    held_out = [lesson for lesson in lessons if lesson.held_out]
    return {
        **_filled(NLU, _nlu(answers)),
        **_filled(STORIES, _stories(answers)),
        **_filled(HELD_OUT, _stories(held_out)),
        **_filled(SAFETY / CALM, _text(lesson.text for lesson in learnt if lesson.kind is Verdict.NO_ALARM)),
        **_alarms([lesson for lesson in learnt if lesson.kind is Verdict.ALARM]),
        **dict(_without(base, frozenset(lesson.words for lesson in answers))),
    }


def write(texts: Texts, base: Path, folder: Path) -> None:
    """Write the files into a folder that a training reads: beside them all other examples of the base."""
    whole = {path.relative_to(base).as_posix(): path.read_text(encoding="utf-8") for path in sorted((base / _DATA).glob("*.yml"))}
    whole.pop(NLU.as_posix(), None)
    for name, text in {**whole, **texts}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def export(texts: Texts, base: Path) -> None:
    """Write the files into the checkout; those of earlier corrections that are no more go."""
    for name in own_files(base):
        if name not in texts:
            (base / name).unlink()
    for name, text in texts.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text, encoding="utf-8")


def difference(texts: Texts, base: Path, now: Path) -> Difference:
    """The lines of a unified diff by path, from the files in a folder (a checkout, or a round's) to these."""
    earlier = own_files(now)
    names = sorted({*texts, *earlier, *_changed(base, now)})
    old = {name: _read(now / name) for name in names}
    new = {name: texts.get(name, "" if name in earlier else _read(base / name)) for name in names}
    return {name: _diff(name, old[name], new[name]) for name in names if old[name] != new[name]}


def of_round(folder: Path, base: Path) -> Texts:
    """The texts of the files that the lessons of a round made or changed."""
    return {name: _read(folder / name) for name in [*own_files(folder), *_changed(base, folder)]}


def own_files(folder: Path) -> List[str]:
    """The files of corrections in a folder."""
    safety = [*(folder / SAFETY).rglob("*.txt"), *(folder / MUST_CATCH).glob("*.tsv")]
    single = [folder / path for path in (NLU, STORIES, HELD_OUT)]
    return sorted(path.relative_to(folder).as_posix() for path in [*safety, *single] if path.is_file())


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    return _all(one) == _all(other)


def _diff(name: str, old: str, new: str) -> Tuple[str, ...]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=1)
    return tuple(lines)


def _nlu(lessons: Sequence[Lesson]) -> str:
    intents: Dict[str, List[Mapping[str, Any]]] = {}
    for lesson in lessons:
        intents.setdefault(lesson.target, []).append({"text": lesson.text, "metadata": {CORRECTION: True}})
    return _yaml("nlu", [{"intent": intent, "examples": examples} for intent, examples in intents.items()])


def _stories(lessons: Sequence[Lesson]) -> str:
    return _yaml("stories", [_story(lesson) for lesson in lessons])


def _story(lesson: Lesson) -> Mapping[str, Any]:
    name = hashlib.sha256(lesson.words.encode()).hexdigest()[:12]
    asked = {"user": _annotated(lesson.text), "intent": lesson.target}
    return {"story": f"correction {name}", "steps": [asked, {"action": "action_answer"}]}


@lru_cache(maxsize=5000)
def _annotated(text: str) -> str:
    """The text with its conditions as Rasa's test stories mark them; of two in one place the first."""
    before = len(text)
    for mention in reversed(ConditionFinder(load().conditions).mentions(plain(text))):
        start, end = span(mention, text)
        if end <= before:
            entity = f'{{"entity": "{CONDITION}", "value": "{mention.condition}"}}'
            text, before = f"{text[:start]}[{text[start:end]}]{entity}{text[end:]}", start
    return text


def _alarms(lessons: Sequence[Lesson]) -> Texts:
    found: Texts = {}
    for target in sorted({lesson.target for lesson in lessons}):
        texts = [lesson.text for lesson in lessons if lesson.target == target]
        rows = ("\t".join((_NO_SIGN, _CELL, level_of(target), text)) for text in texts)
        found[(SAFETY / "alarms" / f"{target}.txt").as_posix()] = _text(texts)
        found[(MUST_CATCH / f"{target}.tsv").as_posix()] = _text(rows)
    return found


def _without(base: Path, words: FrozenSet[str]) -> Iterator[Tuple[str, str]]:
    """The base's example files that hold these words, each without the lines that do."""
    for path in sorted((base / _DATA).glob("*.yml")) if words else ():
        known = _lines_by_words(path, path.stat().st_mtime_ns)
        gone = {line for found in words & known.keys() for line in known[found]}
        if gone and path.name != NLU.name:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            yield path.relative_to(base).as_posix(), "".join(line for n, line in enumerate(lines, 1) if n not in gone)


@lru_cache(maxsize=64)
def _lines_by_words(path: Path, stamp: int) -> Mapping[str, Tuple[int, ...]]:
    """The lines where examples of the same words stand; `stamp` tells one state of the file from another."""
    found: Dict[str, Tuple[int, ...]] = {}
    for example in examples_in(path, path.parent):
        words = same_words(example.text)
        found[words] = (*found.get(words, ()), example.line)
    return found


def _changed(base: Path, now: Path) -> Iterator[str]:
    """The example files that differ between two folders."""
    for path in (base / _DATA).glob("*.yml"):
        name = path.relative_to(base)
        if now != base and name != NLU and _read(now / name) != _read(path):
            yield name.as_posix()


def _filled(path: Path, text: str) -> Texts:
    return {path.as_posix(): text} if text else {}


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _yaml(key: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Rasa's format; empty for no entries."""
    data = {"version": "3.1", key: list(entries)}
    dumped = yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=10_000)
    return str(dumped) if entries else ""


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _all(folder: Path) -> Dict[str, str]:
    return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*")) if path.is_file()}

"""YAML files with a typed schema, whose errors name file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple, Type, TypeVar, Union

import yaml
from pydantic import BaseModel, Extra, ValidationError

Path_ = Sequence[Union[str, int]]
Schema = TypeVar("Schema", bound="Record")


class Record(BaseModel):
    """A part of a content file: frozen, and without room for unknown keys."""

    class Config:
        extra = Extra.forbid
        frozen = True


@dataclass(frozen=True)
class Problem:
    """What is wrong at which line (counted from 1) of which file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class ContentError(Exception):
    """The content may not be used; `problems` says why, one entry a finding."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems: Tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class Document:
    """One YAML file, parsed, with the line of each of its parts.

    Raises ContentError when the file is missing, not UTF-8, not YAML, or repeats a key.
    """

    def __init__(self, path: Path, root: Optional[Path] = None):
        self.name = str(path.relative_to(root)) if root else path.name
        try:
            text = path.read_text(encoding="utf-8")
            self._node = yaml.compose(text, Loader=yaml.CSafeLoader)
            self.data: Any = yaml.load(text, Loader=yaml.CSafeLoader)
        except OSError as error:
            raise ContentError([self.problem((), f"cannot be read: {error.strerror}")])
        except UnicodeDecodeError as error:
            raise ContentError([self.problem((), f"is not UTF-8: {error.reason}")])
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise ContentError([Problem(self.name, mark.line + 1 if mark else 1, f"is not YAML: {error.problem}")])
        if repeated := list(_repeated_keys(self._node)):
            raise ContentError([Problem(self.name, line, f"the key {key!r} stands twice") for key, line in repeated])

    def parse(self, schema: Type[Schema]) -> Schema:
        """The whole file as `schema`. Raises ContentError with every finding."""
        try:
            return schema.parse_obj(self.data if self.data is not None else {})
        except ValidationError as error:
            raise ContentError([self.problem(e["loc"], _sentence(e)) for e in error.errors()])

    def problem(self, path: Path_, message: str) -> Problem:
        """A finding at the part that `path` (keys and indices from the top) leads to."""
        return Problem(self.name, self._line(path), message)

    def _line(self, path: Path_) -> int:
        node, line = getattr(self, "_node", None), 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line


def _child(node: Any, step: Union[str, int]) -> Optional[Tuple[Any, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        value = node.value[step]
        return value, value.start_mark.line + 1
    return None


def _repeated_keys(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated_keys(value)


def _sentence(error: Any) -> str:
    where = ".".join(str(step) for step in error["loc"] if not isinstance(step, int))
    if error["type"] == "value_error.extra":
        return f"unknown key {error['loc'][-1]!r} ({where})"
    if error["type"] == "value_error.missing":
        return f"missing key {error['loc'][-1]!r} ({where})"
    return f"{where}: {error['msg']}"

"""Published texts written back into the files of content/, which keep their comments and their layout."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, FoldedScalarString, LiteralScalarString

from bot import edition
from bot.edition import assembled, counting
from bot.files import APPROVALS, file_of, steps_to
from bot.finding import Key, Kind
from bot.manuscript import Published
from bot.paths import CONTENT

_COLUMNS = 110
_INDENTED = re.compile(r"\n[ \t]")
_WIDTH = 1_000_000
_INDENTED_LISTS = "answers"
_ORDER: Mapping[Kind, Tuple[str, ...]] = {
    Kind.ANSWER: (
        "id", "question", "text", "more", "sources", "scope", "follow_ups", "reassures", "lix_reason", "version", "approved",
    ),
    Kind.CARD: ("id", "level", "title", "advice", "helper_advice", "notice", "version", "approved", "signs"),
    Kind.LEVEL: ("in_hours", "out_of_hours"),
    Kind.CONTACT: ("label", "tel", "email", "address", "web", "hours", "verified", "source"),
}
_MARKED_IN_PLACE = (Kind.ANSWER, Kind.CARD)
Files = Dict[str, Tuple[str, str]]


def exported(published: Sequence[Published], folder: Path = CONTENT) -> Files:
    """The files below `folder` that published texts change: their text before and after. Raises ContentError, OSError.

    Texts that the files hold already, and those that do not fit them, change nothing.
    """
    files = edition.of_files(folder)
    misfits = assembled(published, files).misfits
    wanted = [text for text in counting(published, files.manuscript) if text.key not in misfits]
    sheets: Dict[str, _Sheet] = {}
    for text in wanted:
        _sheet(sheets, folder, file_of(text.key)).set(text)
        if text.key.kind not in _MARKED_IN_PLACE:
            _sheet(sheets, folder, APPROVALS).mark(text)
    return {name: (sheet.before, sheet.after) for name, sheet in sheets.items() if sheet.before != sheet.after}


def write(files: Files, folder: Path = CONTENT) -> None:
    """Write the files. Raises OSError."""
    for name, (_, after) in files.items():
        (folder / name).write_text(after, encoding="utf-8")


def _sheet(sheets: "Dict[str, _Sheet]", folder: Path, name: str) -> "_Sheet":
    return sheets.setdefault(name, _Sheet(folder / name))


class _Sheet:
    """One file, as ruamel.yaml reads and writes it."""

    def __init__(self, path: Path):
        self.before = path.read_text(encoding="utf-8")
        self._yaml = _yaml(path)
        self._data = self._yaml.load(self.before)

    @property
    def after(self) -> str:
        """The file's text as it is now."""
        written = io.StringIO()
        self._yaml.dump(self._data, written)
        return written.getvalue()

    def set(self, text: Published) -> None:
        """Put a text in its place."""
        *parents, last = steps_to(text.key, self._data)
        parent = self._data
        for step in parents:
            parent = parent[step]
        if text.key.kind not in _ORDER or not isinstance(parent[last], CommentedMap):
            parent[last] = _scalar(str(text.fields["text"]), parent[last])
            return
        marks = {"version": text.version, "approved": text.approved} if text.key.kind in _MARKED_IN_PLACE else {}
        for name, value in {**text.fields, **marks}.items():
            _set(parent[last], name, value, _ORDER[text.key.kind])

    def mark(self, text: Published) -> None:
        """Note version and approval of a text that has no fields for them."""
        if not self._data["texts"]:
            self._data["texts"] = CommentedMap()
        kinds = self._data["texts"].setdefault(text.key.kind.value, CommentedMap())
        kinds[_name(text.key)] = _flow(CommentedMap(version=text.version, approved=text.approved))


def _yaml(path: Path) -> Any:
    """What reads and writes a file in the layout that it has."""
    made: Any = YAML()
    made.preserve_quotes, made.width = True, _WIDTH
    made.representer.add_representer(type(None), _null)
    if path.parent.name == _INDENTED_LISTS:
        made.indent(mapping=2, sequence=4, offset=2)
    return made


def _set(entry: Any, name: str, value: Any, order: Sequence[str]) -> None:
    """Give a field its value; a field that is empty is left out, one that is the same is not touched."""
    old = entry.get(name)
    new = _date(value) if name == "verified" else value
    if new is None:
        entry.pop(name, None)
    elif name not in entry:
        after = [key for key in order[order.index(name) + 1 :] if key in entry]
        entry.insert(list(entry).index(after[0]) if after else len(entry), name, _node(new, None))
    elif old != new:
        entry[name] = _node(new, old)


def _node(value: Any, old: Any) -> Any:
    if isinstance(value, list):
        return _list(value, old or [])
    return _scalar(value, old) if isinstance(value, str) else value


def _list(values: List[Any], old: Any) -> Any:
    """A list of ids on one line, or of citations on a line each; those that were there keep their layout."""
    known = {str(dict(each)): each for each in old if isinstance(each, dict)}
    entries = [known.get(str(each)) or _citation(each) if isinstance(each, dict) else each for each in values]
    made = CommentedSeq(entries)
    return made if any(isinstance(each, dict) for each in values) else _flow(made)


def _scalar(text: str, old: Any) -> Any:
    """The text in the style of the old one; paragraphs are folded, other line breaks stay as they are."""
    if isinstance(old, DoubleQuotedScalarString):
        return DoubleQuotedScalarString(text)
    if "\n" in text.replace("\n\n", "") or _INDENTED.search(text):
        return LiteralScalarString(text)
    if "\n" in text or isinstance(old, (FoldedScalarString, LiteralScalarString)) or (old is None and len(text) > _COLUMNS):
        return _folded(text)
    return text if _is_plain("a: ", text) else DoubleQuotedScalarString(text)


def _citation(cited: Mapping[str, str]) -> Any:
    quoted = {name: text if _is_plain("{a: ", text, "}") else DoubleQuotedScalarString(text) for name, text in cited.items()}
    return _flow(CommentedMap(quoted))


def _is_plain(before: str, text: str, after: str = "") -> bool:
    """Whether our loader, which reads YAML 1.1 (`yes` is no text there), reads the text as it is without quotes."""
    try:
        return bool(yaml.safe_load(f"{before}{text}{after}") == {"a": text})
    except yaml.YAMLError:
        return False


def _folded(text: str) -> Any:
    """A folded text whose lines are at most so many columns long."""
    begin, blank, folds = 0, -1, []
    for place, char in enumerate(text):
        if char == "\n":
            begin = place + 1
        elif place - begin > _COLUMNS and blank > begin:
            folds.append(blank)
            begin = blank + 1
        if char == " ":
            blank = place
    folded: Any = FoldedScalarString(text)
    folded.fold_pos = folds
    return folded


def _flow(node: Any) -> Any:
    node.fa.set_flow_style()
    return node


def _date(value: Optional[str]) -> Optional[date]:
    return date.fromisoformat(value) if value else None


def _name(key: Key) -> Any:
    return DoubleQuotedScalarString(key.id) if key.id.isdigit() else key.id


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")

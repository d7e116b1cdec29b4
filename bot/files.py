"""Where each text stands in the files of content/."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple, Union

from bot.document import Document, Problem
from bot.finding import Finding, Key, Kind

Steps = Tuple[Union[str, int], ...]
REACHED_SOMEONE = "reached_someone"
APPROVALS = "approvals.yml"
_FILES = {Kind.CARD: "red_flags.yml", Kind.LEVEL: "cards.yml", Kind.PHRASE: "interface.yml", Kind.CONTACT: "contacts.yml"}
_LISTS = {Kind.ANSWER: "answers", Kind.CARD: "flags"}


def file_of(key: Key) -> str:
    """The file that holds a text, below content/."""
    return _FILES.get(key.kind) or f"answers/{key.id.split('.', 1)[0]}.yml"


def steps_to(key: Key, data: Any) -> Steps:
    """The keys and indices from the top of its parsed file to a text. Raises KeyError when it is not in there."""
    if key.kind in _LISTS:
        name = _LISTS[key.kind]
        found = [index for index, entry in enumerate(data[name]) if entry["id"] == key.id]
        return (name, found[0]) if found else _missing(key)
    if key.kind is Kind.PHRASE:
        return tuple(key.id.split("."))
    if key.kind is Kind.LEVEL:
        return (key.id,) if key.id == REACHED_SOMEONE else ("levels", key.id)
    return ("contacts", key.id)


def located(finding: Finding, folder: Path) -> Problem:
    """The finding at file and line."""
    document = Document(folder / file_of(finding.key), folder)
    try:
        return document.problem((*steps_to(finding.key, document.data), *finding.place), str(finding))
    except KeyError:
        return document.problem((), str(finding))


def _missing(key: Key) -> Steps:
    raise KeyError(str(key))

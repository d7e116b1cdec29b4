"""What a person types into the form of a text, and how the form asks for it."""

from __future__ import annotations

import unicodedata
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData

from bot.files import REACHED_SOMEONE
from bot.finding import Key, Kind

MOST_CHARACTERS = 4000


class Widget(str, Enum):
    """How a field is asked for."""

    LINE = "line"
    TEXT = "text"
    SOURCES = "sources"
    FOLLOW_UPS = "follow_ups"
    SCOPE = "scope"
    YES_NO = "yes_no"
    DATE = "date"


_ANSWER = {
    "question": Widget.LINE, "text": Widget.TEXT, "more": Widget.TEXT, "sources": Widget.SOURCES,
    "follow_ups": Widget.FOLLOW_UPS, "scope": Widget.SCOPE, "reassures": Widget.YES_NO, "lix_reason": Widget.LINE,
}
_CARD = {"title": Widget.LINE, "advice": Widget.TEXT, "helper_advice": Widget.TEXT, "notice": Widget.TEXT}
_CONTACT = {
    **{name: Widget.LINE for name in ("label", "tel", "email", "address", "web", "hours", "source")}, "verified": Widget.DATE,
}
# Control characters, and format characters, some of which turn the order of what is read.
_UNSEEN = ("Cc", "Cf", "Co", "Cs")
_MAY_BE_EMPTY = frozenset(("more", "lix_reason", "tel", "email", "address", "web", "hours"))


def widgets(key: Key) -> Mapping[str, Widget]:
    """The fields of a text, in the order of the form."""
    if key.kind is Kind.PHRASE or key.id == REACHED_SOMEONE:
        return {"text": Widget.TEXT}
    levels = {"in_hours": Widget.TEXT, "out_of_hours": Widget.TEXT}
    return {Kind.ANSWER: _ANSWER, Kind.CARD: _CARD, Kind.LEVEL: levels, Kind.CONTACT: _CONTACT}[key.kind]


def fields_of(key: Key, form: FormData) -> Dict[str, Any]:
    """The fields that a form holds. Raises RequestValidationError when one is longer than MOST_CHARACTERS."""
    return {name: _value(name, widget, form) for name, widget in widgets(key).items()}


def _value(name: str, widget: Widget, form: FormData) -> Any:
    if widget is Widget.SOURCES:
        pairs = zip(_lines("source_key", form), _lines("source_section", form))
        return [{"key": key, "section": section} for key, section in pairs if key or section]
    if widget is Widget.FOLLOW_UPS:
        return [id for id in _lines(name, form) if id]
    if widget is Widget.YES_NO:
        return form.get(name) == "ja"
    text = _clean(form.get(name))
    return _or_none(name, text if widget is Widget.TEXT else " ".join(text.split()))


def _lines(name: str, form: FormData) -> List[str]:
    return [" ".join(_clean(value).split()) for value in form.getlist(name)]


def _or_none(name: str, text: str) -> Optional[str]:
    return None if not text and name in _MAY_BE_EMPTY else text


def _clean(value: Any) -> str:
    """The text with plain line ends, without blanks at the end of lines and without characters that nobody can see."""
    lines = value.splitlines() if isinstance(value, str) else []
    text = "\n".join("".join(char for char in line if unicodedata.category(char) not in _UNSEEN).rstrip() for line in lines)
    if len(text) > MOST_CHARACTERS:
        raise RequestValidationError([])
    return text.strip()

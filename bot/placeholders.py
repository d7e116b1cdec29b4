"""Places in texts that contacts are filled into: `{smertecenter.tel}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, TypeVar

from bot import settings
from bot.document import Record

if TYPE_CHECKING:
    from bot.content import Contact

_PLACE = re.compile(r"\{([^{}]*)\}")
# How many days a message is kept: the one place that is no contact's.
RETENTION = "opbevaring.dage"
Filled = TypeVar("Filled", bound=Record)


def fill(text: str, contacts: Mapping[str, Contact]) -> str:
    """The text with each `{contact.field}` replaced; one that `unknown` names stays as it is."""
    return _PLACE.sub(lambda match: _value(match[1], contacts) or match[0], text)


def unknown(text: str, contacts: Mapping[str, Contact]) -> List[str]:
    """The places of a text that no contact fills."""
    return [name for name in _PLACE.findall(text) if _value(name, contacts) is None]


def places(text: str) -> List[str]:
    """The places of a text, as `smertecenter.tel`."""
    return _PLACE.findall(text)


def filled(record: Filled, contacts: Mapping[str, Contact]) -> Filled:
    """The record with all its texts filled in, those of records and mappings in it, too."""
    return record.copy(update={key: _filled(value, contacts) for key, value in record})


def _filled(value: Any, contacts: Mapping[str, Contact]) -> Any:
    if isinstance(value, Record):
        return filled(value, contacts)
    if isinstance(value, tuple):
        return tuple(_filled(part, contacts) for part in value)
    if isinstance(value, dict):
        return {key: _filled(part, contacts) for key, part in value.items()}
    return fill(value, contacts) if type(value) is str else value  # an enum is a str, too, and stays one


def _value(name: str, contacts: Mapping[str, Contact]) -> Optional[str]:
    if name == RETENTION:
        return str(settings.load().retention_days)
    key, _, field = name.partition(".")
    value = dict(contacts[key]).get(field) if key in contacts else None
    return str(value) if value else None

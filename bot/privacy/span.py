"""Where personal data stands in a text, and of which kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Iterable, List, Tuple


class Kind(str, Enum):
    """What a span names a person by."""

    CPR = "CPR"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    URL = "URL"
    ADDRESS = "ADDRESS"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    OTHER_ID = "OTHER_ID"
    NAME = "NAME"


@dataclass(frozen=True, order=True)
class Span:
    """The characters [start, end) of a text."""

    start: int
    end: int
    kind: Kind

    def meets(self, other: "Span") -> bool:
        """Whether the two have a character in common."""
        return self.start < other.end and other.start < self.end


def merged(spans: Iterable[Span]) -> List[Span]:
    """The spans in order, those that meet joined to one, of the kind of the longest of them; of equals the first in Kind."""
    kept: List[Span] = []
    for span in sorted(spans):
        if kept and kept[-1].meets(span):
            last = kept.pop()
            telling = max(last, span, key=_tells)
            span = Span(last.start, max(last.end, span.end), telling.kind)
        kept.append(span)
    return kept


def _tells(span: Span) -> Tuple[bool, int, int]:
    return span.kind is not Kind.OTHER_ID, span.end - span.start, -list(Kind).index(span.kind)

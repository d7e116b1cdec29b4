"""A turn: what was said and answered, and all that was thought about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Tuple
from uuid import uuid4

Ranking = Tuple[Tuple[str, float], ...]
TEXT, BUTTON = "text", "button"


@dataclass(frozen=True)
class Screening:
    """What the detector of red flags made of a message.

    `findings` are flag, level, part, words (only such as the de-identified text still holds) and what softened them.
    """

    flag: Optional[str] = None
    level: Optional[str] = None
    notice: Optional[str] = None
    probability: float = 0.0
    findings: Tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Turn:
    """One message of a visitor and the messages that answered it. `said` is de-identified; `seconds` is the whole time."""

    conversation: str
    at: datetime
    said: str
    replies: Tuple[Dict[str, Any], ...]
    kind: str = TEXT
    removed: Tuple[str, ...] = ()
    language: str = "da"
    ranking: Ranking = ()
    screening: Screening = Screening()
    seconds: float = 0.0
    model: str = ""
    content: str = ""
    id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def status(self) -> str:
        """The status of the reply's first message."""
        return str(self.replies[0]["custom"]["status"])

    def as_data(self) -> Dict[str, Any]:
        """The turn as JSON knows it."""
        return {**asdict(self), "at": self.at.isoformat()}


def turn_of(data: Mapping[str, Any]) -> Turn:
    """The turn that `as_data` wrote. Raises KeyError, TypeError, ValueError when it is none."""
    screening = data["screening"]
    return Turn(
        **{
            **data,
            "at": datetime.fromisoformat(data["at"]),
            "replies": tuple(data["replies"]),
            "removed": tuple(data["removed"]),
            "ranking": tuple((intent, confidence) for intent, confidence in data["ranking"]),
            "screening": Screening(**{**screening, "findings": tuple(screening["findings"])}),
        }
    )

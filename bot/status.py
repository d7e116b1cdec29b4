"""What became of a message: the one list that code, pages and figures share."""

from enum import Enum


class Status(str, Enum):
    """The `custom.status` of a reply."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    FALLBACK = "fallback"
    RED_FLAG = "red_flag"
    FORM = "form"
    ERROR = "error"


class Scope(str, Enum):
    """Whose offer or knowledge an answer describes."""

    NAESTVED = "naestved"
    GENEREL = "generel"
    ANDET_CENTER = "andet_center"
    PRIVAT = "privat"

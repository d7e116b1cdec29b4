"""The fields of the search for conversations, which the figures are narrowed by, too, and what can be chosen in them."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List, Mapping, Tuple

from bot import edition
from bot.languages import KNOWN
from bot.staff.words import load_staff_words
from bot.status import Status
from bot.store.inbox import ANY, Choice, Kind, Opinion

# Those that are folded away until one of them is filled in.
FILTERS = (
    "fra", "til", "status", "alarm", "emne", "svar", "sikkerhed", "laengde", "tommel", "sprog", "gennemset", "flag", "emneord",
)


def choices(tags: Iterable[str]) -> Dict[str, List[Tuple[str, str]]]:
    """What can be chosen in a field of the form: values, and how they are called."""
    words, figures, live = load_staff_words()["inbox"], load_staff_words()["figures"], edition.current()
    answers = sorted(live.content.answers.values(), key=lambda answer: answer.question)
    topics = sorted({answer.topic for answer in answers})
    return {
        "vis": _named(Kind, words["kinds"]),
        "status": _named(Status, figures["statuses"]),
        "alarm": [(ANY, words["any_flag"]), *((flag.id, flag.title) for flag in live.flags.values())],
        "emne": [(topic, figures["topics"].get(topic, topic)) for topic in topics],
        "svar": [(answer.id, answer.question) for answer in answers],
        "tommel": _named(Opinion, words["thumbs"]),
        "sprog": [(language, words["languages"].get(language, language)) for language in KNOWN],
        "gennemset": _named(Choice, words["choices"]),
        "flag": _named(Choice, words["choices"]),
        "emneord": [(tag, tag) for tag in tags],
    }


def _named(values: Iterable[Any], names: Mapping[str, str]) -> List[Tuple[str, str]]:
    return [(value.value, names[value.value]) for value in values]


def known() -> Dict[str, Collection[str]]:
    """The values of fields that the texts decide."""
    every = choices(())
    return {name: {value for value, _ in every[name]} for name in ("alarm", "emne", "svar")}

"""What is wrong with texts: where they do not hold together, are hard to read, or would leave a card without its number."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from html import unescape
from typing import Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from bot import content
from bot.content import Contact
from bot.document import Document, Record
from bot.files import REACHED_SOMEONE
from bot.finding import Code, Finding, Key, Kind
from bot.manuscript import Fields, Manuscript, Misfit, Published
from bot.paths import CONTENT
from bot.placeholders import fill, unknown
from bot.readability import lix, words
from bot.render import html
from bot.safety.flags import Level

MOST_WORDS, MOST_WORDS_OF_CARD = 80, 60
MOST_LIX, MOST_LIX_OF_CARD = 35.0, 25.0
EMERGENCY = "112"
_LIFE_AT_RISK = (Level.ALARM, Level.CRISIS, Level.POISON)
# What patients read when something failed, perhaps the screening of an alarm, or when they ask about alarms.
_EMERGENCY_TEXTS = (
    Key(Kind.PHRASE, "failed"),
    Key(Kind.PHRASE, "not_ready"),
    Key(Kind.PHRASE, "page.emergency_112"),
    Key(Kind.LEVEL, REACHED_SOMEONE),
    Key(Kind.ANSWER, "akut.info"),
)
_FILE_NAME = Key(Kind.PHRASE, "page.file")
# Shorter phrases are buttons and headings: LIX says nothing about them.
_FEWEST_WORDS = 10
_TYPED_NUMBER = re.compile(r"(?<!\d)(?:112|18\d\d|\d{2} ?\d{2} ?\d{2} ?\d{2}|\d{2} ?\d{3} ?\d{3})(?!\d)|@|www\.")
_TEL = re.compile(r"(?:\+45 ?)?\d{2} ?\d{2} ?\d{2} ?\d{2}|(?:\+45 ?)?\d{2} ?\d{3} ?\d{3}|\d{3,4}|\d{3} ?\d{3}")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_WEB = re.compile(r"(https?://)?[\w-]+(\.[\w-]+)+(/\S*)?")
_TXT = re.compile(r"[A-Za-z0-9-]+\.txt")
_TAG = re.compile(r"<[^>]*>")


class DoseWords(Record):
    """content/doses.yml: units after a number, what is swallowed, and how often."""

    units: Tuple[str, ...]
    portions: Tuple[str, ...]
    frequencies: Tuple[str, ...]


def proof(now: Manuscript, key: Key, fields: Fields) -> Tuple[Finding, ...]:
    """All that is wrong with a draft, wherever in the whole its fault would show. Raises Misfit for an unknown text."""
    same = (Finding(key, Code.UNCHANGED),) if now.fields(key) == dict(fields) else ()
    try:
        then = with_draft(now, key, fields)
    except Misfit as misfit:
        return tuple(_malformed(key, misfit.fields))
    return (*same, *faults(then), *style(then, key))


def with_draft(now: Manuscript, key: Key, fields: Fields) -> Manuscript:
    """The manuscript with a draft in place of its text. Raises Misfit."""
    mark = now.mark(key)
    return now.with_text(Published(key, fields, mark.version, mark.approved or date.today()))


def faults(written: Manuscript) -> Iterator[Finding]:
    """Where the texts do not hold together, or a card lacks its number; each finding blocks."""
    yield from content.faults(written)
    for key in written.keys():
        if key.kind in (Kind.CARD, Kind.LEVEL):
            yield from _faults_of_fields(key, written)
    yield from _cards_without_number(written)
    for key in _EMERGENCY_TEXTS:
        if not _shows(_main_text(key, written), EMERGENCY):
            yield Finding(key, Code.NO_NUMBER, ("text",), {"number": EMERGENCY})


def style(written: Manuscript, key: Key) -> Iterator[Finding]:
    """What is wrong with one text by itself."""
    if key.kind is Kind.CONTACT:
        yield from _malformed_contact(key, written.contacts[key.id])
        return
    fields = _texts(written, key)
    for name, text in fields.items():
        yield from _typed(key, name, text)
    filled = {name: fill(text, written.contacts) for name, text in fields.items()}
    yield from _reading[key.kind](key, filled, written)
    for name, text in filled.items():
        if dose := _dose().search(text):
            yield Finding(key, Code.DOSE, (name,), {"name": dose[0]}, blocks=False)
    if key == _FILE_NAME and not _TXT.fullmatch(fields["text"]):
        yield Finding(key, Code.FILE_NAME, ("text",), {"name": fields["text"]})


@lru_cache(maxsize=1024)
def visible(text: str) -> str:
    """What a patient sees of a text: a link's address, say, is not seen."""
    return unescape(_TAG.sub("", str(html(text)))).strip()


def _malformed(key: Key, fields: Sequence[str]) -> Iterator[Finding]:
    for name in fields or ("",):
        code = Code.DATE if name == "verified" else Code.MALFORMED
        yield Finding(key, code, (name,))


def _faults_of_fields(key: Key, written: Manuscript) -> Iterator[Finding]:
    for name, text in _texts(written, key).items():
        if not text.strip():
            yield Finding(key, Code.EMPTY, (name,))
        for place in unknown(text, written.contacts):
            yield Finding(key, Code.UNKNOWN_PLACE, (name,), {"name": place})


def _cards_without_number(written: Manuscript) -> Iterator[Finding]:
    """Levels whose card, with the advice of some flag, would not show whom to ring; whoever the writer, at any time."""
    flags = written.flags.values()
    advices = [visible(fill(text, written.contacts)) for flag in flags for text in (flag.advice, flag.helper_advice)]
    for level, lead in written.cards.levels.items():
        for name, contacts in (("in_hours", lead.contacts_in_hours), ("out_of_hours", lead.contacts_out_of_hours)):
            first = visible(fill(getattr(lead, name), written.contacts))
            for number in _needed(level, contacts, written.contacts):
                if not _holds(first, number) and not all(_holds(advice, number) for advice in advices):
                    yield Finding(Key(Kind.LEVEL, level.value), Code.NO_NUMBER, (name,), {"number": number})


def _needed(level: Level, keys: Sequence[str], contacts: Mapping[str, Contact]) -> List[str]:
    """The numbers that each card of a level must show."""
    first = next((contacts[key].tel for key in keys if key in contacts and contacts[key].tel), None)
    always = [EMERGENCY] if level in _LIFE_AT_RISK or first is None else []
    return list(dict.fromkeys([*([first] if first else []), *always]))


def _shows(text: str, number: str) -> bool:
    return _holds(visible(text), number)


def _holds(seen: str, number: str) -> bool:
    return bool(re.search(rf"(?<!\d){re.escape(number)}(?!\d)", seen))


def _main_text(key: Key, written: Manuscript) -> str:
    return fill(str(written.fields(key)["text"]), written.contacts)


def _texts(written: Manuscript, key: Key) -> Dict[str, str]:
    """The fields of a text that patients read as sentences."""
    silent = ("scope", "lix_reason")
    return {name: value for name, value in written.fields(key).items() if isinstance(value, str) and name not in silent}


def _typed(key: Key, name: str, text: str) -> Iterator[Finding]:
    if typed := _TYPED_NUMBER.search(text):
        yield Finding(key, Code.TYPED, (name,), {"name": typed[0]})


def _malformed_contact(key: Key, contact: Contact) -> Iterator[Finding]:
    if not contact.label.strip():
        yield Finding(key, Code.EMPTY, ("label",))
    for name, pattern, code in (("tel", _TEL, Code.TEL), ("email", _EMAIL, Code.EMAIL), ("web", _WEB, Code.WEB)):
        value = getattr(contact, name)
        if value and not pattern.fullmatch(value):
            yield Finding(key, code, (name,), {"name": value})
    if contact.verified > date.today():
        yield Finding(key, Code.FUTURE, ("verified",))


def _reading_of_answer(key: Key, fields: Mapping[str, str], written: Manuscript) -> Iterator[Finding]:
    yield from _long(key, "text", fields["text"], MOST_WORDS)
    if not written.answers[key.id].lix_reason:
        for name in ("text", "more"):
            yield from _hard(key, name, fields.get(name, ""), MOST_LIX)


def _reading_of_card(key: Key, fields: Mapping[str, str], written: Manuscript) -> Iterator[Finding]:
    lead = fill(written.cards.levels[written.flags[key.id].level].in_hours, written.contacts)
    for name in ("advice", "helper_advice"):
        whole = f"{lead}\n\n{fields[name]}"
        yield from _long(key, name, whole, MOST_WORDS_OF_CARD, blocks=False)
        yield from _hard(key, name, whole, MOST_LIX_OF_CARD, blocks=False)
    yield from _hard(key, "notice", fields["notice"], MOST_LIX, blocks=False)


def _reading_of_phrase(key: Key, fields: Mapping[str, str], written: Manuscript) -> Iterator[Finding]:
    for name, text in fields.items():
        if words(text) >= _FEWEST_WORDS:
            yield from _hard(key, name, text, MOST_LIX, blocks=False)


_reading: Mapping[Kind, Callable[[Key, Mapping[str, str], Manuscript], Iterator[Finding]]] = {
    Kind.ANSWER: _reading_of_answer,
    Kind.CARD: _reading_of_card,
    Kind.LEVEL: _reading_of_phrase,
    Kind.PHRASE: _reading_of_phrase,
}


def _long(key: Key, name: str, text: str, most: int, blocks: bool = True) -> Iterator[Finding]:
    if words(text) > most:
        yield Finding(key, Code.TOO_LONG, (name,), {"words": words(text), "most": most}, blocks)


def _hard(key: Key, name: str, text: str, most: float, blocks: bool = True) -> Iterator[Finding]:
    if lix(text) > most:
        yield Finding(key, Code.HARD, (name,), {"lix": round(lix(text)), "most": round(most)}, blocks)


@lru_cache(maxsize=1)
def _dose() -> "re.Pattern[str]":
    found = Document(CONTENT / "doses.yml", CONTENT).parse(DoseWords)
    units, portions, often = ("|".join(map(re.escape, group)) for group in (found.units, found.portions, found.frequencies))
    return re.compile(rf"\b\d+(?:[.,]\d+)? ?(?:{units})\b|\b(?:{portions}) (?:{often})\b", re.IGNORECASE)

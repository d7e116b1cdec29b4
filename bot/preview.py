"""Texts as patients see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from bot import proof
from bot.edition import Edition, filled_in
from bot.files import REACHED_SOMEONE
from bot.finding import Key, Kind
from bot.manuscript import Fields, Manuscript, Misfit
from bot.placeholders import fill, places
from bot.proof import visible
from bot.readability import lix, words
from bot.reply import Message, answered
from bot.safety.card import card_while, reached_someone
from bot.safety.flags import Level
from bot.status import Status


@dataclass(frozen=True)
class View:
    """One way in which patients see a text: `name` says when."""

    name: str
    message: Message


def views(edition: Edition, key: Key) -> Tuple[View, ...]:
    """All ways in which patients see a text; none for a contact, which they see in other texts."""
    return tuple(_views(edition, key))


def with_draft(live: Edition, key: Key, fields: Fields) -> Optional[Edition]:
    """The edition with a draft in place of its text, as far as that can be shown; None when its fields are malformed."""
    try:
        return filled_in(proof.with_draft(live.manuscript, key, _alive(live.manuscript, fields)), live.version)
    except Misfit:
        return None


def main_text(edition: Edition, key: Key) -> str:
    """The text by which its words and LIX are counted; empty for a contact."""
    seen = views(edition, key)
    return seen[0].message.text if seen else ""


def count(edition: Edition, key: Key) -> Tuple[int, float]:
    """Words and LIX of a text."""
    text = main_text(edition, key)
    return words(text), lix(text)


def title(edition: Edition, key: Key) -> str:
    """What a text is called: the question of an answer, say."""
    if key.kind is Kind.ANSWER:
        return edition.content.answers[key.id].question
    if key.kind is Kind.CARD:
        return edition.flags[key.id].title
    if key.kind is Kind.CONTACT:
        return edition.content.contacts[key.id].label
    return visible(main_text(edition, key).split("\n\n")[0])


def uses(written: Manuscript, contact: str) -> List[Key]:
    """The texts that a contact is filled into."""
    return [key for key in written.keys() if any(place.startswith(f"{contact}.") for place in _places(written, key))]


def _alive(written: Manuscript, fields: Fields) -> Fields:
    """The fields without sources and follow-ups that do not exist."""
    if "follow_ups" not in fields:
        return fields
    sources = [cited for cited in fields["sources"] if cited["key"] in written.sources]
    return {**fields, "sources": sources, "follow_ups": [id for id in fields["follow_ups"] if id in written.answers]}


def _places(written: Manuscript, key: Key) -> Iterator[str]:
    for value in written.fields(key).values():
        yield from places(value) if isinstance(value, str) else ()


def _views(edition: Edition, key: Key) -> Iterator[View]:
    if key.kind is Kind.ANSWER:
        yield View("answer", answered(edition.content.answers[key.id], edition.content))
    elif key.kind is Kind.CARD:
        flag = edition.flags[key.id]
        yield from _cards(edition, key.id, flag.level)
        yield View("notice", Message(flag.notice, Status.ANSWERED))
    elif key.kind is Kind.PHRASE:
        text = str(edition.manuscript.fields(key)["text"])
        yield View("phrase", Message(fill(text, edition.content.contacts), Status.ANSWERED))
    elif key.id == REACHED_SOMEONE:
        yield View("phrase", reached_someone(edition))
    elif key.kind is Kind.LEVEL:
        level = Level(key.id)
        example = next((flag.id for flag in edition.flags.values() if flag.level is level), next(iter(edition.flags)))
        yield from _cards(edition, example, level)


def _cards(edition: Edition, flag: str, level: Level) -> Iterator[View]:
    for open_now, name in ((True, "in_hours"), (False, "out_of_hours")):
        for helper in (False, True):
            yield View(f"{name}_helper" if helper else name, card_while(open_now, flag, level, edition, helper))

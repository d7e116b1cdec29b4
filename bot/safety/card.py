"""What a patient with an alarm reads: whom to ring first, then the advice of the flag."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Dict, List, Mapping, Tuple
from zoneinfo import ZoneInfo

import holidays

from bot.content import Contact, Content, fill
from bot.document import Document, Record
from bot.paths import CONTENT
from bot.reply import Message
from bot.safety.flags import Flag, Level
from bot.status import Status

DENMARK = ZoneInfo("Europe/Copenhagen")
OPENS, CLOSES = 8, 16


class LevelCard(Record):
    """The first line of a level's card and its contacts (keys of contacts.yml), while doctors are open and else."""

    in_hours: str
    out_of_hours: str
    contacts_in_hours: Tuple[str, ...]
    contacts_out_of_hours: Tuple[str, ...]


class CardFile(Record):
    """content/cards.yml."""

    levels: Dict[Level, LevelCard]
    reached_someone: str


@lru_cache(maxsize=1)
def load_cards() -> CardFile:
    """The first lines by level. Raises ContentError."""
    return Document(CONTENT / "cards.yml", CONTENT).parse(CardFile)


def doctors_are_open(now: datetime) -> bool:
    """Whether one's own doctor can be rung: Danish working days 8-16."""
    local = now.astimezone(DENMARK)
    return local.weekday() < 5 and local.date() not in holidays.country_holidays("DK") and OPENS <= local.hour < CLOSES


def card(flag: Flag, level: Level, content: Content, now: datetime, helper: bool) -> Message:
    """The card of an alarm, at this time of day, for the patient or for someone who helps."""
    lead = load_cards().levels[level]
    open_now = doctors_are_open(now)
    first = fill(lead.in_hours if open_now else lead.out_of_hours, content.contacts)
    advice = flag.helper_advice if helper else flag.advice
    keys = lead.contacts_in_hours if open_now else lead.contacts_out_of_hours
    return Message(
        f"{first}\n\n{advice}",
        Status.RED_FLAG,
        custom={
            "answer_id": flag.id,
            "topic": "akut",
            "version": flag.version,
            "red_flag": {
                "id": flag.id,
                "level": level.value,
                "soft": False,
                "contacts": _contacts(keys, content.contacts),
            },
        },
    )


def reached_someone(content: Content) -> Message:
    """Asked once, in the turn after a card."""
    return Message(fill(load_cards().reached_someone, content.contacts), Status.ANSWERED, custom={"topic": "akut"})


def _contacts(keys: Tuple[str, ...], contacts: Mapping[str, Contact]) -> List[Dict[str, Any]]:
    shown = (contacts[key] for key in keys)
    return [{"label": contact.label, **({"tel": contact.tel} if contact.tel else {})} for contact in shown]

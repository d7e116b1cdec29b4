"""What a patient with an alarm reads: whom to ring first, then the advice of the flag."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Tuple
from zoneinfo import ZoneInfo

import holidays

from bot.content import Contact
from bot.edition import Edition
from bot.reply import Message
from bot.safety.flags import Level
from bot.status import Status

DENMARK = ZoneInfo("Europe/Copenhagen")
OPENS, CLOSES = 8, 16


def doctors_are_open(now: datetime) -> bool:
    """Whether one's own doctor can be rung: Danish working days 8-16."""
    local = now.astimezone(DENMARK)
    return local.weekday() < 5 and local.date() not in holidays.country_holidays("DK") and OPENS <= local.hour < CLOSES


def card(flag_id: str, level: Level, edition: Edition, now: datetime, helper: bool) -> Message:
    """The card of an alarm, at this time of day, for the patient or for someone who helps."""
    return card_while(doctors_are_open(now), flag_id, level, edition, helper)


def card_while(open_now: bool, flag_id: str, level: Level, edition: Edition, helper: bool) -> Message:
    """The card of an alarm while doctors are open, or closed."""
    flag, lead = edition.flags[flag_id], edition.cards.levels[level]
    first = lead.in_hours if open_now else lead.out_of_hours
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
                "contacts": _contacts(keys, edition.content.contacts),
            },
        },
    )


def reached_someone(edition: Edition) -> Message:
    """Asked once, in the turn after a card."""
    return Message(edition.cards.reached_someone, Status.ANSWERED, custom={"topic": "akut"})


def _contacts(keys: Tuple[str, ...], contacts: Mapping[str, Contact]) -> List[Dict[str, Any]]:
    shown = (contacts[key] for key in keys)
    return [{"label": contact.label, **({"tel": contact.tel} if contact.tel else {})} for contact in shown]

"""The card of an alarm, on channels that do not pass the gateway."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Text

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.edition import current
from bot.reply import Message, answered
from bot.safety.card import card
from bot.safety.flags import Level
from bot.understanding import alarm_of

_ON_ALARM_SIGNS = "akut.info"


class ActionAlarm(Action):
    """Says whom to ring."""

    def name(self) -> Text:
        return "action_alarm"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]) -> List[EventType]:
        said = _message(tracker).as_dict()
        dispatcher.utter_message(text=said["text"], buttons=said["buttons"], json_message=said["custom"])
        return []


def _message(tracker: Tracker) -> Message:
    """The card; the general advice where only the intent was named."""
    edition, alarm = current(), alarm_of(tracker.latest_message)
    if alarm is None:
        return answered(edition.content.answers[_ON_ALARM_SIGNS], edition.content)
    return card(alarm.flag, Level(alarm.level), edition, datetime.now(timezone.utc), alarm.helper)

"""The actions: read what was understood, let bot.answers decide, return the messages and what to remember."""

from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.answers import Memory, Outcome, respond, suggest
from bot.edition import current
from bot.understanding import questions_of


class ActionAnswer(Action):
    """Gives the curated answer to each question of the message."""

    def name(self) -> Text:
        return "action_answer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]) -> List[EventType]:
        questions = questions_of(tracker.latest_message)
        return _say(respond(questions, _memory(tracker), current().content), dispatcher)


class ActionClarify(Action):
    """Offers the likeliest answers when a message is unclear."""

    def name(self) -> Text:
        return "action_clarify"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]) -> List[EventType]:
        questions = questions_of(tracker.latest_message)
        return _say(suggest(questions[0], _memory(tracker), current().content), dispatcher)


def _memory(tracker: Tracker) -> Memory:
    return Memory(*(tracker.get_slot(slot) for slot in ("condition", "last_answer", "pending")))


def _say(outcome: Outcome, dispatcher: CollectingDispatcher) -> List[EventType]:
    for message in outcome.messages:
        said = message.as_dict()
        dispatcher.utter_message(text=said["text"], buttons=said["buttons"], json_message=said["custom"])
    memory = outcome.memory
    return [
        SlotSet("condition", memory.condition),
        SlotSet("last_answer", memory.last_answer),
        SlotSet("pending", memory.pending),
    ]

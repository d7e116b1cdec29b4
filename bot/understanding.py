"""What Rasa understood of a message, read from the tracker's latest message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple

from bot.answers import Guess, Question

QUESTIONS = "questions"
CONDITION = "condition"
FALLBACK_INTENT = "nlu_fallback"
ALARM_INTENT = "alarm"
RED_FLAG = "red_flag"
# Metadata of a message that the gateway has screened.
SCREENED = "screened"


@dataclass(frozen=True)
class Alarm:
    """A red flag at a level, and whether the writer tells of someone else."""

    flag: str
    level: str
    helper: bool


def alarm_as_data(alarm: Alarm) -> Mapping[str, Any]:
    """An alarm as JSON knows it, for a Rasa message."""
    return {"id": alarm.flag, "level": alarm.level, "helper": alarm.helper}


def alarm_of(latest_message: Mapping[str, Any]) -> Optional[Alarm]:
    """The alarm that the detector found in the message; none for a button or a test that only names the intent."""
    found = latest_message.get(RED_FLAG)
    return Alarm(str(found["id"]), str(found["level"]), bool(found["helper"])) if found else None


def as_data(questions: List[Question]) -> List[Mapping[str, Any]]:
    """Questions as JSON knows them, for a Rasa message."""
    return [
        {
            "guesses": [[guess.intent, guess.confidence] for guess in question.guesses],
            "conditions": list(question.conditions),
            "clear": question.clear,
        }
        for question in questions
    ]


def questions_of(latest_message: Mapping[str, Any]) -> List[Question]:
    """The questions that the classifier found; for a button or a test, the intent and entities themselves."""
    found = latest_message.get(QUESTIONS)
    if found:
        return [_question(item) for item in found]
    ranking = latest_message.get("intent_ranking") or [latest_message.get("intent") or {}]
    guesses = tuple(
        Guess(str(guess["name"]), float(guess.get("confidence", 1.0)))
        for guess in ranking
        if guess.get("name") and guess["name"] != FALLBACK_INTENT
    )
    return [Question(guesses or (Guess(FALLBACK_INTENT, 0.0),), _conditions(latest_message))]


def _question(item: Mapping[str, Any]) -> Question:
    guesses = tuple(Guess(intent, confidence) for intent, confidence in item["guesses"])
    return Question(guesses, tuple(item["conditions"]), item["clear"])


def _conditions(latest_message: Mapping[str, Any]) -> Tuple[str, ...]:
    entities = latest_message.get("entities") or []
    return tuple(entity["value"] for entity in entities if entity.get("entity") == CONDITION)

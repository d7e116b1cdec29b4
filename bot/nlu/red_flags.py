"""The detector of red flags as a Rasa component, for channels that do not pass the gateway (`rasa shell`, socket.io)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.safety.detector import ASKS_ABOUT_THOUGHTS, Detector
from bot.understanding import ALARM_INTENT, RED_FLAG, SCREENED, Alarm, alarm_as_data


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class RedFlagDetector(IntentClassifier, GraphComponent):
    """Puts the intent `alarm` first where a message holds a red flag, whatever the classifier before it understood.

    The last component of the pipeline. Messages that the gateway has screened pass by: it has shown the card already.
    """

    def __init__(self, detector: Optional[Detector] = None):
        self._detector = detector

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "RedFlagDetector":
        """The component; the detector is loaded with its first message (training needs none)."""
        return cls()

    def process(
        self, messages: List[Message], tracker: Optional[DialogueStateTracker] = None
    ) -> List[Message]:
        """Set intent and `red_flag` of messages that raise an alarm."""
        for message in messages:
            if message.get(TEXT) and not (message.get(METADATA) or {}).get(SCREENED):
                self._screen(message, tracker)
        return messages

    def _screen(self, message: Message, tracker: Optional[DialogueStateTracker]) -> None:
        self._detector = self._detector or Detector().with_model()
        text = str(message.get(TEXT))
        verdict = self._detector.screen(text, _said_before(tracker), after_asking=_asked_about_thoughts(tracker))
        found = verdict.alarm
        if found is None:
            return
        alarm = Alarm(found.flag.id, found.level.value, self._detector.is_about_another(text))
        first = {"name": ALARM_INTENT, "confidence": 1.0}
        message.set(INTENT, first, add_to_output=True)
        message.set(INTENT_RANKING_KEY, [first, *(message.get(INTENT_RANKING_KEY) or [])], add_to_output=True)
        message.set(RED_FLAG, alarm_as_data(alarm), add_to_output=True)


def _said_before(tracker: Optional[DialogueStateTracker]) -> Tuple[str, ...]:
    events = tracker.applied_events() if tracker else []
    return tuple(event.text for event in events if isinstance(event, UserUttered) and event.text)


def _asked_about_thoughts(tracker: Optional[DialogueStateTracker]) -> bool:
    return tracker is not None and tracker.get_slot("last_answer") == ASKS_ABOUT_THOUGHTS

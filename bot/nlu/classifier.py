"""The intent model as a Rasa component."""

from __future__ import annotations

import logging
import pickle
from typing import Any, Dict, List, Optional

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot import content
from bot.answers import Question
from bot.conditions import ConditionFinder, Mention, span
from bot.embedding import Embedding
from bot.intents import IntentModel, train
from bot.language import pipeline_name
from bot.models import code_fingerprint
from bot.nlu.normaliser import CLAUSES, NORMALISED, is_correction
from bot.questions import Reader, Thresholds
from bot.understanding import ALARM_INTENT, CONDITION, FALLBACK_INTENT, QUESTIONS, as_data

logger = logging.getLogger(__name__)
_FILE = "intents.pickle"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class CuratedAnswerClassifier(IntentClassifier, GraphComponent):
    """Finds the questions in a message: for each a ranking of intents and the conditions it names."""

    def __init__(
        self,
        config: Dict[str, Any],
        storage: ModelStorage,
        resource: Resource,
        model: Optional[IntentModel] = None,
        language: str = "",
    ):
        self._config, self._storage, self._resource = config, storage, resource
        self._finder = ConditionFinder(content.load().conditions)
        self._reader = Reader(model, self._finder, _thresholds(config)) if model else None
        self.language = language

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """embedding: use sentence embeddings where installed; the figures: see bot.questions.Thresholds.

        code: as in the normaliser.
        """
        code = code_fingerprint("intents", "embedding", "examples", "normaliser", "language")
        return {"embedding": True, "clear": 0.65, "likely": 0.3, "own_question": 0.6, "code": code}

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "CuratedAnswerClassifier":
        """A component without a model, to be trained."""
        return cls({**cls.get_default_config(), **config}, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "CuratedAnswerClassifier":
        """The trained component. Raises EmbeddingMissing when it was trained with embeddings that are not here."""
        # From the file bit by bit: from memory it would keep every other thread waiting until it is done.
        with model_storage.read_from(resource) as folder, (folder / _FILE).open("rb") as kept:
            language, model = pickle.load(kept)
        if model.uses_embedding:
            Embedding.shared()
        if language != pipeline_name():
            logger.warning("trained with the spaCy pipeline %s, served with %s", language, pipeline_name())
        return cls({**cls.get_default_config(), **config}, model_storage, resource, model, language)

    def train(self, training_data: TrainingData) -> Resource:
        """Train the intent model on all examples of curated answers; alarms are the detector's."""
        known = [message for message in training_data.intent_examples if message.get(INTENT) != ALARM_INTENT]
        examples = [message for message in known if message.get(NORMALISED)]
        model = train(
            [message.get(NORMALISED) for message in examples],
            [message.get(INTENT) for message in examples],
            with_embedding=bool(self._config["embedding"]) and Embedding.available(),
            corrected=[is_correction(message) for message in examples],
        )
        self._reader = Reader(model, self._finder, _thresholds(self._config))
        with self._storage.write_to(self._resource) as folder:
            (folder / _FILE).write_bytes(pickle.dumps((pipeline_name(), model)))
        return self._resource

    def process(
        self, messages: List[Message], tracker: Optional[DialogueStateTracker] = None
    ) -> List[Message]:
        """Set `questions`, and from the first of them Rasa's intent, intent_ranking and condition entities."""
        for message in messages:
            text = message.get(TEXT) or ""
            if not self._reader or not text or text.startswith(INTENT_MESSAGE_PREFIX):
                _set_nothing(message)
            else:
                questions = self._reader.read(
                    message.get(NORMALISED) or "",
                    message.get(CLAUSES) or [],
                    before=_previous_text(tracker),
                    condition=tracker is not None and bool(tracker.get_slot(CONDITION)),
                )
                mentions = self._finder.mentions(message.get(NORMALISED) or "")
                _set(message, questions, [_entity(mention, text) for mention in mentions])
        return messages


def _thresholds(config: Dict[str, Any]) -> Thresholds:
    return Thresholds(*(float(config[key]) for key in ("clear", "likely", "own_question")))


def _previous_text(tracker: Optional[DialogueStateTracker]) -> str:
    """The normalised text of the turn before, to understand "og hvad så med …" by."""
    if tracker is None or tracker.latest_message is None:
        return ""
    parsed = tracker.latest_message.parse_data or {}
    return str(parsed.get(NORMALISED, ""))


def _set(message: Message, questions: List[Question], entities: List[Dict[str, Any]]) -> None:
    ranking = [{"name": guess.intent, "confidence": guess.confidence} for guess in questions[0].guesses]
    message.set(INTENT, ranking[0], add_to_output=True)
    message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
    message.set(QUESTIONS, as_data(questions), add_to_output=True)
    message.set(NORMALISED, message.get(NORMALISED), add_to_output=True)
    message.set(ENTITIES, (message.get(ENTITIES) or []) + entities, add_to_output=True)


def _set_nothing(message: Message) -> None:
    """No text to read: Rasa fills in the intent of a button (`/intent`) later, and what is none of its intents is unclear."""
    nothing = {"name": FALLBACK_INTENT, "confidence": 1.0}
    message.set(INTENT, nothing, add_to_output=True)
    message.set(INTENT_RANKING_KEY, [nothing], add_to_output=True)


def _entity(mention: Mention, text: str) -> Dict[str, Any]:
    start, end = span(mention, text)
    return {"entity": CONDITION, "value": mention.condition, "start": start, "end": end, "extractor": "conditions"}

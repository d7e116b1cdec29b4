"""The Danish normaliser as a Rasa component."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Dict, Iterable, List

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.io import read_json_file, dump_obj_as_json_to_file

from bot import content
from bot.clauses import clauses
from bot.examples import CORRECTION
from bot.language import is_word
from bot.models import code_fingerprint
from bot.normaliser import Normaliser, load_spelling, plain, vocabulary_of, words

NORMALISED = "normalised"
CLAUSES = "clauses"
_FILE = "vocabulary.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class DanishNormaliser(GraphComponent):
    """Sets `normalised` (the message in one spelling) and `clauses` (each part that may be a question of its own).

    The vocabulary that typing errors are corrected to is kept with the model: the words of the curated answers and
    the Danish words that training examples use often.
    """

    def __init__(self, config: Dict[str, Any], storage: ModelStorage, resource: Resource, known: Iterable[str] = ()):
        self._storage, self._resource = storage, resource
        self._often = int(config["often"])
        self._normaliser = Normaliser(frozenset(known), load_spelling())

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """often: how many training examples must use a Danish word before typing errors are corrected to it.

        code: Rasa keeps what it trained while configuration and data stay the same; this makes it see our code change.
        """
        return {"often": 5, "code": code_fingerprint("normaliser", "language", "clauses")}

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "DanishNormaliser":
        """A component without vocabulary, to be trained."""
        return cls({**cls.get_default_config(), **config}, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "DanishNormaliser":
        """The component with the vocabulary it was trained with."""
        with model_storage.read_from(resource) as folder:
            known = read_json_file(folder / _FILE)
        return cls({**cls.get_default_config(), **config}, model_storage, resource, known)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the vocabulary. A correction shall not change how other messages are read."""
        examples = [message.get(TEXT) or "" for message in training_data.intent_examples if not is_correction(message)]
        known = vocabulary(examples, self._often)
        self._normaliser = Normaliser(known, load_spelling())
        with self._storage.write_to(self._resource) as folder:
            dump_obj_as_json_to_file(folder / _FILE, sorted(known))
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Set `normalised` on each example that has a text; nothing is learnt from clauses."""
        for message in training_data.training_examples:
            if message.get(TEXT):
                message.set(NORMALISED, self._normaliser(message.get(TEXT)))
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Set `normalised` and `clauses` on each message that has a text."""
        for message in messages:
            text = message.get(TEXT)
            if text:
                message.set(NORMALISED, self._normaliser(text))
                message.set(CLAUSES, [replace(clause, text=self._normaliser(clause.text)) for clause in clauses(text)])
        return messages


def is_correction(message: Message) -> bool:
    """Whether an example is a reviewer's correction (`metadata: {correction: true}` in data/nlu)."""
    return bool(((message.get(METADATA) or {}).get(METADATA_EXAMPLE) or {}).get(CORRECTION))


def vocabulary(examples: Iterable[str], often: int) -> "frozenset[str]":
    """Correctly spelled words of the field: those of all curated answers, and Danish words in `often` examples or more."""
    answers = content.load().answers.values()
    written = vocabulary_of(text for answer in answers for text in (answer.question, answer.text, answer.more or ""))
    names = vocabulary_of(
        name for condition in content.load().conditions.values() for name in (*condition.names, *condition.hints)
    )
    counts = Counter(word for example in examples for word in set(words(plain(example))))
    used = frozenset(word for word, count in counts.items() if count >= often and is_word(word))
    return written | names | used

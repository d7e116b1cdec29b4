"""The spaCy pipeline as a Rasa component."""

from __future__ import annotations

from typing import Any, Dict

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.utils.spacy_utils import SpacyModel, SpacyNLP

from bot.language import load_pipeline, pipeline_name


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.MODEL_LOADER, DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER],
    is_trainable=False,
    model_from="DanishLanguage",
)
class DanishLanguage(SpacyNLP):
    """Rasa's SpacyNLP with the spaCy package of the configuration where it is installed, else our fallback."""

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "DanishLanguage":
        """See parent class."""
        wanted = config["model"]
        model = SpacyModel(model=load_pipeline(wanted), model_name=pipeline_name(wanted))
        return cls(model, {**cls.get_default_config(), **config})

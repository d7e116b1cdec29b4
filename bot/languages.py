"""The language of a message, as far as a few words tell."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

DANISH = "da"
KNOWN = ("da", "en", "de", "pl", "tr", "ar", "fa", "ur", "uk", "ru", "ro", "vi")
# Short Danish texts look like other languages; only a sure guess counts.
_SURE = 0.95


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language; Danish unless another one is clear."""
    language, probability = load().classify(text)
    return str(language) if probability >= _SURE else DANISH


@lru_cache(maxsize=1)
def load() -> Any:
    """The identifier; takes a fraction of a second the first time."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
    identifier.set_languages(KNOWN)
    return identifier

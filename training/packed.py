"""The embedding package's packed model file: tokenizer, and tensors of which the matrices hold 4 bits a weight.

A block is 32 weights: a half-precision scale, then 16 bytes with weight j in the low and weight j + 16 in the high half.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Dict, FrozenSet, List, Tuple

import numpy as np

from bot.safety.encoder import tensors

BLOCK = 32
LARGEST = 15
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
_SPACE = "\u2581"
_MOST_TOKENS = 128
_PREFIX = "query: "


class Packed:
    """A packed model: sizes, tokenizer (SentencePiece unigram) and tensors."""

    def __init__(self, path: Path):
        self._raw = path.read_bytes()
        self._places = tensors(self._raw)
        self.width, self.layers, self.heads, self.inner = struct.unpack_from("<4i", self._raw, 8)
        self.tokens, self.positions, self.types = struct.unpack_from("<3i", self._raw, 24)
        (self.eps,) = struct.unpack_from("<f", self._raw, 36)
        self._read_tokenizer(44)
        self._words = self.tensor("emb.word", (self.tokens, self.width)).astype(np.float16)
        self._positions = self.tensor("emb.pos", (self.positions, self.width))
        self._type = self.tensor("emb.type", (self.types, self.width))[0]
        self._norm = self.tensor("emb.ln.w", (self.width,)), self.tensor("emb.ln.b", (self.width,))

    def layer_shapes(self) -> Dict[str, Tuple[int, ...]]:
        """The tensors of a layer by their names after `l<number>.`."""
        width, inner = self.width, self.inner
        square = {f"{name}.w": (width, width) for name in ("q", "k", "v", "ao")}
        biases = {f"{name}.b": (width,) for name in ("q", "k", "v", "ao", "fo")}
        norms = {f"{name}.{part}": (width,) for name in ("aln", "oln") for part in "wb"}
        return {**square, **biases, **norms, "fi.w": (inner, width), "fi.b": (inner,), "fo.w": (width, inner)}

    def matrices(self) -> FrozenSet[str]:
        """Which tensors of a layer hold 4 bits a weight."""
        return frozenset(name for name, shape in self.layer_shapes().items() if len(shape) == 2)

    def tensor(self, name: str, shape: Tuple[int, ...]) -> np.ndarray:
        """A tensor as float32."""
        offset, size = self._places[name]
        count = int(np.prod(shape))
        if size == 4 * count:
            return np.frombuffer(self._raw, "<f4", count, offset).reshape(shape).copy()
        blocks = np.frombuffer(self._raw, _BLOCK_TYPE, count // BLOCK, offset)
        halves = np.concatenate([blocks["halves"] & LARGEST, blocks["halves"] >> 4], axis=1).astype(np.int8) - 8
        return (halves * blocks["scale"].astype(np.float32)[:, None]).reshape(shape)

    def embedded(self, ids: List[int]) -> np.ndarray:
        """(tokens, width): the first layer's input."""
        x = self._words[ids].astype(np.float32) + self._positions[: len(ids)] + self._type
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + self.eps)
        return x * self._norm[0] + self._norm[1]

    def tokenize(self, text: str) -> List[int]:
        """The ids of the likeliest pieces (Viterbi), between those of begin and end."""
        said = "".join(self._normal.get(char, char) for char in _PREFIX + text)
        said = _SPACE + _SPACE.join(said.split())
        best: List[Tuple[float, int, int]] = [(0.0, 0, 0)] + [(-np.inf, 0, 0)] * len(said)
        for start in range(len(said)):
            reached = best[start][0]
            if reached + self._unknown_score > best[start + 1][0]:
                best[start + 1] = reached + self._unknown_score, self._unknown, start
            for end in range(start + 1, min(len(said), start + self._longest) + 1):
                piece = self._pieces.get(said[start:end])
                if piece is not None and reached + self._scores[piece] > best[end][0]:
                    best[end] = reached + self._scores[piece], piece, start
        ids, place = [], len(said)
        while place:
            _, piece, place = best[place]
            ids.append(piece)
        return [self._begin, *ids[::-1][:_MOST_TOKENS], self._end]

    def _read_tokenizer(self, place: int) -> None:
        count, self._begin, self._end, _, self._unknown = struct.unpack_from("<5i", self._raw, place)
        (letters,) = struct.unpack_from("<Q", self._raw, place + 20)
        place += 28
        offsets = np.frombuffer(self._raw, "<u4", count + 1, place)
        scores = np.frombuffer(self._raw, "<f4", count, place + 4 * (count + 1))
        place += 4 * (count + 1) + 4 * count
        texts = [self._raw[place + a : place + b].decode("utf-8", "surrogateescape") for a, b in zip(offsets, offsets[1:])]
        self._scores = scores.tolist()
        self._pieces = {text: number for number, text in reversed(list(enumerate(texts))) if text and number != self._unknown}
        self._longest = max(map(len, self._pieces))
        self._unknown_score = min(self._scores) - 10
        self._normal = dict(self._normalisation(place + letters))

    def _normalisation(self, place: int) -> List[Tuple[str, str]]:
        (count,) = struct.unpack_from("<i", self._raw, place)
        place, found = place + 8, []
        for _ in range(count):
            point, length = struct.unpack_from("<IB", self._raw, place)
            points = struct.unpack_from(f"<{length}I", self._raw, place + 5)
            place += 5 + 4 * length
            found.append((chr(point), "".join(map(chr, points))))
        return found


def packed_blocks(weights: np.ndarray) -> np.ndarray:
    """The weights as bytes, 4 bits each; see the module."""
    blocks = weights.astype(np.float32).reshape(-1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    scale = (largest / -8).astype(np.float16)
    steps = np.divide(blocks, scale.astype(np.float32), out=np.zeros_like(blocks), where=scale != 0)
    quarters = np.clip(np.floor(steps + 8.5), 0, LARGEST).astype(np.uint8)
    found = np.zeros(len(blocks), _BLOCK_TYPE)
    found["scale"] = scale[:, 0]
    found["halves"] = quarters[:, : BLOCK // 2] | (quarters[:, BLOCK // 2 :] << 4)
    return found.view(np.uint8)

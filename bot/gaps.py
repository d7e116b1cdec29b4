"""Unanswered messages of one meaning, found by clustering.

Sentence embeddings of short Danish texts all lie close together and differ most in what does not matter here: length, tone,
spelling. Fisher's linear discriminant analysis (with shrinkage), learnt from the examples of the curated answers, keeps the
directions in which questions differ from each other and evens out those in which the ways to ask one question differ. It
need not know a question to tell it from others: the figures are for questions that it never saw. Messages are then joined by
average linkage of cosines.

SAME_MEANING is where topics that no answer covers, asked for in 3 to 6 ways each among 40 other messages, come out best: of
the messages in groups 79 % belong to the main topic of their group, three quarters of a topic stand in one group, adjusted
Rand index 0.63. Without the axes that index is 0.37 at best. (`python -m benchmarks.gaps`, docs/adr/0009-gaps.md)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import List, Sequence

import numpy as np

from bot.normaliser import Normaliser, fold, load_spelling

FILE = Path(__file__).with_name("meaning.npz")
SAME_MEANING, SAME_WORDS = 0.26, 0.22


@dataclass(frozen=True)
class Axes:
    """The directions in which sentence embeddings of different questions differ: shape (dimensions, axes)."""

    centre: np.ndarray
    directions: np.ndarray

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> "Axes":
        """Those that training.meaning learnt."""
        with np.load(FILE) as kept:
            return Axes(kept["centre"].astype(np.float32), kept["directions"].astype(np.float32))

    def similarities(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (texts, texts), from embeddings of shape (texts, dimensions)."""
        seen = _unit(_unit(vectors - self.centre) @ self.directions)
        return np.asarray(seen @ seen.T)


@lru_cache(maxsize=1)
def normaliser() -> Normaliser:
    """Mends spelling, but knows no words of the field: what is missing there would be taken for a typing error."""
    return Normaliser(frozenset(), load_spelling())


def similarities_of_words(texts: Sequence[str]) -> np.ndarray:
    """Shape (texts, texts): cosines of TF-IDF of letters, for machines without sentence embeddings."""
    # Imported here, as below: these packages take longer to import than the port may take to open.
    from sklearn.feature_extraction.text import TfidfVectorizer

    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, preprocessor=fold)
    features = letters.fit_transform([normaliser()(text) or text for text in texts])
    # Row by row: one product of all would keep every other thread waiting for seconds.
    others = features.T.tocsr()
    return np.array([(row @ others).toarray()[0] for row in features])


def groups(similarities: np.ndarray, threshold: float) -> List[List[int]]:
    """Rows that are alike by average linkage, each group from its most typical row on.

    `similarities` has the shape (rows, rows); parts of a group are joined while their mean similarity reaches the threshold.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(similarities) < 2:
        return [[row] for row in range(len(similarities))]
    distances = np.clip(1 - similarities, 0, None)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    numbers = fcluster(tree, 1 - threshold, "distance")
    return [_most_typical_first(np.flatnonzero(numbers == number), similarities) for number in np.unique(numbers)]


def _most_typical_first(rows: np.ndarray, similarities: np.ndarray) -> List[int]:
    typical = similarities[np.ix_(rows, rows)].mean(axis=1)
    return [int(row) for row in rows[np.argsort(-typical, kind="stable")]]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1, but for zeros."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))

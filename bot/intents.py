"""The intent model: which curated answer a message asks for, and how sure that is.

Two experts vote. One reads the words: a linear support vector machine over TF-IDF of lemmas (1-2 words) and of letters
(2-5, æ/ø/å folded). The other, where sentence embeddings are installed, reads the meaning: a logistic regression over
them. Their scores are added with weights that make held-out examples likeliest, which also calibrates the probabilities
(Platt, Probabilistic Outputs for Support Vector Machines, 1999; here over all intents at once by a softmax). Compared
with the alternatives in docs/adr/0003-intent-model.md. Before both comes memory: a message of exactly the words of a
reviewer's correction has that correction's intent.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.svm import LinearSVC

from bot.answers import Guess
from bot.embedding import Embedding
from bot.examples import same_words
from bot.language import lemma
from bot.normaliser import fold, words
from bot.vectors import encoded
from bot.weights import kept

_HELD_OUT = 0.2
_SEED = 7
_SVM_COST = 1.0
_REGRESSION_COST = 10.0
_REGRESSION_STEPS = 80
# Fewer words mean too many things to be remembered for one.
_FEWEST_REMEMBERED = 3
# For as many examples: more phrases like a correction are then understood, and others as before (docs/adr/0010).
_CORRECTION_COUNTS = 3.0


class WordExpert:
    """Scores intents by the words and letters of normalised texts."""

    def __init__(self) -> None:
        self._lemmas = TfidfVectorizer(analyzer=_lemma_grams, sublinear_tf=True)
        self._letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, preprocessor=fold, min_df=2
        )
        self._svm = LinearSVC(C=_SVM_COST, random_state=_SEED)

    def fit(self, texts: Sequence[str], intents: Sequence[str], counts: Optional[np.ndarray] = None) -> "WordExpert":
        """Train on normalised texts; `counts` says how many times each counts (once where it is missing)."""
        self._lemmas.fit(texts)
        self._letters.fit(texts)
        self._svm.fit(self._features(texts), intents, counts)
        return self

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, intents): margins."""
        return np.asarray(self._svm.decision_function(self._features(texts)))

    @property
    def intents(self) -> List[str]:
        """The intents, in the order of the score columns."""
        return [str(intent) for intent in self._svm.classes_]

    def _features(self, texts: Sequence[str]) -> csr_matrix:
        return hstack([self._lemmas.transform(texts), self._letters.transform(texts)]).tocsr()


class MeaningExpert:
    """Scores intents by the sentence embeddings of texts."""

    def __init__(self) -> None:
        self._centre = np.zeros(0)
        self._regression = LogisticRegression(
            C=_REGRESSION_COST, max_iter=_REGRESSION_STEPS, tol=1e-3, multi_class="multinomial", random_state=_SEED
        )

    def fit(self, vectors: np.ndarray, intents: Sequence[str], counts: Optional[np.ndarray] = None) -> "MeaningExpert":
        """Train on embeddings of shape (texts, dimensions); `counts` as for the other expert."""
        self._centre = vectors.mean(axis=0)
        with warnings.catch_warnings():
            # The steps are bounded on purpose: more of them cost minutes and change no ranking.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._regression.fit(self._centred(vectors), intents, counts)
        return self

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (texts, intents): logarithms of probabilities, up to a constant per text."""
        return np.asarray(self._regression.decision_function(self._centred(vectors)))

    def _centred(self, vectors: np.ndarray) -> np.ndarray:
        centred = vectors - self._centre
        return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9))


@dataclass(frozen=True)
class IntentModel:
    """Ranks intents for normalised texts; made by `train`, picklable.

    `weights` are those of the two experts; `remembered` holds the intents of corrections by their words.
    """

    words: WordExpert
    meaning: Optional[MeaningExpert]
    weights: Tuple[float, float]
    remembered: Mapping[str, str] = field(default_factory=dict)

    @property
    def uses_embedding(self) -> bool:
        """Whether it needs the sentence embedding that it was trained with."""
        return self.meaning is not None

    @property
    def intents(self) -> List[str]:
        """The intents it knows, in the order of the probability columns."""
        return self.words.intents

    def recall(self, text: str) -> Optional[str]:
        """The intent of the correction that a normalised text repeats word for word; None for every other text."""
        return self.remembered.get(same_words(text))

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, intents): calibrated probabilities, rows summing to 1."""
        total = self.weights[0] * self.words.scores(texts)
        if self.meaning is not None:
            total = total + self.weights[1] * self.meaning.scores(Embedding.shared().encode(texts))
        return softmax(total)

    def rank(self, texts: Sequence[str], most: int = 10) -> List[Tuple[Guess, ...]]:
        """For each text its likeliest intents, likeliest first."""
        names = self.intents
        rows = self.probabilities(texts)
        return [tuple(Guess(names[i], float(row[i])) for i in np.argsort(-row)[:most]) for row in rows]


def train(
    texts: Sequence[str], intents: Sequence[str], with_embedding: bool, corrected: Sequence[bool] = ()
) -> IntentModel:
    """An intent model of normalised texts and the intent of each. Raises EmbeddingMissing.

    `corrected` says which texts are reviewers' corrections (none where it is empty). The experts' weights are found
    without those, so that a correction changes nothing about messages that have nothing to do with it.
    """
    labels = np.asarray(intents)
    corrections = np.asarray(corrected or [False] * len(texts))
    vectors = encoded(texts) if with_embedding else None
    counts = np.where(corrections, _CORRECTION_COUNTS, 1.0) if corrections.any() else None
    words, meaning = _experts(texts, vectors, labels, counts)
    known = np.flatnonzero(~corrections)
    known_texts, known_vectors = np.asarray(texts, dtype=object)[known], None if vectors is None else vectors[known]
    weights = kept(
        [*known_texts, *labels[known], str(with_embedding)], lambda: _weights(known_texts, known_vectors, labels[known])
    )
    return IntentModel(words, meaning, weights, dict(_remembered(texts, intents, corrections)))


def _experts(
    texts: Sequence[str], vectors: Optional[np.ndarray], labels: np.ndarray, counts: Optional[np.ndarray] = None
) -> Tuple[WordExpert, Optional[MeaningExpert]]:
    """Both experts, trained side by side: each computes outside of Python's lock."""
    with ThreadPoolExecutor(2) as pool:
        meaning = pool.submit(MeaningExpert().fit, vectors, labels, counts) if vectors is not None else None
        words = pool.submit(WordExpert().fit, texts, labels, counts)
        return words.result(), meaning and meaning.result()


def _remembered(texts: Sequence[str], intents: Sequence[str], corrections: np.ndarray) -> Iterator[Tuple[str, str]]:
    for text, intent, correction in zip(texts, intents, corrections):
        if correction and len(same_words(text).split()) >= _FEWEST_REMEMBERED:
            yield same_words(text), str(intent)


def _weights(texts: np.ndarray, vectors: Optional[np.ndarray], labels: np.ndarray) -> Tuple[float, float]:
    """The experts' weights under which a held-out part of the examples is likeliest."""
    split = StratifiedShuffleSplit(1, test_size=_HELD_OUT, random_state=_SEED)
    train_rows, test_rows = next(split.split(texts, labels))
    word_expert, meaning = _experts(texts[train_rows], None if vectors is None else vectors[train_rows], labels[train_rows])
    by_words = word_expert.scores(texts[test_rows])
    by_meaning = np.zeros_like(by_words) if meaning is None or vectors is None else meaning.scores(vectors[test_rows])
    truth = np.searchsorted(word_expert.intents, labels[test_rows])

    def loss(weights: np.ndarray) -> float:
        probabilities = softmax(weights[0] * by_words + weights[1] * by_meaning)
        return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize(loss, x0=np.array([5.0, 0.5]), method="Nelder-Mead", options={"maxiter": 60, "xatol": 0.05})
    return float(found.x[0]), float(found.x[1])


def lemmas(text: str) -> List[str]:
    """The lemmas of normalised text; digits are left out."""
    return [lemma(word) for word in words(text)]


def _lemma_grams(text: str) -> List[str]:
    found = lemmas(text)
    return found + [f"{first} {second}" for first, second in zip(found, found[1:])]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of shape (texts, intents) from scores of that shape."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))

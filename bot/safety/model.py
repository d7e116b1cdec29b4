"""The second part of the detector: a classifier of alarm messages, for what no list foresees.

A logistic regression over TF-IDF of lemmas and letters, trained on the messages of data/safety and, as calm ones, on
the training examples of the intents. It needs seconds to train, so it is made anew where it is missing.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from bot.examples import training_examples
from bot.language import lemma
from bot.normaliser import Normaliser, fold, words
from bot.paths import DATA, MODELS, ROOT

logger = logging.getLogger(__name__)
FOLDER = DATA / "safety"
FILE = MODELS / "safety.pickle"
_COST = 5.0


@dataclass(frozen=True)
class Examples:
    """Messages with their flag; the empty flag for calm ones."""

    texts: Tuple[str, ...]
    flags: Tuple[str, ...]


class SafetyModel:
    """How likely a normalised message is an alarm, and of which flag. `fit` first; picklable."""

    def __init__(self) -> None:
        self._lemmas = TfidfVectorizer(analyzer=_lemma_grams, sublinear_tf=True, min_df=2)
        self._letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, preprocessor=fold, min_df=3
        )
        self._alarm = LogisticRegression(C=_COST, max_iter=300, solver="liblinear")
        self._flag = LogisticRegression(C=_COST, max_iter=300, solver="liblinear")

    def fit(self, texts: Sequence[str], flags: Sequence[str]) -> "SafetyModel":
        """Train on normalised messages and their flags."""
        self._lemmas.fit(texts)
        self._letters.fit(texts)
        features, labels = self._features(texts), np.asarray(flags, dtype=object)
        alarm = labels != ""
        self._alarm.fit(features, alarm)
        self._flag.fit(features[np.flatnonzero(alarm)], labels[alarm].astype(str))
        return self

    def alarm(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts,): the probability that each is an alarm."""
        return np.asarray(self._alarm.predict_proba(self._features(texts))[:, 1])

    def flag(self, text: str) -> str:
        """The likeliest flag, given that the message is an alarm."""
        return str(self._flag.predict(self._features([text]))[0])

    def _features(self, texts: Sequence[str]) -> csr_matrix:
        return hstack([self._lemmas.transform(texts), self._letters.transform(texts)]).tocsr()


def examples() -> Examples:
    """The alarm and calm messages the model learns from, as they were written."""
    rows = list(_rows())
    return Examples(tuple(text for text, _ in rows), tuple(flag for _, flag in rows))


def load_or_train(normalise: Normaliser) -> SafetyModel:
    """The kept model where it fits its data and code, else a new one, which is kept."""
    wanted = _fingerprint()
    try:
        kept, model = pickle.loads(FILE.read_bytes())
        if kept == wanted:
            return model  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        logger.info("no safety model is kept yet; training one")
    found = examples()
    model = SafetyModel().fit([normalise(text) for text in found.texts], found.flags)
    _keep(wanted, model)
    return model


def _keep(fingerprint: str, model: SafetyModel) -> None:
    try:
        MODELS.mkdir(exist_ok=True)
        FILE.write_bytes(pickle.dumps((fingerprint, model)))
    except OSError as error:
        logger.warning("the safety model could not be kept: %s", error.strerror)


def _rows() -> Iterator[Tuple[str, str]]:
    for path in sorted((FOLDER / "alarms").glob("*.txt")):
        yield from ((line, path.stem) for line in _lines(path))
    for path in sorted((FOLDER / "calm").glob("*.txt")):
        yield from ((line, "") for line in _lines(path))
    yield from ((example.text, "") for example in training_examples())


def _lines(path: Path) -> List[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _fingerprint() -> str:
    digest = hashlib.sha256()
    sources = [*sorted(FOLDER.rglob("*.txt")), *sorted((DATA / "nlu").glob("*.yml")), ROOT / "content" / "red_flags.yml"]
    for path in [*sources, Path(__file__), ROOT / "bot" / "normaliser.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _lemma_grams(text: str) -> List[str]:
    found = [fold(lemma(word)) for word in words(text)]
    return found + [f"{first} {second}" for first, second in zip(found, found[1:])]

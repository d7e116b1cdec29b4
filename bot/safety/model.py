"""The second part of the detector: a classifier of alarm messages, for what no list foresees.

Two experts judge a message, and their log-odds are averaged: a logistic regression over TF-IDF of lemmas and letters,
which is trained here on data/safety and the calm examples of data/nlu, and a sentence encoder that was tuned on the
same messages (bot.safety.encoder; see docs/adr/0004-alarm-classifier.md). Without the encoder the words decide alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from bot.examples import same_words, training_examples
from bot.language import lemma
from bot.normaliser import fold, words
from bot.paths import DATA, ROOT
from bot.safety.encoder import Encoder, EncoderMissing
from bot.safety.remembered import alarms
from bot.safety.sources import CALM, TURN, Sources

logger = logging.getLogger(__name__)
FOLDER = DATA / "safety"
_COST = 10.0
# For as many examples: among 40,000 others a single one says too little (docs/adr/0010).
_CORRECTION_COUNTS = 10.0
_FEWEST_WORDS = 2
# Log-odds of the words between which the encoder, which takes four times as long as all the rest, is asked.
_IN_DOUBT = (-4.0, 5.0)
_FEWEST_WORDS_OF_A_SENTENCE = 3
_SENTENCE_END = re.compile(r"[.!?]")


@dataclass(frozen=True)
class Thresholds:
    """From which probability a message is an alarm, with and without the encoder; `joined`: read with the turn before."""

    both: float = 0.45
    words: float = 0.55
    joined: float = 0.15


@dataclass(frozen=True)
class Examples:
    """Messages with their class: flag, or flag@level where the level is not the flag's own; empty for calm ones.

    The last `corrections` of them are reviewers' corrections.
    """

    texts: Tuple[str, ...]
    classes: Tuple[str, ...]
    corrections: int = 0

    @property
    def counts(self) -> Optional[np.ndarray]:
        """How many times each counts; None where each counts once."""
        if not self.corrections:
            return None
        return np.repeat([1.0, _CORRECTION_COUNTS], [len(self.texts) - self.corrections, self.corrections])


@dataclass(frozen=True)
class Judgement:
    """How likely a message is an alarm, whether that is enough to raise one, and of which flag and level (or "")."""

    probability: float
    alarm: bool
    flag: str = ""
    level: str = ""


class WordExpert:
    """Judges by words and letters. `fit` first; picklable."""

    def __init__(self) -> None:
        self._lemmas = TfidfVectorizer(analyzer=_lemma_grams, sublinear_tf=True, min_df=2)
        self._letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, preprocessor=fold, min_df=3)
        self._alarm = LogisticRegression(C=_COST, max_iter=300, solver="liblinear")
        self._class = LogisticRegression(C=_COST, max_iter=300, solver="liblinear")

    def fit(self, texts: Sequence[str], classes: Sequence[str], counts: Optional[np.ndarray] = None) -> "WordExpert":
        """Train on normalised messages and their classes; `counts` says how many times each counts."""
        self._lemmas.fit(texts)
        self._letters.fit(texts)
        features, labels = self.features(texts), np.asarray(classes, dtype=object)
        alarm = labels != ""
        self._alarm.fit(features, alarm, counts)
        self._class.fit(features[np.flatnonzero(alarm)], labels[alarm].astype(str), None if counts is None else counts[alarm])
        return self

    def features(self, texts: Sequence[str]) -> csr_matrix:
        """Shape (texts, terms)."""
        return hstack([self._lemmas.transform(texts), self._letters.transform(texts)]).tocsr()

    def log_odds(self, features: csr_matrix) -> np.ndarray:
        """Shape (texts,): the log-odds that each is an alarm."""
        return np.asarray(self._alarm.decision_function(features))

    def class_of(self, features: csr_matrix) -> str:
        """The likeliest class of the first text, given that it is an alarm."""
        return str(self._class.predict(features[0])[0])


class SafetyModel:
    """Judges normalised messages."""

    def __init__(self, by_words: WordExpert, encoder: Optional[Encoder] = None, thresholds: Thresholds = Thresholds()):
        self.by_words, self.encoder, self._thresholds = by_words, encoder, thresholds
        self._enough = thresholds.both if encoder else thresholds.words

    def judge(self, text: str, earlier: Sequence[str] = (), settled: bool = False) -> Judgement:
        """How alarming a message is by itself and, where it is at all, together with the turn before it.

        `settled`: an alarm stands already, so that the encoder, which takes long, need not be asked.
        """
        if len(words(text)) < _FEWEST_WORDS:
            return Judgement(0.0, False)
        encoder = None if settled else self.encoder
        judgement = self._judge(text, encoder)
        if earlier and self._thresholds.joined <= judgement.probability < self._enough:
            whole = self._judge(f"{earlier[-1]} . {text}", encoder)
            return max(judgement, whole, key=lambda judged: judged.probability)
        return judgement

    def _judge(self, text: str, encoder: Optional[Encoder]) -> Judgement:
        features = self.by_words.features(_parts(text))
        log_odds = float(max(self.by_words.log_odds(features)))
        if encoder is not None and _IN_DOUBT[0] < log_odds < _IN_DOUBT[1]:
            log_odds = (log_odds + encoder.log_odds(text)) / 2
        probability = float(1 / (1 + np.exp(-log_odds)))
        if probability < self._enough:
            return Judgement(probability, False)
        flag, _, level = self.by_words.class_of(features).partition("@")
        return Judgement(probability, True, flag, level)


def examples(corrections: Path = Sources().corrections) -> Examples:
    """The alarm and calm messages the model learns from, as they were written.

    What a correction calls an alarm is calm nowhere, and what is an alarm anywhere is not calm by a correction.
    """
    missed = list(alarms(corrections))
    known = [*_alarms(), *_without(_calm(), missed)]
    taught = [*missed, *_without(((line, "") for line in _lines(corrections / CALM)), [*_alarms(), *missed])]
    texts, classes = zip(*known, *taught)
    return Examples(texts, classes, len(taught))


def load_or_train(normalise: Callable[[str], str], sources: Sources = Sources()) -> SafetyModel:
    """The model, its words trained where no kept ones fit data and code; without the encoder where that is missing."""
    return SafetyModel(_kept_words(sources) or _train_words(normalise, sources), _encoder())


def _encoder() -> Optional[Encoder]:
    try:
        return Encoder.shared()
    except EncoderMissing as missing:
        logger.warning("alarms are judged by words alone: %s", missing)
        return None


def _kept_words(sources: Sources) -> Optional[WordExpert]:
    try:
        # From the file bit by bit: from memory it would keep every other thread waiting until it is done.
        with sources.words.open("rb") as file:
            kept, expert = pickle.load(file)
        return expert if kept == _fingerprint(sources.corrections) else None
    except (OSError, ValueError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        return None


def _train_words(normalise: Callable[[str], str], sources: Sources) -> WordExpert:
    logger.info("training the safety model")
    found = examples(sources.corrections)
    expert = WordExpert().fit([normalise(text) for text in found.texts], found.classes, found.counts)
    partial = sources.words.with_suffix(f".{os.getpid()}")
    try:
        sources.words.parent.mkdir(exist_ok=True)
        partial.write_bytes(pickle.dumps((_fingerprint(sources.corrections), expert)))
        partial.replace(sources.words)
    except OSError as error:
        logger.warning("the safety model could not be kept: %s", error.strerror)
    return expert


def _parts(text: str) -> List[str]:
    """The text and its sentences: an alarm in one sentence of a long story is not drowned by the rest."""
    sentences = [part.strip() for part in _SENTENCE_END.split(text)]
    return [text, *(part for part in sentences if len(words(part)) >= _FEWEST_WORDS_OF_A_SENTENCE and part != text)]


def _alarms() -> Iterator[Tuple[str, str]]:
    for path in sorted((FOLDER / "alarms").glob("*.txt")):
        yield from ((line, path.stem) for line in _lines(path))


def _calm() -> Iterator[Tuple[str, str]]:
    for path in sorted((FOLDER / "calm").glob("*.txt")):
        yield from ((line, "") for line in _lines(path))
    # Which answer a reviewer found right says nothing of whether the message is an alarm.
    yield from ((example.text, "") for example in training_examples() if not example.correction)


def _without(rows: Iterable[Tuple[str, str]], others: Sequence[Tuple[str, str]]) -> Iterator[Tuple[str, str]]:
    """The rows but for those of the same words as one of the others."""
    words_of_others = {same_words(text) for text, _ in others}
    return ((text, label) for text, label in rows if not words_of_others or same_words(text) not in words_of_others)


def _lines(path: Path) -> List[str]:
    if not path.is_file():
        return []
    return [line.strip().replace(TURN, ". ") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _fingerprint(corrections: Path) -> str:
    digest = hashlib.sha256()
    own = Sources().corrections
    sources = [path for path in sorted(FOLDER.rglob("*.txt")) if own not in path.parents]
    sources += [*sorted(corrections.rglob("*.txt")), *sorted((DATA / "nlu").glob("*.yml")), ROOT / "content" / "red_flags.yml"]
    for path in [*sources, Path(__file__), ROOT / "bot" / "normaliser.py", ROOT / "content" / "spelling.yml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _lemma_grams(text: str) -> List[str]:
    found = [fold(lemma(word)) for word in words(text)]
    return found + [f"{first} {second}" for first, second in zip(found, found[1:])]

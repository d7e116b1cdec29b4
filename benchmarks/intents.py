"""How well intents are recognised, by cross-validation on the project's own training data.

    .venv/bin/python -m benchmarks.intents [--folds 4]

Prints, for words alone, meaning alone and both together: how often the likeliest intent and one of the three likeliest
is right, and for several answering thresholds how many messages are answered outright and how many of those wrongly.
"""

from __future__ import annotations

import argparse
from typing import Iterator, Tuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from bot.examples import training_examples
from bot.embedding import Embedding
from bot.intents import MeaningExpert, WordExpert, softmax
from bot.nlu.normaliser import vocabulary
from bot.normaliser import Normaliser, load_spelling

THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=4)
    arguments = parser.parse_args()
    examples = list(training_examples())
    normalise = Normaliser(vocabulary([example.text for example in examples], 5), load_spelling())
    texts = np.array([normalise(example.text) for example in examples], dtype=object)
    labels = np.array([example.intent for example in examples])
    print(f"{len(texts)} examples, {len(set(labels))} intents; computing embeddings …", flush=True)
    vectors = Embedding.shared().encode(list(texts))
    parts = [_fold(texts, vectors, labels, *rows) for rows in _split(labels, arguments.folds)]
    by_words, by_meaning, truth = (np.concatenate(part) for part in zip(*parts))
    for name, scores in (("words", 7.0 * by_words), ("meaning", by_meaning), ("both", 3.5 * by_words + 0.8 * by_meaning)):
        _print(name, softmax(scores), truth)


def _split(labels: np.ndarray, folds: int) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    return StratifiedKFold(folds, shuffle=True, random_state=1).split(labels, labels)


def _fold(
    texts: np.ndarray, vectors: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    print("  fold …", flush=True)
    words = WordExpert().fit(texts[train], labels[train])
    meaning = MeaningExpert().fit(vectors[train], labels[train])
    return words.scores(texts[test]), meaning.scores(vectors[test]), np.searchsorted(words.intents, labels[test])


def _print(name: str, probabilities: np.ndarray, truth: np.ndarray) -> None:
    order = np.argsort(-probabilities, axis=1)
    right = order[:, 0] == truth
    among_three = (order[:, :3] == truth[:, None]).any(axis=1)
    print(f"{name:8} likeliest right {right.mean():.1%}, among three {among_three.mean():.1%}")
    sure = probabilities.max(axis=1)
    for threshold in THRESHOLDS:
        above = sure >= threshold
        print(
            f"    from {threshold:.1f}: answered {above.mean():.1%}, wrong {(above & ~right).sum()} of {above.sum()}"
            f" ({(above & ~right).sum() / max(1, above.sum()):.1%})"
        )


if __name__ == "__main__":
    main()

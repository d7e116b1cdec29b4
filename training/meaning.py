"""Learns in which directions the sentence embeddings of different questions differ, and writes bot/meaning.npz.

    .venv/bin/python -m training.meaning bot/meaning.npz

From the examples of data/nlu, within ten minutes; to be repeated when they have grown a good deal or the embedding
package has another model.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Sequence

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bot.embedding import Embedding
from bot.examples import training_examples
from bot.gaps import Axes, normaliser

SHRINKAGE = 0.3


def learnt(vectors: np.ndarray, intents: Sequence[str]) -> Axes:
    """The axes of embeddings of shape (examples, dimensions) and the intent of each: as many as intents, less one."""
    centre = vectors.mean(axis=0)
    centred = vectors - centre
    analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE)
    analysis.fit(centred / np.linalg.norm(centred, axis=1, keepdims=True), intents)
    return Axes(centre, analysis.scalings_[:, : len(set(intents)) - 1])


def main(out: Path) -> None:
    """Learn and write."""
    examples = list(training_examples())
    vectors = Embedding.shared().encode([normaliser()(example.text) for example in examples])
    axes = learnt(vectors, [example.intent for example in examples])
    np.savez_compressed(out, centre=axes.centre.astype(np.float16), directions=axes.directions.astype(np.float16))
    print(f"{len(examples)} examples, {axes.directions.shape[1]} axes in {out}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

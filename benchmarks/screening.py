"""How long the screening of a message of about 20 words takes, on one core.

    .venv/bin/python -m benchmarks.screening

Prints median and 95th percentile in milliseconds for patterns alone, with the classifier of words, and with the encoder.
"""

from __future__ import annotations

import os

# One core: set before anything loads a library that counts threads.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import time  # noqa: E402
from typing import List  # noqa: E402

import numpy as np  # noqa: E402

from bot.safety.detector import Detector  # noqa: E402
from bot.safety.model import SafetyModel, examples, load_or_train  # noqa: E402

MESSAGES = 300


def main() -> None:
    """Measure and print."""
    texts = _texts()
    detector = Detector()
    model = load_or_train(detector.normalise)
    print(f"{len(texts)} messages of {np.mean([len(text.split()) for text in texts]):.0f} words on one core")
    _print("patterns", Detector(), texts)
    _print("patterns, words", Detector(SafetyModel(model.by_words)), texts)
    if model.encoder:
        _print("patterns, words, encoder", Detector(model), texts)


def _texts() -> List[str]:
    found = [text for text in examples().texts if 18 <= len(text.split()) <= 22]
    return found[:: len(found) // MESSAGES][:MESSAGES]


def _print(name: str, detector: Detector, texts: List[str]) -> None:
    taken = []
    for text in texts:
        begun = time.perf_counter()
        detector.screen(text)
        taken.append(1000 * (time.perf_counter() - begun))
    print(f"{name:26} median {np.median(taken):5.1f} ms   95 % under {np.quantile(taken, 0.95):5.1f} ms", flush=True)


if __name__ == "__main__":
    main()

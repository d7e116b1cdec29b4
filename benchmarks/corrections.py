"""What a reviewer's correction does: to its own words, to other words for the same, and to all else.

    .venv/bin/python -m benchmarks.corrections [--counts 1 3 6 12]

Takes phrases that no training example is like (benchmarks/corrections.yml), each with other ways to say the same, and
trains the intent model on the project's examples with them, once for each number of times that a correction may count.
Prints how many have the right answer first, and how many of the project's regression questions. Takes some minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple
from unittest.mock import patch

import yaml

from bot import intents
from bot.content import load
from bot.embedding import Embedding
from bot.examples import Example, training_examples
from bot.improvement.cases import cases
from bot.intents import IntentModel, train
from bot.nlu.normaliser import vocabulary
from bot.normaliser import Normaliser, load_spelling
from bot.paths import ROOT
from bot.store.review import Verdict

PHRASES = Path(__file__).with_name("corrections.yml")
Asked = Sequence[Tuple[str, str]]


@dataclass(frozen=True)
class Phrase:
    """What was corrected, the right answer, and other ways to say the same."""

    answer: str
    correction: str
    paraphrases: Tuple[str, ...]


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=float, nargs="+", default=[1, 3, 6, 12], help="How many times a correction counts.")
    counts = parser.parse_args().counts
    phrases = [Phrase(each["answer"], each["correction"], tuple(each["paraphrases"])) for each in _read()]
    known = list(training_examples())
    normalise = Normaliser(vocabulary([example.text for example in known], 5), load_spelling())
    print(f"{'':16}{'corrections':>16}{'other words':>16}{'regression':>16}")
    _print("without", _trained(known, [], normalise), phrases, normalise)
    for count in counts:
        with patch.object(intents, "_CORRECTION_COUNTS", count):
            _print(f"counting {count:g}", _trained(known, phrases, normalise), phrases, normalise)


def _read() -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    return found


def _trained(known: Sequence[Example], phrases: Sequence[Phrase], normalise: Normaliser) -> IntentModel:
    texts = [*(example.text for example in known), *(phrase.correction for phrase in phrases)]
    wanted = [*(example.intent for example in known), *(phrase.answer for phrase in phrases)]
    corrected = [False] * len(known) + [True] * len(phrases)
    return train([normalise(text) for text in texts], wanted, Embedding.available(), corrected)


def _print(name: str, model: IntentModel, phrases: Sequence[Phrase], normalise: Normaliser) -> None:
    own = [(phrase.correction, phrase.answer) for phrase in phrases]
    other = [(text, phrase.answer) for phrase in phrases for text in phrase.paraphrases]
    regression = [
        (case.turns[-1], case.wanted)
        for case in cases(ROOT, (), set(), load())
        if case.kind is Verdict.ANSWER and not case.condition and case.wanted in model.intents
    ]
    figures = (f"{_right(model, asked, normalise)} of {len(asked)}" for asked in (own, other, regression))
    print(f"{name:16}" + "".join(f"{figure:>16}" for figure in figures), flush=True)


def _right(model: IntentModel, asked: Asked, normalise: Normaliser) -> int:
    """How many have the right answer first, by memory or by rank."""
    texts = [normalise(text) for text, _ in asked]
    first = [model.recall(text) or ranked[0].intent for text, ranked in zip(texts, model.rank(texts, 1))]
    return sum(found == wanted for found, (_, wanted) in zip(first, asked))


if __name__ == "__main__":
    main()

"""How many alarms are found and how many calm messages raise a false one, at several thresholds.

    .venv/bin/python -m benchmarks.alarms [--folds 4]

Cross-validation of the classifier of words on data/safety and the examples of intents: every message is judged by a
model that has not seen it. Then the whole detector, as it is served, on the tables of tests/safety, which it was never
trained on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import Dict, Iterator, List, Tuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from bot.paths import ROOT
from bot.safety.detector import Detector
from bot.safety.model import WordExpert, examples

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
TABLES = ROOT / "tests" / "safety"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=4)
    _cross_validate(parser.parse_args().folds)
    _tables(Detector().with_model())


def _cross_validate(folds: int) -> None:
    found, normalise = examples(), Detector().normalise
    texts = np.array([normalise(text) for text in found.texts], dtype=object)
    classes = np.array(found.classes, dtype=object)
    alarm, judged = classes != "", np.zeros(len(texts))
    for number, (train, test) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=1).split(texts, alarm), 1):
        print(f"  fold {number} of {folds} …", flush=True)
        expert = WordExpert().fit(texts[train], classes[train])
        judged[test] = expert.log_odds(expert.features(texts[test]))
    probability = 1 / (1 + np.exp(-judged))
    print(f"words alone, {alarm.sum()} alarms and {(~alarm).sum()} calm messages, {folds} folds")
    for threshold in THRESHOLDS:
        raised = probability >= threshold
        print(f"  from {threshold:.1f}: {raised[alarm].mean():6.1%} of alarms found, {raised[~alarm].mean():5.1%} false")


def _tables(detector: Detector) -> None:
    caught: Dict[str, List[bool]] = defaultdict(list)
    for cell, turns in _must_catch():
        raised = any(detector.screen(turn, turns[:number]).alarm for number, turn in enumerate(turns))
        caught[cell].append(raised)
        caught["all"].append(raised)
    print("the whole detector on the must-catch table")
    for cell, found in sorted(caught.items(), key=lambda item: np.mean(item[1])):
        print(f"  {cell:20} {np.mean(found):6.1%} of {len(found)}")
    lines = (TABLES / "hard_negatives.tsv").read_text(encoding="utf-8").splitlines()
    false = [detector.screen(line.split("\t")[1]).alarm is not None for line in lines if line.strip()]
    print(f"false alarms on hard negatives: {np.mean(false):.1%} of {len(false)}")


def _must_catch() -> Iterator[Tuple[str, List[str]]]:
    for path in sorted((TABLES / "must_catch").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            _, cell, _, text = line.split("\t")
            yield cell, text.split(" || ")


if __name__ == "__main__":
    main()

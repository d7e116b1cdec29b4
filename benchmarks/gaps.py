"""How well unanswered messages fall into groups of one meaning, for several thresholds.

    .venv/bin/python -m benchmarks.gaps [--vectors var/vectors.npz]

Two tasks, each drawn several times: a quarter of the intents, hidden while the axes are learnt from the others; and topics
that no answer covers (missing_topics.yml). Prints, for meaning and for words alone: purity (the share of grouped messages
that belong to the main topic of their group), the share of a topic's messages that stand in one group, adjusted Rand index
(ARI), V-measure, and the shares of topics' and of other messages that stand in any group.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import yaml
from sklearn.metrics import adjusted_rand_score, v_measure_score

from bot.embedding import Embedding
from bot.examples import training_examples
from bot.gaps import groups, normaliser, similarities_of_words
from bot.paths import DATA
from training.meaning import learnt

EVERYDAY = DATA / "safety" / "calm" / "everyday.txt"
MISSING = Path(__file__).with_name("missing_topics.yml")
THRESHOLDS = np.arange(0.14, 0.441, 0.04)
DRAWS = 8
OTHERS = ""


@dataclass(frozen=True)
class Corpus:
    """Texts, the topic of each (OTHERS: none), and their embeddings."""

    texts: np.ndarray
    topics: np.ndarray
    vectors: np.ndarray

    def rows(self, topic: str) -> List[int]:
        """Where a topic stands."""
        return list(np.flatnonzero(self.topics == topic))


Draw = Tuple[List[int], List[int]]
Compare = Callable[[List[int]], np.ndarray]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="keep the embeddings here between runs")
    corpus = _corpus(parser.parse_args().vectors)
    missing, intents = list(_missing()), sorted({example.intent for example in training_examples()})
    hidden = [intent for intent in intents if not intent.startswith(("dialog.", "tilstand."))]
    _print("hidden intents", [_hidden_draw(corpus, hidden, intents, random.Random(seed)) for seed in range(DRAWS)], corpus)
    all_axes = learnt(*_examples(corpus, intents))
    draws = [(_draw(corpus, missing, (3, 6), 40, random.Random(seed)), all_axes.similarities) for seed in range(DRAWS)]
    _print("missing topics", draws, corpus)


def _hidden_draw(corpus: Corpus, hidden: List[str], intents: List[str], chance: random.Random) -> Tuple[Draw, Compare]:
    topics = chance.sample(hidden, len(hidden) // 4)
    axes = learnt(*_examples(corpus, [intent for intent in intents if intent not in topics]))
    return _draw(corpus, topics, (5, 25), 80, chance), axes.similarities


def _draw(corpus: Corpus, topics: Sequence[str], sizes: Tuple[int, int], others: int, chance: random.Random) -> Draw:
    """Rows, and the number of the topic of each; those of no topic have numbers of their own, below zero."""
    rows: List[int] = []
    truth: List[int] = []
    for number, topic in enumerate(topics):
        drawn = chance.sample(corpus.rows(topic), chance.randint(*sizes))
        rows, truth = rows + drawn, truth + [number] * len(drawn)
    noise = chance.sample(corpus.rows(OTHERS), others)
    return rows + noise, truth + [-1 - place for place in range(others)]


def _examples(corpus: Corpus, intents: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
    known = np.isin(corpus.topics, intents)
    return corpus.vectors[known], corpus.topics[known]


def _print(name: str, draws: Sequence[Tuple[Draw, Callable[[np.ndarray], np.ndarray]]], corpus: Corpus) -> None:
    print(f"\n{name}: threshold, purity, together, ARI, V-measure, topics grouped, others grouped")
    by_meaning = [(similarities(corpus.vectors[rows]), truth) for (rows, truth), similarities in draws]
    by_words = [(similarities_of_words(list(corpus.texts[rows])), truth) for (rows, truth), _ in draws]
    for way, compared in (("meaning", by_meaning), ("words", by_words)):
        for threshold in THRESHOLDS:
            scores = np.mean([_scores(similarities, np.array(truth), threshold) for similarities, truth in compared], axis=0)
            print(f"  {way:8} {threshold:.2f}  " + "  ".join(f"{score:.2f}" for score in scores), flush=True)


def _scores(similarities: np.ndarray, truth: np.ndarray, threshold: float) -> Tuple[float, ...]:
    found = groups(similarities, threshold)
    number = np.empty(len(truth), dtype=int)
    for place, rows in enumerate(found):
        number[rows] = place
    grouped = np.array([len(found[place]) > 1 for place in number])
    of_topic = truth >= 0
    purity = sum(_largest(truth[rows]) for rows in found if len(rows) > 1) / max(1, grouped.sum())
    together = [_largest(number[truth == topic]) / (truth == topic).sum() for topic in np.unique(truth[of_topic])]
    measures = adjusted_rand_score(truth, number), v_measure_score(truth, number)
    return purity, float(np.mean(together)), *measures, float(grouped[of_topic].mean()), float(grouped[~of_topic].mean())


def _largest(numbers: np.ndarray) -> int:
    return int(np.unique(numbers, return_counts=True)[1].max())


def _missing() -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = yaml.safe_load(MISSING.read_text(encoding="utf-8"))
    return found


def _corpus(kept: Optional[Path]) -> Corpus:
    said = [(example.text, example.intent) for example in training_examples()]
    said += [(text, topic) for topic, texts in _missing().items() for text in texts]
    said += [(line, OTHERS) for line in EVERYDAY.read_text(encoding="utf-8").splitlines() if line]
    texts, topics = (np.array(column, dtype=object) for column in zip(*said))
    if kept and kept.exists():
        return Corpus(texts, topics, np.load(kept)["vectors"])
    print(f"computing {len(texts)} embeddings …", flush=True)
    vectors = Embedding.shared().encode([normaliser()(text) for text in texts])
    if kept:
        np.savez_compressed(kept, vectors=vectors)
    return Corpus(texts, topics, vectors)


if __name__ == "__main__":
    main()

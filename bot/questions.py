"""From a message to the questions in it.

A message may hold two questions, a greeting before one, or a long story with the question at its end; and it may only
make sense after the turn before it ("og hvad så med psykologen?").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

from bot.answers import MORE, SWITCH, Guess, Question
from bot.clauses import Clause, follow_up_openers
from bot.conditions import ConditionFinder
from bot.intents import IntentModel
from bot.normaliser import words

_COURTESY = "dialog."
_MATRIX = "tilstand."
_UNNAMED_SHARE = 0.3
_MOST_QUESTIONS = 3
_MOST_GUESSES = 10
_SHORT = 9
_LEANING = 16
_CLAUSE_SHARE = 0.35
_SHORT_SHARE = 0.2
_LEANING_SHARE = 0.5


@dataclass(frozen=True)
class Thresholds:
    """Probabilities (0-1): from `clear` an answer stands alone, from `likely` it comes with alternatives.

    `own_question`: how sure a part of a message must be to count as a question beside another one.
    """

    clear: float
    likely: float
    own_question: float


@dataclass(frozen=True)
class Reader:
    """Reads messages with an intent model."""

    model: IntentModel
    finder: ConditionFinder
    thresholds: Thresholds

    def read(self, text: str, clauses: Sequence[Clause], before: str = "", condition: bool = False) -> List[Question]:
        """The questions of a normalised text and its clauses; at least one.

        `before` is the turn before it, `condition` whether the conversation already is about one of the conditions.
        """
        known = self.model.recall(text)
        if known is not None:
            return [Question((Guess(known, 1.0),), self.finder.find(text))]
        parts = list(clauses) if len(clauses) > 1 else []
        context = [f"{before} {text}"] if before and self._context_share(text) else []
        rows = self.model.probabilities([text, *(part.text for part in parts), *context])
        if not condition and not self.finder.find(text):
            rows = self._without_condition(rows)
        whole, parts_rows, context_rows = rows[0], rows[1 : 1 + len(parts)], rows[1 + len(parts) :]
        asking = [(part, row) for part, row in zip(parts, parts_rows) if part.asks]
        several = self._several(asking)
        if len(several) > 1:
            return several[:_MOST_QUESTIONS]
        share = self._context_share(text)
        return [self._question(self._mixed(whole, [row for _, row in asking], context_rows, share), text)]

    def _context_share(self, text: str) -> float:
        """How much the turn before counts: most where the message begins by leaning on it ("og hvis jeg …")."""
        length = len(words(text))
        if length <= _LEANING and text.startswith(tuple(f"{opener} " for opener in follow_up_openers())):
            return _LEANING_SHARE
        return _SHORT_SHARE if length <= _SHORT else 0.0

    def _mixed(
        self, whole: np.ndarray, asking: Sequence[np.ndarray], context: np.ndarray, share: float
    ) -> np.ndarray:
        mixed = whole
        if asking:
            mixed = (1 - _CLAUSE_SHARE) * mixed + _CLAUSE_SHARE * asking[-1]
        if len(context) and not self._refers_back(whole):
            mixed = (1 - share) * mixed + share * context[0]
        return mixed

    def _without_condition(self, rows: np.ndarray) -> np.ndarray:
        """Where no condition is named, questions on one are less likely than questions on pain or treatment at large."""
        damped = rows * np.where([intent.startswith(_MATRIX) for intent in self.model.intents], _UNNAMED_SHARE, 1.0)
        return np.asarray(damped / damped.sum(axis=1, keepdims=True))

    def _refers_back(self, row: np.ndarray) -> bool:
        """"Fortæl mere" and "og ved artrose?" already say that they lean on the turn before."""
        top = int(row.argmax())
        return self.model.intents[top] in (MORE, SWITCH) and row[top] >= self.thresholds.likely

    def _several(self, asking: Sequence[Tuple[Clause, np.ndarray]]) -> List[Question]:
        found: List[Question] = []
        for part, row in asking:
            question = self._question(row, part.text)
            sure = question.guesses[0].confidence >= self.thresholds.own_question
            new = question.intent not in [other.intent for other in found]
            if sure and new and not _is_courtesy(question.intent):
                found.append(question)
        return found

    def _question(self, row: np.ndarray, text: str) -> Question:
        names = self.model.intents
        best = np.argsort(-row)[:_MOST_GUESSES]
        guesses: Tuple[Guess, ...] = tuple(Guess(names[i], float(row[i])) for i in best)
        return Question(guesses, self.finder.find(text), guesses[0].confidence >= self.thresholds.clear)


def _is_courtesy(intent: str) -> bool:
    """Greetings, thanks, small talk and what lies outside are no questions beside a question to the clinic."""
    return intent.startswith(_COURTESY)

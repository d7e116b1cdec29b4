"""The detector: patterns, classifier and context together; one entry point for gateway, Rasa, tests and command line."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from bot.language import sentences
from bot.normaliser import Normaliser, fold, load_spelling, plain
from bot.safety.flags import ORDER, Flag, Level, load_context, load_flags
from bot.safety.patterns import Match, Matcher, Tokens

if TYPE_CHECKING:
    from bot.safety.model import SafetyModel

logger = logging.getLogger(__name__)
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_FEVER = re.compile(r"3[89](?:[.,]\d)?|4[01](?:[.,]\d)?")
_FEVER_WORD = "feber"
_YEAR = re.compile(r"\b(?:19\d\d|20[01]\d|202[0-4])\b")
_NO_FEVER_BEFORE = frozenset({"år", "aar", "kg", "kilo", "uge", "uger", "procent", "kr", "gange", "min", "minutter", "årig"})
_TURNS = 3
_CRISIS = "akut.selvmord"
_NEGATION_REACH = 4
# Fewer words than this are left to the patterns: "ryggen" alone tells the classifier nothing.
_FEWEST_WORDS = 3
_FEWEST_BESIDE_A_FIGURE = 5


@dataclass(frozen=True)
class Thresholds:
    """Probabilities of the classifier: from `alarm` it raises one alone; from `sure` context no longer softens."""

    alarm: float = 0.55
    sure: float = 0.3
    joined: float = 0.15


@dataclass(frozen=True)
class Finding:
    """A flag that was found: at which level, by which part, by which words; softened by which word of context."""

    flag: Flag
    level: Level
    part: str
    words: Tuple[str, ...]
    softened_by: str = ""


@dataclass(frozen=True)
class Verdict:
    """All findings of a message. `alarm` is the one to act on, `notice` the one to mention where there is no alarm."""

    findings: Tuple[Finding, ...]
    probability: float

    @property
    def alarm(self) -> Optional[Finding]:
        """The finding of the highest level that context does not soften."""
        return _highest([finding for finding in self.findings if not finding.softened_by])

    @property
    def notice(self) -> Optional[Finding]:
        """The highest softened finding, where there is no alarm."""
        return None if self.alarm else _highest(list(self.findings))


class Detector:
    """Screens messages. Patterns work without the classifier."""

    def __init__(self, model: "Optional[SafetyModel]" = None, thresholds: Thresholds = Thresholds()):
        self._flags, self._context, self._thresholds = load_flags(), load_context(), thresholds
        self._matcher = Matcher({flag.id: flag.signs for flag in self._flags.values()})
        self.normalise = Normaliser(_vocabulary(self._flags.values()), load_spelling())
        self._figures = sorted((self.normalise(figure) for figure in self._context.figurative), key=len, reverse=True)
        self._model = model

    def with_model(self) -> "Detector":
        """This detector with its classifier, trained where that is missing."""
        # Imported here: scikit-learn takes longer to import than the port may take to open.
        from bot.safety.model import load_or_train

        self._model = load_or_train(self.normalise)
        return self

    def screen(self, text: str, before: Sequence[str] = ()) -> Verdict:
        """What alarms a message holds, read together with the turns before it (oldest first)."""
        current = self._tokens(text)
        earlier = tuple(word for turn in before[-(_TURNS - 1) :] for word in self._tokens(turn).words)
        probability = self._probability_or_none(text, before)
        joined = Tokens((*earlier, *current.words))
        matches = [match for match in self._matcher.find(joined) if match.places[-1] >= len(earlier)]
        findings = [self._finding(match, joined, text, probability) for match in matches]
        if self._model is not None and probability >= self._thresholds.alarm and not any(not f.softened_by for f in findings):
            flag = self._flags[self._model.flag(self.normalise(text))]
            findings.append(Finding(flag, flag.level, "classifier", ()))
        return Verdict(tuple(findings), probability)

    def confirmed_crisis(self, text: str) -> Optional[Finding]:
        """The crisis that a yes confirms, right after being asked about thoughts of not wanting to live."""
        said = fold(plain(text))
        if not any(re.match(rf"{re.escape(fold(word))}(?!\w)", said) for word in self._context.confirms):
            return None
        flag = self._flags[_CRISIS]
        return Finding(flag, flag.level, "dialogue", (said.split()[0],))

    def is_about_another(self, text: str) -> bool:
        """Whether the writer seems to tell of someone else."""
        return bool(_cue(self._context.others, fold(plain(text))))

    def _sentence_of(self, match: Match, tokens: Tokens, text: str) -> str:
        """The sentences that hold the words of the match, folded: context elsewhere in a long message says nothing of it."""
        matched = {tokens.folded[place] for place in match.places}
        holding = [
            sentence
            for sentence in sentences(text)
            if matched & {fold(word) for word in _TOKEN.findall(self.normalise(sentence))}
        ]
        return fold(plain(" ".join(holding) or text))

    def _tokens(self, text: str) -> Tokens:
        found = _TOKEN.findall(self.normalise(text))
        following = [*found[1:], ""]
        return Tokens(tuple(_as_fever(word, after) for word, after in zip(found, following)))

    def _probability_or_none(self, text: str, before: Sequence[str]) -> float:
        try:
            return self._probability(text, before)
        except Exception as failure:
            # The patterns go on without the classifier, whatever is wrong with it.
            logger.error("the safety classifier failed: %s", type(failure).__name__)
            return 0.0

    def _probability(self, text: str, before: Sequence[str]) -> float:
        if self._model is None:
            return 0.0
        telling = [literal for part in (text, *sentences(text)) if (literal := self._literal(part))]
        if not telling:
            return 0.0
        single = float(max(self._model.alarm(telling)))
        if before and single >= self._thresholds.joined:
            joined = self._literal(f"{before[-1]}. {text}")
            return max(single, float(self._model.alarm([joined])[0]))
        return single

    def _literal(self, text: str) -> str:
        """The normalised text without figures of speech; empty where too little is left for the classifier to judge."""
        whole = literal = self.normalise(text)
        for figure in self._figures:
            literal = literal.replace(figure, " ")
        fewest = _FEWEST_WORDS if literal == whole else _FEWEST_BESIDE_A_FIGURE
        return literal if len(literal.split()) >= fewest else ""

    def _finding(self, match: Match, tokens: Tokens, text: str, probability: float) -> Finding:
        flag = self._flags[match.flag]
        words = tuple(tokens.words[place] for place in match.places)
        softened_by = "" if probability >= self._thresholds.sure else self._softened(match, tokens, text)
        return Finding(flag, Level(match.sign.level or flag.level), "pattern", words, softened_by)

    def _softened(self, match: Match, tokens: Tokens, text: str) -> str:
        said, context = self._sentence_of(match, tokens, text), self._context
        reach = range(max(0, match.places[0] - _NEGATION_REACH), match.places[-1])
        negations = {fold(word) for word in context.negation}
        for place in reach:
            if place not in match.places and tokens.folded[place] in negations:
                return tokens.words[place]
        year = _YEAR.search(said)
        return year[0] if year else _cue((*context.past, *context.known, *context.hypothetical, *context.figurative), said)


def _highest(findings: List[Finding]) -> Optional[Finding]:
    return min(findings, key=lambda finding: ORDER.index(finding.level), default=None)


def _cue(cues: Sequence[str], folded_text: str) -> str:
    """The first cue that stands in the text as whole words; empty for none."""
    for cue in cues:
        if re.search(rf"(?<!\w){re.escape(fold(cue))}(?!\w)", folded_text):
            return cue
    return ""


def _as_fever(word: str, after: str) -> str:
    """39,4 is a fever unless it counts years, kilos or weeks."""
    return _FEVER_WORD if _FEVER.fullmatch(word) and after not in _NO_FEVER_BEFORE else word


def _vocabulary(flags: Iterable[Flag]) -> FrozenSet[str]:
    return frozenset(
        word
        for flag in flags
        for sign in flag.signs
        for group in sign.all
        for phrase in group
        for word in phrase.split()
        if "*" not in word
    )

"""The detector: patterns, corrections, classifier and context; one entry point for gateway, Rasa, tests and command line."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple

from bot.normaliser import Normaliser, load_spelling
from bot.safety.context import Context
from bot.safety.flags import ORDER, Flag, Level, load_context, load_flags
from bot.safety.patterns import Match, Matcher
from bot.safety.remembered import Remembered
from bot.safety.sources import Sources
from bot.safety.tokens import Tokens, joined, read

if TYPE_CHECKING:
    from bot.safety.model import SafetyModel

logger = logging.getLogger(__name__)
# The curated answer that asks about thoughts of not wanting to live; a yes to it is a crisis.
ASKS_ABOUT_THOUGHTS = "dialog.fortvivlet"
_CRISIS = "akut.selvmord"
_TURNS_BEFORE = 2
_LEVELS = ("", *(level.value for level in Level))


@dataclass(frozen=True)
class Finding:
    """A flag that was found: at which level, by which part, by which words; softened by which words of context."""

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
        """The finding of the highest level that context does not soften; once a flag stands, at its highest level found."""
        standing = _highest([finding for finding in self.findings if not finding.softened_by])
        return standing and _highest([finding for finding in self.findings if finding.flag.id == standing.flag.id])

    @property
    def notice(self) -> Optional[Finding]:
        """The highest softened finding, where there is no alarm."""
        return None if self.alarm else _highest(list(self.findings))


class Detector:
    """Screens messages. Patterns and corrections work without the classifier."""

    def __init__(self, model: "Optional[SafetyModel]" = None, sources: Sources = Sources()):
        self._flags = load_flags()
        self._matcher = Matcher({flag.id: flag.signs for flag in self._flags.values()})
        self._context = Context(load_context())
        self._normalise = Normaliser(_vocabulary(self._flags.values()), load_spelling())
        self._remembered = Remembered.of(sources.corrections, self.normalise)
        self._model, self._sources = model, sources

    def with_model(self) -> "Detector":
        """This detector with its classifier, trained where that is missing."""
        # Imported here: scikit-learn takes longer to import than the port may take to open.
        from bot.safety.model import load_or_train

        self._model = load_or_train(self.normalise, self._sources)
        return self

    def normalise(self, text: str) -> str:
        """The text as patterns and classifier read it; a line break ends a sentence."""
        return self._normalise(" . ".join(line for line in text.splitlines() if line.strip()))

    def screen(self, text: str, before: Sequence[str] = (), after_asking: bool = False) -> Verdict:
        """What alarms a message holds, read together with the turns before it (oldest first).

        `after_asking`: the message follows ASKS_ABOUT_THOUGHTS, so that a bare yes is a crisis.
        """
        said = self.normalise(text)
        earlier = [self.normalise(turn) for turn in before[-_TURNS_BEFORE:]]
        findings = [*self._by_signs(said, earlier), *self._by_corrections(said)]
        settled = any(not finding.softened_by for finding in findings)
        probability, judged = self._by_classifier(said, earlier, settled)
        if after_asking:
            findings.extend(self._by_assent(text))
        return Verdict((*findings, *judged), probability)

    def is_about_another(self, text: str) -> bool:
        """Whether the writer seems to tell of someone else."""
        return self._context.is_about_another(text)

    def _by_signs(self, said: str, earlier: Sequence[str]) -> Iterator[Finding]:
        """The signs of the message itself, and those that it completes together with the turns before."""
        now = read(said)
        yield from (self._finding(match, now) for match in self._matcher.find(now))
        if earlier:
            whole = joined([*map(read, earlier), now])
            first = len(whole.words) - len(now.words)
            completed = (match for match in self._matcher.find(whole, reaching=first) if match.places[0] < first)
            yield from (self._finding(match, whole) for match in completed)

    def _by_corrections(self, said: str) -> Iterator[Finding]:
        """Alarms that reviewers found to be missed, said again. Nothing softens them."""
        tokens = read(said)
        for recalled in self._remembered.find(tokens):
            id, _, level = recalled.label.partition("@")
            flag = self._flags.get(id)
            if flag is not None and level in _LEVELS:
                words = tuple(tokens.words[place] for place in recalled.places)
                yield Finding(flag, Level(level or flag.level), "correction", words)

    def _finding(self, match: Match, tokens: Tokens) -> Finding:
        flag = self._flags[match.flag]
        words = tuple(tokens.words[place] for place in match.places)
        level = Level(match.sign.level or flag.level)
        return Finding(flag, level, "pattern", words, self._context.softening(tokens, match.places, match.sign.history))

    def _by_classifier(self, said: str, earlier: Sequence[str], settled: bool) -> Tuple[float, List[Finding]]:
        if self._model is None:
            return 0.0, []
        try:
            judgement = self._model.judge(self._context.literal(said), earlier, settled)
        except Exception as failure:
            # The patterns go on without the classifier, whatever is wrong with it.
            logger.error("the safety classifier failed: %s", type(failure).__name__)
            return 0.0, []
        if not judgement.alarm:
            return judgement.probability, []
        flag = self._flags[judgement.flag]
        return judgement.probability, [Finding(flag, Level(judgement.level or flag.level), "classifier", ())]

    def _by_assent(self, text: str) -> Iterator[Finding]:
        word = self._context.confirms(text)
        if word:
            flag = self._flags[_CRISIS]
            yield Finding(flag, flag.level, "dialogue", (word,))


def _highest(findings: List[Finding]) -> Optional[Finding]:
    return min(findings, key=lambda finding: ORDER.index(finding.level), default=None)


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

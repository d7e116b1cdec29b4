"""Whether content, training data and domain fit together."""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterator, List, Tuple

from bot import edition
from bot.answers import SWITCH
from bot.clauses import follow_up_openers
from bot.content import Content
from bot.document import Document, Problem
from bot.examples import Example, same_words, training_examples
from bot.files import located
from bot.manuscript import Manuscript
from bot.normaliser import load_spelling
from bot.paths import CONTENT, DATA, ROOT
from bot.privacy.words import load_words
from bot.proof import style
from bot.safety.flags import load_context
from bot.understanding import ALARM_INTENT, FALLBACK_INTENT

FEWEST_EXAMPLES = 30


def run() -> List[Problem]:
    """Every finding. Raises ContentError when the content alone does not hold together."""
    texts = edition.of_files()
    load_spelling(), follow_up_openers(), load_context(), load_words()
    examples = list(training_examples())
    intents = domain_intents()
    return [
        *_texts(texts.manuscript),
        *_reachable(texts.content, intents),
        *_ruled(intents),
        *_trained(examples, intents),
        *_unambiguous(examples),
    ]


def domain_intents() -> Tuple[str, ...]:
    """The intents of domain.yml."""
    return tuple(str(intent) for intent in Document(ROOT / "domain.yml", ROOT).data["intents"])


def _texts(written: Manuscript) -> Iterator[Problem]:
    for key in written.keys():
        yield from (located(finding, CONTENT) for finding in style(written, key) if finding.blocks)


def _reachable(content: Content, intents: Tuple[str, ...]) -> Iterator[Problem]:
    for intent in intents:
        known = intent in content.answers or content.aspect_of_intent(intent) or intent in (SWITCH, ALARM_INTENT, FALLBACK_INTENT)
        if not known:
            yield Problem("domain.yml", 1, f"the intent {intent} has no curated answer: missing id {intent}")
    for answer_id in content.answers:
        cell = content.matrix_cell(answer_id)
        intent = f"tilstand.{cell[1]}" if cell else answer_id
        if intent not in intents:
            yield Problem("domain.yml", 1, f"no intent leads to the answer {answer_id}")


def _ruled(intents: Tuple[str, ...]) -> Iterator[Problem]:
    file = Document(DATA / "rules" / "answers.yml", ROOT)
    steps = [step for rule in file.data["rules"] for step in rule["steps"]]
    ruled = {choice["intent"] for step in steps for choice in step.get("or", [step]) if "intent" in choice}
    for intent in intents:
        if intent not in ruled:
            yield file.problem((), f"no rule leads from the intent {intent} to an action")


def _trained(examples: List[Example], intents: Tuple[str, ...]) -> Iterator[Problem]:
    counts = Counter(example.intent for example in examples)
    for intent in intents:
        if intent not in (ALARM_INTENT, FALLBACK_INTENT) and counts[intent] < FEWEST_EXAMPLES:
            yield Problem("data/nlu", 1, f"{intent}: {counts[intent]} examples, at least {FEWEST_EXAMPLES}")
    for example in examples:
        if example.intent not in intents:
            yield Problem(example.file, example.line, f"unknown intent {example.intent!r}")


def _unambiguous(examples: List[Example]) -> Iterator[Problem]:
    first: Dict[str, Example] = {}
    for example in examples:
        key = same_words(example.text)
        other = first.setdefault(key, example)
        if other is not example:
            yield Problem(example.file, example.line, f"stands already in {other.file}:{other.line} ({other.intent})")

"""From what was understood to the curated answer: pure decisions, no Rasa, no input or output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, List, Optional, Sequence, Tuple

from bot.content import Content
from bot.reply import DELETED, Button, Message, answered, clarify, fallback
from bot.status import Status

MOST_SUGGESTIONS = 3
DELETE = "dialog.slet"
MORE = "dialog.uddyb"
SWITCH = "dialog.skift"
YES = "dialog.ja"
NO = "dialog.nej"
DEFAULT_ASPECT = "viden"
NEVER_SUGGESTED = frozenset(
    f"dialog.{name}"
    for name in ("hilsen", "farvel", "tak", "smaasnak", "udenfor", "andet_sprog", "forstod_ikke", "uddyb", "ja", "nej")
)


@dataclass(frozen=True)
class Guess:
    """An intent and the probability (0-1) that it is the one meant."""

    intent: str
    confidence: float


@dataclass(frozen=True)
class Question:
    """One thing a message asks for: intents, likeliest first, and the conditions it names.

    `clear` is false where the likeliest intent is probable but not certain: the answer then says so.
    """

    guesses: Tuple[Guess, ...]
    conditions: Tuple[str, ...] = ()
    clear: bool = True

    @property
    def intent(self) -> str:
        """The likeliest intent."""
        return self.guesses[0].intent


@dataclass(frozen=True)
class Memory:
    """What a conversation remembers from turn to turn."""

    condition: Optional[str] = None
    last_answer: Optional[str] = None
    pending: Optional[str] = None


@dataclass(frozen=True)
class Outcome:
    """The messages of a turn and what is remembered after it."""

    messages: Tuple[Message, ...]
    memory: Memory


def respond(questions: Sequence[Question], memory: Memory, content: Content) -> Outcome:
    """Answer each question in turn; never without a message."""
    messages: List[Message] = []
    given: set[str] = set()
    for question in questions:
        outcome = _respond_to(question, memory, content)
        memory = outcome.memory
        for message in outcome.messages:
            answer_id = message.custom.get("answer_id", "")
            if answer_id not in given or not answer_id:
                messages.append(message)
            given.add(answer_id)
    return Outcome(tuple(messages) or (fallback(content),), memory)


def suggest(question: Question, memory: Memory, content: Content) -> Outcome:
    """The message is unclear: up to three curated answers to choose among, or the way to a person."""
    suggestions = _suggestions(question, memory, content)
    if not suggestions:
        return Outcome((fallback(content),), memory)
    return Outcome((clarify(content.phrases.unclear, suggestions, content),), memory)


def _respond_to(question: Question, memory: Memory, content: Content) -> Outcome:
    named = [condition for condition in question.conditions if condition in content.conditions]
    condition = named[0] if named else memory.condition
    question, memory = replace(question, conditions=tuple(named)), replace(memory, condition=condition)
    intent = question.intent
    if intent in (YES, NO):
        return _confirmed(intent, memory, content)
    memory = replace(memory, pending=None)
    if intent == DELETE:
        return _ask_to_delete(memory, content)
    if intent == MORE:
        return _more(memory, content)
    aspect = _aspect(question, memory, content)
    if aspect and not condition:
        return Outcome((_which_condition(aspect, content),), memory)
    if aspect and condition:
        return _answer(content.matrix_id(condition, aspect), question, memory, content)
    if intent in content.answers:
        return _answer(intent, question, memory, content)
    return suggest(question, memory, content)


def _aspect(question: Question, memory: Memory, content: Content) -> Optional[str]:
    if question.intent == SWITCH:
        cell = content.matrix_cell(memory.last_answer or "")
        return cell[1] if cell else DEFAULT_ASPECT
    return content.aspect_of_intent(question.intent)


def _answer(answer_id: str, question: Question, memory: Memory, content: Content) -> Outcome:
    answer = content.answers[answer_id]
    remembered = replace(memory, last_answer=answer_id)
    if question.clear:
        return Outcome((answered(answer, content),), remembered)
    others = _suggestions(question, memory, content, besides=answer_id)
    lead = content.phrases.hedge if others else ""
    return Outcome((answered(answer, content, lead, others),), remembered)


def _suggestions(question: Question, memory: Memory, content: Content, besides: str = "") -> Tuple[str, ...]:
    candidates = dict.fromkeys(id for id in _candidates(question, memory, content) if id != besides)
    return tuple(candidates)[:MOST_SUGGESTIONS]


def _candidates(question: Question, memory: Memory, content: Content) -> Iterator[str]:
    conditions = question.conditions or ((memory.condition,) if memory.condition else ())
    for guess in question.guesses:
        aspect = content.aspect_of_intent(guess.intent)
        if aspect:
            yield from (content.matrix_id(condition, aspect) for condition in conditions)
        elif guess.intent in content.answers and guess.intent not in NEVER_SUGGESTED:
            yield guess.intent


def _which_condition(aspect: str, content: Content) -> Message:
    ids = tuple(content.matrix_id(condition, aspect) for condition in content.conditions)
    message = clarify(content.phrases.which_condition, ids, content)
    titles = (condition.title for condition in content.conditions.values())
    buttons = tuple(replace(button, title=title) for button, title in zip(message.buttons, titles))
    return replace(message, buttons=buttons)


def _more(memory: Memory, content: Content) -> Outcome:
    last = content.answers.get(memory.last_answer or "")
    if last is None:
        return Outcome((answered(content.answers[MORE], content),), memory)
    lead = "" if last.more else content.phrases.nothing_more
    message = answered(last, content, lead)
    if last.more:
        message = replace(message, text=f"{last.text}\n\n{last.more}", custom={**message.custom, "more": None})
    return Outcome((message,), memory)


def _ask_to_delete(memory: Memory, content: Content) -> Outcome:
    phrases = content.phrases
    message = answered(content.answers[DELETE], content)
    buttons = (Button(phrases.delete_yes, f"/{YES}"), Button(phrases.delete_no, f"/{NO}"))
    return Outcome((replace(message, buttons=buttons),), replace(memory, pending=DELETE))


def _confirmed(intent: str, memory: Memory, content: Content) -> Outcome:
    if memory.pending != DELETE:
        return Outcome((answered(content.answers[intent], content),), memory)
    if intent == NO:
        kept = Message(content.phrases.kept, Status.ANSWERED, custom={"topic": "dialog", "answer_id": NO})
        return Outcome((kept,), replace(memory, pending=None))
    deleted = Message(
        content.phrases.deleted, Status.ANSWERED, custom={"topic": "dialog", "answer_id": DELETE, DELETED: True}
    )
    return Outcome((deleted,), Memory())

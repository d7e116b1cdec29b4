"""How a message is handled: the whole policy, top to bottom."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

from bot.archive import Archive
from bot.assistant import Answered, Assistant, NotReady
from bot.content import Content
from bot.edition import current
from bot.figures import FIGURES
from bot.languages import DANISH, language_of
from bot.privacy.redactor import Redacted, Redactor
from bot.reply import DELETED, Message, error, question_of
from bot.safety.card import card, reached_someone
from bot.safety.detector import ASKS_ABOUT_THOUGHTS, Finding, Verdict
from bot.safety.guard import Guard
from bot.status import Status
from bot.store.review import Rating
from bot.store.turn import BUTTON, Screening, Turn

logger = logging.getLogger(__name__)
BESIDE_A_CARD_SECONDS = 1.0
Messages = List[Dict[str, Any]]


class NotYet(Exception):
    """The server is still starting: the message was neither answered nor kept, and is to be sent again."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Conversations:
    """Handles messages of conversations with the assistant and the current edition of the texts."""

    assistant: Assistant
    archive: Archive
    guard: Guard
    redactor: Redactor
    now: Callable[[], datetime] = field(default=_now)
    _under_way: "Dict[str, asyncio.Future[Turn]]" = field(default_factory=dict, init=False, repr=False)

    @property
    def content(self) -> Content:
        """The texts of the current edition."""
        return current().content

    async def handle_message(self, conversation: str, text: str, name: str = "", waits: bool = False) -> Turn:
        """The turn that answers a text, with at least one message, whatever fails. An alarm's card comes first.

        The turn is kept before it is returned, without what names a person. `name` is the sender's own for the message:
        sent again, it gives the turn that answers it already, also while that is being made. A sender who `waits` sends
        it again by itself: while the server is starting there is no turn, unless it is an alarm's. Raises NotYet then.
        """
        if not name:
            return await self._handled(Turn(conversation, self.now(), text, ()), waits)
        id = hashlib.sha256(f"{conversation} {name}".encode()).hexdigest()[:32]
        if id not in self._under_way:
            self._under_way[id] = asyncio.ensure_future(self._handled(Turn(conversation, self.now(), text, (), id=id), waits))
            self._under_way[id].add_done_callback(lambda done: self._under_way.pop(id, None))
        return await asyncio.shield(self._under_way[id])

    async def _handled(self, asked: Turn, waits: bool) -> Turn:
        begun, conversation = time.monotonic(), asked.conversation
        before = await self.archive.turns(conversation)
        if known := next((turn for turn in before if turn.id == asked.id), None):
            return known
        starting = self.assistant.readiness.starting
        turn = await self._turn(asked, before)
        if waits and starting and turn.status == Status.ERROR.value:
            raise NotYet()
        turn = replace(turn, seconds=time.monotonic() - begun, model=self.assistant.readiness.model, content=current().version)
        FIGURES.count(turn)
        if any(message["custom"].get(DELETED) for message in turn.replies):
            return turn if await self.forget(conversation) else replace(turn, replies=(self._deleted_later(),))
        await self.archive.keep(turn)
        return turn

    async def forget(self, conversation: str) -> bool:
        """Delete a conversation here and in Rasa; False when the database can do it later only."""
        done = await self.archive.forget(conversation)
        await self.assistant.forget(conversation)
        return done

    async def rate(self, conversation: str, turn_id: str, helpful: bool, reason: str) -> Optional[bool]:
        """Keep what a visitor makes of a turn; False when the conversation has no such turn, None when it cannot be kept.

        A reason that cannot be de-identified is dropped.
        """
        redacted = await self._redacted(reason) if reason else None
        return await self.archive.rate(Rating(conversation, turn_id, helpful, redacted.text if redacted else "", self.now()))

    async def _turn(self, asked: Turn, before: Tuple[Turn, ...]) -> Turn:
        """The turn, answered. What the visitor wrote is read as it is by the screening alone."""
        question = question_of(asked.said, self.content)
        if question:
            # A button says one of our own texts.
            answered = await self._answered(asked.conversation, asked.said)
            pressed = replace(asked, said=question, kind=BUTTON, ranking=answered.ranking)
            return replace(pressed, replies=(*answered.messages, *self._asked_afterwards(before)))
        verdict, redacted = await asyncio.gather(self._screened(asked.said, before), self._redacted(asked.said))
        answered = await self._reply(asked, verdict, redacted, before)
        return replace(
            asked,
            said=redacted.text if redacted else self.content.phrases.removed,
            removed=redacted.kinds if redacted else (),
            language=_language(asked.said),
            replies=answered.messages,
            ranking=answered.ranking,
            screening=_screening(verdict, redacted),
        )

    async def _screened(self, text: str, before: Tuple[Turn, ...]) -> Optional[Verdict]:
        """What alarms the text holds; None when nobody knows."""
        try:
            return await self.guard.screen(text, [turn.said for turn in before], _asked_about_thoughts(before))
        except Exception as failure:
            logger.error("a message could not be screened: %s", type(failure).__name__)
            return None

    async def _redacted(self, text: str) -> Optional[Redacted]:
        """The text without what names a person; None when that failed, and then nobody but the screening reads it."""
        try:
            return await self.redactor.redact(text)
        except Exception as failure:
            logger.error("a message could not be de-identified, its text is dropped: %s", type(failure).__name__)
            return None

    async def _reply(
        self, asked: Turn, verdict: Optional[Verdict], redacted: Optional[Redacted], before: Tuple[Turn, ...]
    ) -> Answered:
        if verdict is None:
            # The numbers come instead of an answer that may be wrong beside an alarm.
            return self._failed()
        if verdict.alarm:
            beside = await self._beside_a_card(asked.conversation, redacted.text) if redacted else Answered(())
            return Answered((self._card(verdict.alarm, asked.said), *beside.messages), beside.ranking)
        if redacted is None:
            return self._failed() if self.assistant.readiness.ready else self._not_ready()
        answered = await self._answered(asked.conversation, redacted.text)
        first, *others = answered.messages
        messages = (_with_notice(first, verdict.notice), *others, *self._asked_afterwards(before))
        return Answered(messages, answered.ranking)

    def _card(self, alarm: Finding, text: str) -> Dict[str, Any]:
        helper = self.guard.is_about_another(text)
        return card(alarm.flag.id, alarm.level, current(), self.now(), helper).as_dict()

    def _asked_afterwards(self, before: Tuple[Turn, ...]) -> Messages:
        """Whether someone was reached: asked once, in the turn after a card."""
        return [reached_someone(current()).as_dict()] if _had_a_card(before) else []

    async def _beside_a_card(self, conversation: str, text: str) -> Answered:
        """The answer to an ordinary question in the same text, unless it would reassure or is slow."""
        try:
            answered = await asyncio.wait_for(self._answered(conversation, text), BESIDE_A_CARD_SECONDS)
        except asyncio.TimeoutError:
            return Answered(())
        beside = tuple(message for message in answered.messages if self._may_stand_beside_a_card(message))
        return Answered(beside, answered.ranking)

    def _may_stand_beside_a_card(self, message: Dict[str, Any]) -> bool:
        custom = message["custom"]
        answer = self.content.answers.get(custom.get("answer_id", ""))
        sure = custom["status"] == Status.ANSWERED.value and not custom.get("suggestions")
        return sure and answer is not None and not answer.reassures and answer.topic not in ("dialog", "akut")

    async def _answered(self, conversation: str, text: str) -> Answered:
        try:
            answered = await self.assistant.answer(conversation, text)
        except NotReady:
            return self._not_ready()
        except Exception as failure:
            # No text here: a message of a patient may not reach the log.
            logger.error("a message could not be answered: %s", type(failure).__name__)
            return self._failed()
        # Rasa answers with nothing when an action fails: every understood or unclear message has a text.
        said = tuple(_whole(message) for message in answered.messages if message.get("text"))
        return Answered(said or self._failed().messages, answered.ranking)

    def _not_ready(self) -> Answered:
        return Answered((error(self.content.phrases.not_ready).as_dict(),))

    def _deleted_later(self) -> Dict[str, Any]:
        return Message(self.content.phrases.deleted_later, Status.ANSWERED, custom={"topic": "dialog", DELETED: True}).as_dict()

    def _failed(self) -> Answered:
        return Answered((error(self.content.phrases.failed).as_dict(),))


def _with_notice(message: Dict[str, Any], notice: Optional[Finding]) -> Dict[str, Any]:
    """The answer with a quiet word on a sign that the message mentions, though not as something here and now."""
    if notice is None:
        return message
    custom = {**message["custom"], "notice": {"id": notice.flag.id}}
    return {**message, "text": f"{message['text']}\n\n{current().flags[notice.flag.id].notice}", "custom": custom}


def _language(text: str) -> str:
    """The language of the text; Danish when that cannot be told: no card shall be lost to it."""
    try:
        return language_of(text)
    except Exception as failure:
        logger.error("the language of a message could not be told: %s", type(failure).__name__)
        return DANISH


def _screening(verdict: Optional[Verdict], redacted: Optional[Redacted]) -> Screening:
    """The verdict as it may be kept: a word that de-identification took out of the text is taken out here, too."""
    if verdict is None:
        return Screening()
    findings = tuple(
        {
            "flag": found.flag.id,
            "level": found.level.value,
            "part": found.part,
            "words": [word for word in found.words if redacted and not redacted.took_out(word)],
            "softened_by": found.softened_by,
        }
        for found in verdict.findings
    )
    alarm, notice = verdict.alarm, verdict.notice
    return Screening(
        flag=alarm.flag.id if alarm else None,
        level=alarm.level.value if alarm else None,
        notice=notice.flag.id if notice else None,
        probability=round(verdict.probability, 3),
        findings=findings,
    )


def _had_a_card(before: Tuple[Turn, ...]) -> bool:
    return bool(before) and any(reply["custom"]["status"] == Status.RED_FLAG.value for reply in before[-1].replies)


def _asked_about_thoughts(before: Tuple[Turn, ...]) -> bool:
    """Whether the reply before this message asked about thoughts of not wanting to live."""
    return bool(before) and any(reply["custom"].get("answer_id") == ASKS_ABOUT_THOUGHTS for reply in before[-1].replies)


def _whole(message: Dict[str, Any]) -> Dict[str, Any]:
    return {"text": message["text"], "buttons": message.get("buttons", []), "custom": dict(message.get("custom", {}))}

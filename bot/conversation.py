"""How a message is handled: the whole policy, top to bottom."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

from bot.assistant import Assistant, NotReady
from bot.content import Content
from bot.reply import FORGET, error, question_of
from bot.safety.card import card, reached_someone
from bot.safety.detector import ASKS_ABOUT_THOUGHTS, Finding
from bot.safety.guard import Guard
from bot.status import Status
from bot.transcripts import Transcripts, Turn

logger = logging.getLogger(__name__)
BESIDE_A_CARD_SECONDS = 1.0
Messages = List[Dict[str, Any]]


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Conversations:
    """Handles messages of conversations with the assistant and its content."""

    assistant: Assistant
    content: Content
    transcripts: Transcripts
    guard: Guard
    now: Callable[[], datetime] = field(default=_now)

    async def handle_message(self, conversation: str, text: str) -> Messages:
        """The messages that answer a text; at least one, whatever fails. An alarm's card comes first."""
        before = self._turns(conversation)
        messages = await self._reply(conversation, text, before)
        forget = any(message["custom"].pop(FORGET, False) for message in messages)
        if forget:
            await self.forget(conversation)
        else:
            self._keep(conversation, Turn(question_of(text, self.content) or text, tuple(messages)))
        return [{**message, "recipient_id": conversation} for message in messages]

    async def forget(self, conversation: str) -> None:
        """Delete a conversation here and in Rasa."""
        self.transcripts.forget(conversation)
        await self.assistant.forget(conversation)

    async def _reply(self, conversation: str, text: str, before: Tuple[Turn, ...]) -> Messages:
        if question_of(text, self.content):
            # A button says one of our own texts.
            return await self._answered(conversation, text) + self._asked_afterwards(before)
        try:
            verdict = await self.guard.screen(text, [turn.said for turn in before], _asked_about_thoughts(before))
        except Exception as failure:
            # Nobody knows whether this was an alarm: the numbers come instead of an answer that may be wrong beside one.
            logger.error("a message could not be screened: %s", type(failure).__name__)
            return [error(self.content.phrases.failed).as_dict()]
        if verdict.alarm:
            return [self._card(verdict.alarm, text), *await self._beside_a_card(conversation, text)]
        answered = await self._answered(conversation, text)
        return [_with_notice(answered[0], verdict.notice), *answered[1:], *self._asked_afterwards(before)]

    def _card(self, alarm: Finding, text: str) -> Dict[str, Any]:
        helper = self.guard.is_about_another(text)
        return card(alarm.flag, alarm.level, self.content, self.now(), helper).as_dict()

    def _asked_afterwards(self, before: Tuple[Turn, ...]) -> Messages:
        """Whether someone was reached: asked once, in the turn after a card."""
        return [reached_someone(self.content).as_dict()] if _had_a_card(before) else []

    async def _beside_a_card(self, conversation: str, text: str) -> Messages:
        """The answer to an ordinary question in the same text, unless it would reassure or is slow."""
        try:
            messages = await asyncio.wait_for(self._answered(conversation, text), BESIDE_A_CARD_SECONDS)
        except asyncio.TimeoutError:
            return []
        return [message for message in messages if self._may_stand_beside_a_card(message)]

    def _may_stand_beside_a_card(self, message: Dict[str, Any]) -> bool:
        custom = message["custom"]
        answer = self.content.answers.get(custom.get("answer_id", ""))
        sure = custom["status"] == Status.ANSWERED.value and not custom.get("suggestions")
        return sure and answer is not None and not answer.reassures and answer.topic not in ("dialog", "akut")

    async def _answered(self, conversation: str, text: str) -> Messages:
        try:
            messages = await self.assistant.answer(conversation, text)
        except NotReady:
            return [error(self.content.phrases.not_ready).as_dict()]
        except Exception as failure:
            # No text here: a message of a patient may not reach the log.
            logger.error("a message could not be answered: %s", type(failure).__name__)
            return [error(self.content.phrases.failed).as_dict()]
        # Rasa answers with nothing when an action fails: every understood or unclear message has a text.
        said = [_whole(message) for message in messages if message.get("text")]
        return said or [error(self.content.phrases.failed).as_dict()]

    def _turns(self, conversation: str) -> Tuple[Turn, ...]:
        try:
            return self.transcripts.turns(conversation)
        except Exception as failure:
            # The message is answered all the same, as the first of its conversation.
            logger.error("the turns before a message could not be read: %s", type(failure).__name__)
            return ()

    def _keep(self, conversation: str, turn: Turn) -> None:
        try:
            self.transcripts.add(conversation, turn)
        except Exception as failure:
            # The patient has their reply; that the turn is lost is worth an operator's attention.
            logger.error("a turn is lost, it could not be kept: %s", type(failure).__name__)


def _with_notice(message: Dict[str, Any], notice: Optional[Finding]) -> Dict[str, Any]:
    """The answer with a quiet word on a sign that the message mentions, though not as something here and now."""
    if notice is None:
        return message
    custom = {**message["custom"], "notice": {"id": notice.flag.id}}
    return {**message, "text": f"{message['text']}\n\n{notice.flag.notice}", "custom": custom}


def _had_a_card(before: Tuple[Turn, ...]) -> bool:
    return bool(before) and any(reply["custom"]["status"] == Status.RED_FLAG.value for reply in before[-1].replies)


def _asked_about_thoughts(before: Tuple[Turn, ...]) -> bool:
    """Whether the reply before this message asked about thoughts of not wanting to live."""
    return bool(before) and any(reply["custom"].get("answer_id") == ASKS_ABOUT_THOUGHTS for reply in before[-1].replies)


def _whole(message: Dict[str, Any]) -> Dict[str, Any]:
    return {"text": message["text"], "buttons": message.get("buttons", []), "custom": dict(message.get("custom", {}))}

"""How a message is handled: the whole policy, top to bottom."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Dict, List

from bot.assistant import Assistant, NotReady
from bot.content import Content
from bot.reply import FORGET, error, fallback, question_of
from bot.transcripts import Transcripts, Turn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conversations:
    """Handles messages of conversations with the assistant and its content."""

    assistant: Assistant
    content: Content
    transcripts: Transcripts

    async def handle_message(self, conversation: str, text: str) -> List[Dict[str, Any]]:
        """The messages that answer a text; at least one, whatever fails."""
        messages = await self._answered(conversation, text)
        forget = any(message["custom"].pop(FORGET, False) for message in messages)
        if forget:
            await self.forget(conversation)
        else:
            said = question_of(text, self.content) or text
            self.transcripts.add(conversation, Turn(said, tuple(messages)))
        return [{**message, "recipient_id": conversation} for message in messages]

    async def _answered(self, conversation: str, text: str) -> List[Dict[str, Any]]:
        try:
            messages = await self.assistant.answer(conversation, text)
        except NotReady:
            return [error(self.content.phrases.not_ready).as_dict()]
        except Exception as failure:
            # No text here: a message of a patient may not reach the log.
            logger.error("a message could not be answered: %s", type(failure).__name__)
            return [error(self.content.phrases.failed).as_dict()]
        return [_whole(message) for message in messages if message.get("text")] or [fallback(self.content).as_dict()]

    async def forget(self, conversation: str) -> None:
        """Delete a conversation here and in Rasa."""
        self.transcripts.forget(conversation)
        await self.assistant.forget(conversation)


def _whole(message: Dict[str, Any]) -> Dict[str, Any]:
    return {"text": message["text"], "buttons": message.get("buttons", []), "custom": dict(message.get("custom", {}))}

"""Rasa's output channel, one message at a time."""

from __future__ import annotations

from typing import Any, Dict, List

from rasa.core.channels.channel import OutputChannel


class OneMessageChannel(OutputChannel):
    """Collects messages whole: text, buttons and custom of an utterance stay one message."""

    def __init__(self) -> None:
        self.messages: List[Dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        """The channel's name in the tracker."""
        return "rest"

    async def send_response(self, recipient_id: str, message: Dict[str, Any]) -> None:
        """Keep the message."""
        kept = {key: message[key] for key in ("text", "buttons", "custom") if message.get(key)}
        self.messages.append({"recipient_id": recipient_id, **kept})

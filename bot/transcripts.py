"""What was said in each conversation, held in memory only, for as long as it lasts."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Tuple

MOST_CONVERSATIONS = 2000
MOST_TURNS = 100
SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Turn:
    """A message of the visitor (as a reader sees it) and the messages that answered it."""

    said: str
    replies: Tuple[Dict[str, Any], ...]


@dataclass
class _Conversation:
    touched: float
    turns: List[Turn] = field(default_factory=list)


class Transcripts:
    """Turns by conversation: bounded in number, and gone SECONDS after the last turn."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._conversations: "OrderedDict[str, _Conversation]" = OrderedDict()

    def add(self, conversation: str, turn: Turn) -> None:
        """Keep a turn."""
        self._drop_old()
        kept = self._conversations.setdefault(conversation, _Conversation(self._now()))
        kept.touched = self._now()
        kept.turns = [*kept.turns, turn][-MOST_TURNS:]
        self._conversations.move_to_end(conversation)

    def turns(self, conversation: str) -> Tuple[Turn, ...]:
        """The turns of a conversation, oldest first; none for an unknown one."""
        self._drop_old()
        found = self._conversations.get(conversation)
        return tuple(found.turns) if found else ()

    def forget(self, conversation: str) -> None:
        """Delete a conversation."""
        self._conversations.pop(conversation, None)

    def _drop_old(self) -> None:
        oldest = self._now() - SECONDS
        for conversation, kept in list(self._conversations.items()):
            if kept.touched >= oldest and len(self._conversations) <= MOST_CONVERSATIONS:
                break
            del self._conversations[conversation]

"""The store, off the event loop: no message waits longer for it than a database may take to fail."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional, Tuple

from bot.store.keeper import Keeper
from bot.store.review import Rating
from bot.store.turn import Turn

logger = logging.getLogger(__name__)
SECONDS = 3.0
# What was said before is worth less than an alarm's card at once.
READ_SECONDS = 1.0
_THREADS = 8


class Archive:
    """Asks a keeper on threads of its own. Nothing here raises: the patient is answered whatever the store does."""

    def __init__(self, keeper: Keeper):
        self.keeper = keeper
        self._pool = ThreadPoolExecutor(_THREADS, "archive")

    async def turns(self, conversation: str) -> Tuple[Turn, ...]:
        """The turns of a conversation, oldest first; the few that are remembered when they cannot be read in time."""
        read = await self._ask("the turns before a message could not be read", None, self.keeper.turns, conversation, READ_SECONDS)
        return self.keeper.remembered(conversation) if read is None else read

    async def keep(self, turn: Turn) -> None:
        """Keep a turn; on disk when this returns."""
        await self._ask("a turn may be lost, keeping it failed", None, self.keeper.keep, turn)

    async def forget(self, conversation: str) -> bool:
        """Delete a conversation; False when that will be done later only."""
        return await self._ask("a conversation could not be deleted at once", False, self.keeper.forget, conversation)

    async def rate(self, rating: Rating) -> Optional[bool]:
        """Keep what a visitor makes of a turn; False when there is no such turn, None when it cannot be kept now."""
        return await self._ask("feedback could not be kept", None, self.keeper.rate, rating)

    async def _ask(
        self, complaint: str, otherwise: Any, work: Callable[[Any], Any], subject: Any, seconds: float = SECONDS
    ) -> Any:
        asked = asyncio.get_running_loop().run_in_executor(self._pool, work, subject)
        try:
            # Shielded: a slow store goes on with its work when nobody waits for it any more.
            return await asyncio.wait_for(asyncio.shield(asked), seconds)
        except Exception as failure:
            logger.error("%s: %s", complaint, type(failure).__name__)
            return otherwise

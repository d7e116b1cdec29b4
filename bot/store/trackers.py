"""Rasa's tracker store in our database: the last events of a conversation's last session, de-identified before they come."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Optional

from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT_RANKING_KEY
from sqlalchemy import delete, select

from bot.store.database import Database
from bot.store.keeper import Keeper
from bot.store.tables import trackers
from bot.store.turn import Ranking

HISTORY = 60
MOST_UNSAVED = 1000


class Trackers(TrackerStore, SerializedTrackerAsText):  # type: ignore[misc]
    """One row a conversation, bounded to HISTORY events; in memory (bounded, too) while the database fails."""

    def __init__(self, database: Database, keeper: Keeper):
        super().__init__(Domain.empty())
        self._database, self._keeper = database, keeper
        self._unsaved: "OrderedDict[str, str]" = OrderedDict()
        self._rankings: Dict[str, Ranking] = {}

    def for_another_agent(self) -> "Trackers":
        """The same trackers for another agent, which sets a domain of its own on its tracker store."""
        other = Trackers(self._database, self._keeper)
        other._unsaved, other._rankings = self._unsaved, self._rankings
        return other

    def init_tracker(self, sender_id: str) -> DialogueStateTracker:
        """A tracker that keeps HISTORY events; Rasa would lift the bound with every message."""
        return DialogueStateTracker(sender_id, self.domain.slots, max_event_history=HISTORY)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep the tracker."""
        self._rankings[tracker.sender_id] = _ranking_of(tracker)
        dialogue = self.serialise_tracker(tracker)
        if self._keeper.guarded(lambda: self._write(tracker.sender_id, dialogue)):
            self._unsaved.pop(tracker.sender_id, None)
            return
        self._unsaved[tracker.sender_id] = dialogue
        while len(self._unsaved) > MOST_UNSAVED:
            self._unsaved.popitem(last=False)

    async def retrieve(self, sender_id: str) -> Optional[DialogueStateTracker]:
        """The tracker with the events of the last session; None for an unknown conversation."""
        dialogue = self._unsaved.get(sender_id) or self._keeper.guarded(lambda: self._read(sender_id))
        return self.deserialise_tracker(sender_id, dialogue) if dialogue else None

    async def keys(self) -> Iterable[str]:
        """The conversations that are kept."""
        with self._database.reading() as connection:
            return list(connection.execute(select(trackers.c.conversation_id)).scalars())

    def take_ranking(self, conversation: str) -> Ranking:
        """The intents that the message handled last may have had, likeliest first; once."""
        return self._rankings.pop(conversation, ())

    def forget(self, conversation: str) -> None:
        """Drop what is kept of a conversation."""
        self._unsaved.pop(conversation, None)
        self._keeper.guarded(lambda: self._delete(conversation))

    def _write(self, conversation: str, dialogue: str) -> bool:
        row = {"at": datetime.now(timezone.utc), "dialogue": dialogue}
        with self._database.writing() as connection:
            changed = connection.execute(trackers.update().where(trackers.c.conversation_id == conversation).values(**row))
            if not changed.rowcount:
                connection.execute(trackers.insert(), {"conversation_id": conversation, **row})
        return True

    def _read(self, conversation: str) -> Optional[str]:
        with self._database.reading() as connection:
            return connection.execute(
                select(trackers.c.dialogue).where(trackers.c.conversation_id == conversation)
            ).scalar_one_or_none()

    def _delete(self, conversation: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(trackers).where(trackers.c.conversation_id == conversation))


def _ranking_of(tracker: DialogueStateTracker) -> Ranking:
    """The intents that the tracker's latest message may have, likeliest first."""
    parsed: Dict[str, Any] = (tracker.latest_message.parse_data or {}) if tracker.latest_message else {}
    return tuple((str(guess["name"]), float(guess["confidence"])) for guess in parsed.get(INTENT_RANKING_KEY) or ())

"""Two weeks of conversations as they might be, for pictures and tests of the staff's pages; the words are in staff_story.yml."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import yaml

from bot import edition
from bot.privacy.words import load_words
from bot.reply import Message, answered, clarify, error, fallback
from bot.safety.card import card, reached_someone
from bot.safety.flags import Level
from bot.store.database import Database
from bot.store.review import Rating, rate
from bot.store.transcripts import Transcripts
from bot.store.turn import BUTTON, TEXT, Ranking, Screening, Turn

FILE = Path(__file__).with_name("staff_story.yml")
_BETWEEN = timedelta(seconds=75)
_MODEL = "20261101-080000-smertebot.tar.gz"
_OTHERS = 3
Said = Mapping[str, Any]


def a_week_of_conversations(database: Database, now: Optional[datetime] = None) -> Tuple[Turn, ...]:
    """Store them, the newest shortly before `now`, with what visitors thought of the answers; the turns, oldest first."""
    spoken = tuple(_turns(now or datetime.now(timezone.utc)))
    transcripts = Transcripts(database)
    for turn, _ in spoken:
        transcripts.add(turn)
    for turn, said in spoken:
        if "helpful" in said:
            rate(database, _opinion(turn, said))
    return tuple(turn for turn, _ in spoken)


def _turns(now: datetime) -> Iterator[Tuple[Turn, Said]]:
    """The turns with what the file says of them, oldest first."""
    for begin, told in sorted(((_begin(now, told["ago"]), told) for told in _file()), key=lambda each: each[0]):
        before: Optional[Turn] = None
        for number, said in enumerate(told["turns"]):
            before = _Telling(said, begin + number * _BETWEEN, before).turn(_hash(f"story {told['ago']}"))
            yield before, said


def _begin(now: datetime, ago: float) -> datetime:
    """So many days ago; by day, but for the last one."""
    at = now - timedelta(days=ago)
    return at.replace(hour=6 + at.hour * 15 // 24) if ago > 1 else at


@dataclass(frozen=True)
class _Telling:
    """One line of the file, told as a turn at a time."""

    said: Said
    at: datetime
    before: Optional[Turn]

    def turn(self, conversation: str) -> Turn:
        """The turn, with the reply that the program would give."""
        text = self._text()
        return Turn(
            conversation,
            self.at,
            text,
            tuple(message.as_dict() for message in self._replies()),
            kind=BUTTON if "press" in self.said else TEXT,
            removed=tuple(kind.value for kind, mark in load_words().placeholders.items() if mark in text),
            language=self.said.get("language", "da"),
            ranking=self._ranking(),
            screening=self._screening(),
            seconds=0.1 + len(text) / 500,
            model=_MODEL,
            content=edition.current().version,
            id=_hash(f"{conversation} {self.at.isoformat()}"),
        )

    def _text(self) -> str:
        return str(self.said["said"]) if "said" in self.said else edition.current().content.answers[self.said["press"]].question

    def _replies(self) -> List[Message]:
        after_a_card = self.before is not None and self.before.screening.flag is not None
        return [self._reply(), *([reached_someone(edition.current())] if after_a_card else [])]

    def _reply(self) -> Message:
        said, texts = self.said, edition.current()
        phrases = texts.content.phrases
        if "alarm" in said:
            return card(said["alarm"], self._level(), texts, self.at, bool(said.get("helper")))
        if "error" in said:
            return error(phrases.failed)
        if "fallback" in said:
            return fallback(texts.content)
        if "clarify" in said:
            return clarify(phrases.unclear, tuple(said["clarify"]), texts.content)
        others = tuple(said.get("or", ()))
        return answered(texts.content.answers[self._best()], texts.content, phrases.hedge if others else "", others)

    def _best(self) -> str:
        said = self.said
        return str(said.get("press") or said.get("answer") or said.get("fallback") or said["clarify"][0])

    def _ranking(self) -> Ranking:
        """The best guess and others, less and less sure."""
        if "alarm" in self.said or "error" in self.said:
            return ()
        sure, best = float(self.said.get("sure", 1.0)), self._best()
        named = [*self.said.get("or", ()), *self.said.get("clarify", ()), *edition.current().content.answers[best].follow_ups]
        others = [id for id in dict.fromkeys(named) if id != best][:_OTHERS]
        return ((best, sure), *((id, round(min(sure, 1 - sure) / (place + 2), 3)) for place, id in enumerate(others)))

    def _level(self) -> Level:
        return edition.current().flags[self.said["alarm"]].level

    def _screening(self) -> Screening:
        """An alarm, a quiet notice of something softened, or nothing but a probability."""
        said = self.said
        if "press" in said:
            return Screening()
        probability = float(said.get("probability", 0.01))
        if "alarm" in said:
            return Screening(said["alarm"], self._level().value, None, probability, (self._finding(said["alarm"]),))
        if "notice" in said:
            return Screening(None, None, said["notice"], probability, (self._finding(said["notice"]),))
        return Screening(probability=probability)

    def _finding(self, flag: str) -> Dict[str, Any]:
        return {
            "flag": flag,
            "level": edition.current().flags[flag].level.value,
            "part": self.said.get("by", "pattern"),
            "words": self.said["words"],
            "softened_by": self.said.get("softened", ""),
        }


def _opinion(turn: Turn, said: Said) -> Rating:
    return Rating(turn.conversation, turn.id, bool(said["helpful"]), said.get("reason", ""), turn.at + _BETWEEN / 2)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def _file() -> List[Dict[str, Any]]:
    told: List[Dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["conversations"]
    return told

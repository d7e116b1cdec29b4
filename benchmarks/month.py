"""A month of conversations as they might be, for benchmarks: texts of the training data, invented fates, a fixed seed.

What matters for speed is spread like the real thing: statuses, alarms, languages, confidences, days and hours of the
week, versions of content and model, feedback, what reviewers added, and how often words occur.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

from sqlalchemy import func, select

from bot import edition
from bot.examples import training_examples
from bot.reply import Message, answered, clarify, error, fallback
from bot.status import Status
from bot.store.concern import Concern, concern_of
from bot.store.database import Database
from bot.store.gaps import DIMENSIONS
from bot.store.review import Verdict
from bot.store.tables import (
    audit,
    cluster_turns,
    clusters,
    conversations,
    feedback,
    labels,
    messages,
    notes,
    replies,
    tags,
    turns,
    vectors,
)
from bot.store.transcripts import _hash, _message, _row
from bot.store.turn import BUTTON, TEXT, Screening, Turn

DAYS, TURNS_A_CONVERSATION, LONGEST = 29, 4, 200
COMMON, RARE = "smerter", "drømmekage"
REVIEWERS = ("anne", "bo", "carl")
_AT_ONCE = 5000
_STATUSES: Dict[Status, float] = {
    Status.ANSWERED: 0.72,
    Status.CLARIFY: 0.09,
    Status.FALLBACK: 0.09,
    Status.RED_FLAG: 0.05,
    Status.FORM: 0.04,
    Status.ERROR: 0.01,
}
_LANGUAGES = {"da": 0.94, "en": 0.03, "tr": 0.01, "ar": 0.01, "pl": 0.005, "uk": 0.005}
_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 11, 10, 9, 9, 9, 8, 7, 6, 6, 7, 7, 5, 3, 2)
_MODELS = ("20260601-101112-ancient-base.tar.gz", "20260612-091011-brisk-fold.tar.gz", "20260624-151617-calm-tone.tar.gz")
_CONTENTS = ("1f0c2d3e4b5a", "2a9b8c7d6e5f", "3c4d5e6f7a8b", "4e5f6a7b8c9d", "5a6b7c8d9e0f")


@dataclass
class Month:
    """The conversations of a month."""

    count: int
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def __post_init__(self) -> None:
        self.content = edition.current().content
        self._answers = [answered(answer, self.content) for answer in self.content.answers.values()]
        # A few answers are given most.
        self._weights = [1 / (place + 3) for place in range(len(self._answers))]
        self._said = [example.text for example in training_examples()]
        self._flags = list(edition.current().flags.values())

    def conversations(self) -> Iterator[List[Turn]]:
        """Conversations, oldest first, as many as hold the wanted count of turns."""
        made, begins = 0, sorted(self._begin() for _ in range(self.count // TURNS_A_CONVERSATION))
        for number, begin in enumerate(begins):
            left = len(begins) - number
            length = self.count - made if left == 1 else self._length(self.count - made - left)
            yield self._conversation(begin, length)
            made += length

    def _length(self, most: int) -> int:
        longest = LONGEST if self.chance.random() < 0.0005 else 12
        wanted = longest if longest == LONGEST else int(self.chance.expovariate(1 / (TURNS_A_CONVERSATION - 0.6))) + 1
        return max(1, min(wanted, longest, most))

    def _begin(self) -> datetime:
        """More on working days and by day."""
        while True:
            day = self.now - timedelta(days=self.chance.uniform(0, DAYS))
            begin = day.replace(hour=self.chance.choices(range(24), _HOURS)[0], minute=self.chance.randrange(60))
            if begin < self.now - timedelta(hours=4) and (day.weekday() < 5 or self.chance.random() < 0.5):
                return begin

    def _conversation(self, begin: datetime, length: int) -> List[Turn]:
        key, at, spoken = f"{self.chance.getrandbits(160):040x}", begin, []
        for _ in range(length):
            spoken.append(self._turn(key, at))
            at = min(at + timedelta(seconds=self.chance.uniform(10, 90)), self.now)
        return spoken

    def _turn(self, key: str, at: datetime) -> Turn:
        status = self.chance.choices(list(_STATUSES), list(_STATUSES.values()))[0]
        kind = BUTTON if status in (Status.ANSWERED, Status.FORM) and self.chance.random() < 0.35 else TEXT
        given = self._given(status)
        passed = 1 - (self.now - at) / timedelta(days=DAYS)
        return Turn(
            key, at, self._words(), tuple(message.as_dict() for message in given), kind, self._removed(),
            self._one(_LANGUAGES), self._ranking(status), self._screening(status), round(self.chance.lognormvariate(-2, 0.6), 4),
            _at(_MODELS, passed), _at(_CONTENTS, passed), f"{self.chance.getrandbits(128):032x}",
        )

    def _given(self, status: Status) -> Tuple[Message, ...]:
        first = self.chance.choices(self._answers, self._weights)[0]
        card = Message("**Ring 112 nu.**", Status.RED_FLAG, custom={"topic": "akut"})
        ids = tuple(self.chance.sample(sorted(self.content.answers), 3))
        return {
            Status.ANSWERED: (first,),
            Status.CLARIFY: (clarify("Mener du:", ids, self.content),),
            Status.FALLBACK: (fallback(self.content),),
            Status.ERROR: (error("Noget gik galt."),),
            Status.FORM: (Message("Hvilken tilstand?", Status.FORM, custom={"topic": "tilstand"}),),
            Status.RED_FLAG: (card, first)[: self.chance.choice((1, 1, 2))],
        }[status]

    def _words(self) -> str:
        said = " ".join(self.chance.sample(self._said, self.chance.choice((1, 1, 1, 2))))
        if self.chance.random() < 0.25:
            said = f"{said} jeg har {COMMON}"
        return f"{said} og {RARE}" if self.chance.random() < 0.0002 else said

    def _removed(self) -> Tuple[str, ...]:
        return ("NAME",) if self.chance.random() < 0.02 else ()

    def _ranking(self, status: Status) -> Tuple[Tuple[str, float], ...]:
        sure = {Status.ANSWERED: 0.85, Status.CLARIFY: 0.45, Status.FALLBACK: 0.2}.get(status, 0.7)
        first = min(0.99, max(0.05, self.chance.gauss(sure, 0.15)))
        ids = self.chance.sample(sorted(self.content.answers), 5)
        return tuple((id, round(first / (place * 3 or 1), 3)) for place, id in enumerate(ids))

    def _screening(self, status: Status) -> Screening:
        flag, probability = self.chance.choice(self._flags), round(self.chance.betavariate(1, 30), 3)
        part = self.chance.choice(("pattern", "pattern", "classifier"))
        found = {"flag": flag.id, "level": flag.level.value, "part": part, "words": ["ondt"], "softened_by": ""}
        if status is Status.RED_FLAG:
            return Screening(flag.id, flag.level.value, None, round(self.chance.uniform(0.4, 1), 3), (found,))
        if self.chance.random() < 0.015:
            return Screening(None, None, flag.id, round(self.chance.uniform(0.1, 0.4), 3), ({**found, "softened_by": "før"},))
        return Screening(probability=probability)

    def _one(self, weights: Dict[str, float]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]


def fill(database: Database, count: int = 100_000) -> None:
    """Write a month into an empty database, with what reviewers added to it."""
    month = Month(count)
    waiting: List[List[Turn]] = []
    known: Set[str] = set()
    written = 0
    for conversation in month.conversations():
        waiting.append(conversation)
        if sum(map(len, waiting)) >= _AT_ONCE:
            written += _write(database, month, waiting, known)
            waiting = []
            print(f"\r{written} of {count} turns", end="", file=sys.stderr)
    written += _write(database, month, waiting, known)
    _settle(database)
    _group(database, month)
    _log(database, month)
    print(f"\r{written} turns are written.", file=sys.stderr)


def _write(database: Database, month: Month, spoken: Sequence[List[Turn]], known: Set[str]) -> int:
    """Conversations, their turns and what hangs on them; `known` are the hashes of replies that are there already."""
    every = [turn for conversation in spoken for turn in conversation]
    bodies = {_hash(body): body for turn in every for body in turn.replies}
    new = [{"hash": key, "body": body} for key, body in bodies.items() if key not in known]
    known.update(bodies)
    said = [_message(turn, place, _hash(body), body) for turn in every for place, body in enumerate(turn.replies)]
    unanswered = [turn.id for turn in every if turn.status == Status.FALLBACK.value]
    with database.writing() as connection:
        for table, rows in (
            (conversations, [_summary(month, conversation) for conversation in spoken if conversation]),
            (turns, [_row(turn) for turn in every]),
            (replies, new),
            (messages, said),
            (feedback, list(_opinions(month, every))),
            (labels, list(_findings(month, every))),
            (tags, list(_tags(month, spoken))),
            (notes, list(_notes(month, spoken))),
            (vectors, [{"turn_id": id, "vector": bytes(2 * DIMENSIONS)} for id in unanswered]),
        ):
            if rows:
                connection.execute(table.insert(), rows)
    return len(every)


def _summary(month: Month, spoken: List[Turn]) -> Dict[str, Any]:
    seen = month.chance.random() < 0.2
    return {
        "id": spoken[0].conversation,
        "started_at": spoken[0].at,
        "last_at": spoken[-1].at,
        "length": len(spoken),
        "concern": max(concern_of(turn) for turn in spoken),
        "flagged": int(month.chance.random() < 0.01),
        "reviewed_at": month.now if seen else None,
        "reviewer": month.chance.choice(REVIEWERS) if seen else None,
    }


def _opinions(month: Month, every: Sequence[Turn]) -> Iterator[Dict[str, Any]]:
    for turn in every:
        if month.chance.random() < 0.08:
            helpful = int(month.chance.random() < 0.75)
            yield {"turn_id": turn.id, "at": turn.at, "helpful": helpful, "reason": "" if helpful else "uklart"}


def _findings(month: Month, every: Sequence[Turn]) -> Iterator[Dict[str, Any]]:
    for turn in every:
        if turn.kind == TEXT and month.chance.random() < 0.015:
            verdict, value = month.chance.choice(((Verdict.ANSWER, "lob.hvad"), (Verdict.NO_ANSWER, ""), (Verdict.NO_ALARM, "")))
            found = {"kind": verdict.value, "value": value, "phrase": turn.said}
            yield {"turn_id": turn.id, "reviewer": month.chance.choice(REVIEWERS), "at": month.now, **found}


def _tags(month: Month, spoken: Sequence[List[Turn]]) -> Iterator[Dict[str, Any]]:
    for conversation in spoken:
        if month.chance.random() < 0.02:
            tag = month.chance.choice(("se på", "godt eksempel", "ny viden"))
            yield {"conversation_id": conversation[0].conversation, "tag": tag, "reviewer": "anne", "at": month.now}


def _notes(month: Month, spoken: Sequence[List[Turn]]) -> Iterator[Dict[str, Any]]:
    for conversation in spoken:
        if month.chance.random() < 0.01:
            yield {"conversation_id": conversation[0].conversation, "text": "Tal med Bo.", "reviewer": "anne", "at": month.now}


def _settle(database: Database) -> None:
    """Turns whose answer did not help concern reviewers more, and so do their conversations."""
    disliked = select(feedback.c.turn_id).where(feedback.c.helpful == 0)
    highest = select(func.max(turns.c.concern)).where(turns.c.conversation_id == conversations.c.id).scalar_subquery()
    unhelpful = int(Concern.UNHELPFUL)
    with database.writing() as connection:
        connection.execute(turns.update().where(turns.c.id.in_(disliked), turns.c.concern < unhelpful).values(concern=unhelpful))
        connection.execute(conversations.update().values(concern=highest))


def _group(database: Database, month: Month, groups: int = 60, size: int = 40) -> None:
    """Groups of unanswered questions."""
    with database.writing() as connection:
        ids = list(connection.execute(select(turns.c.id).where(turns.c.status == Status.FALLBACK.value)).scalars())
        month.chance.shuffle(ids)
        connection.execute(clusters.insert(), [{"id": number, "made_at": month.now} for number in range(1, groups + 1)])
        rows = [
            {"cluster_id": number % groups + 1, "turn_id": id, "position": number // groups}
            for number, id in enumerate(ids[: groups * size])
        ]
        connection.execute(cluster_turns.insert(), rows)


def _log(database: Database, month: Month, lines: int = 20_000) -> None:
    """What staff did in a month."""
    begin = month.now - timedelta(days=DAYS)
    rows = [
        {
            "at": begin + timedelta(seconds=number * DAYS * 86400 / lines),
            "actor": month.chance.choice(REVIEWERS),
            "action": month.chance.choice(("conversation seen", "turn labelled", "conversation reviewed")),
            "subject": f"{month.chance.getrandbits(160):040x}",
            "detail": {"turns": number % 7},
        }
        for number in range(lines)
    ]
    with database.writing() as connection:
        connection.execute(audit.insert(), rows)


def _at(names: Sequence[str], passed: float) -> str:
    """The name in use when this part (0 to 1) of the month had passed."""
    return names[min(int(max(passed, 0) * len(names)), len(names) - 1)]

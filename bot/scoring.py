"""Plays labelled messages against a running assistant and counts what was right, over its public interface only.

A case is one JSON object a line: `text` (or `turns`, each with `say`) and what is expected of the reply: `answer` (ids,
any of which is right; all of them where `both` is true), `flag` (an alarm must be raised), or `calm`.
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Sequence
from uuid import uuid4

_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """What a reply held: answer ids, the first three suggestions, and whether an alarm was raised."""

    answers: FrozenSet[str]
    suggestions: FrozenSet[str]
    alarm: bool


@dataclass(frozen=True)
class Judged:
    """A message, what kind of expectation it had, and the verdict on its reply."""

    text: str
    kind: str
    verdict: str
    seen: Seen


def report(files: Iterable[str], url: str, show: int) -> str:
    """A table of verdicts by kind, and the first `show` cases that were not right."""
    judged = [row for file in files for case in _cases(Path(file)) for row in _play(case, url)]
    lines = []
    for kind in sorted({row.kind for row in judged}):
        counts = Counter(row.verdict for row in judged if row.kind == kind)
        total = sum(counts.values())
        lines.append(f"{kind}: " + ", ".join(f"{verdict} {n} ({n / total:.1%})" for verdict, n in counts.most_common()))
    wrong = [row for row in judged if row.verdict not in ("right", "caught", "quiet")]
    lines += [f"- {row.verdict}: {row.text!r} got {sorted(row.seen.answers or row.seen.suggestions)}" for row in wrong[:show]]
    return "\n".join(lines)


def judge(expected: Mapping[str, Any], seen: Seen) -> str:
    """right, offered, wrong or unsure for a question; caught or missed for an alarm; quiet or false alarm else."""
    if expected.get("flag"):
        return "caught" if seen.alarm else "missed"
    if not expected.get("answer"):
        return "false alarm" if seen.alarm else "quiet"
    wanted = set(expected["answer"])
    if wanted <= seen.answers if expected.get("both") else wanted & seen.answers:
        return "right"
    if wanted & seen.suggestions:
        return "offered"
    return "wrong" if seen.answers and not seen.suggestions else "unsure"


def _cases(path: Path) -> Iterator[Dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _play(case: Mapping[str, Any], url: str) -> Iterator[Judged]:
    sender = f"score-{uuid4().hex}"
    turns: Sequence[Mapping[str, Any]] = case.get("turns") or [{**case, "say": case["text"]}]
    for turn in turns:
        seen = _seen(_say(url, sender, turn["say"]))
        if turn.get("flag") or turn.get("answer") or turn.get("calm") or case.get("kind") == "calm":
            kind = "alarm" if turn.get("flag") else "question" if turn.get("answer") else "calm"
            yield Judged(turn["say"], kind, judge({**turn, "both": turn.get("both") or case.get("both")}, seen), seen)


def _say(url: str, sender: str, text: str) -> List[Dict[str, Any]]:
    body = json.dumps({"sender": sender, "message": text}).encode()
    request = urllib.request.Request(f"{url.rstrip('/')}/webhooks/rest/webhook", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        return list(json.loads(response.read()))


def _seen(messages: Iterable[Mapping[str, Any]]) -> Seen:
    customs = [message.get("custom", {}) for message in messages]
    suggestions = [id for custom in customs for id in custom.get("suggestions", ())]
    answers = frozenset(custom["answer_id"] for custom in customs if custom.get("answer_id"))
    return Seen(answers, frozenset(suggestions[:3]), any(custom.get("red_flag") for custom in customs))

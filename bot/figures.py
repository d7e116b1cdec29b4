"""What is counted for operators (Prometheus): numbers by kind, never a text or an id."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.store.keeper import Health
from bot.store.turn import Turn

_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 20)


class Figures:
    """The figures of this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._turns = Counter("smertebot_turns", "Turns by status", ["status"], registry=self._registry)
        self._alarms = Counter("smertebot_alarms", "Alarm cards by level", ["level"], registry=self._registry)
        self._removed = Counter("smertebot_removed", "Personal data removed by kind", ["kind"], registry=self._registry)
        self._seconds = Histogram(
            "smertebot_reply_seconds", "From message to reply", buckets=_SECONDS, registry=self._registry
        )
        self._database = Gauge("smertebot_database_up", "1 when the database works", registry=self._registry)
        self._waiting = Gauge("smertebot_backlog_entries", "Entries that wait for the database", registry=self._registry)
        self._lost = Gauge("smertebot_turns_lost", "Turns that neither database nor queue kept", registry=self._registry)
        self._ready = Gauge("smertebot_model_ready", "1 when the model is loaded", registry=self._registry)

    def count(self, turn: Turn) -> None:
        """Count a turn."""
        self._turns.labels(turn.status).inc()
        self._seconds.observe(turn.seconds)
        if turn.screening.level:
            self._alarms.labels(turn.screening.level).inc()
        for kind in turn.removed:
            self._removed.labels(kind).inc()

    def text(self, health: Health, ready: bool) -> bytes:
        """All figures in Prometheus' text format, with how the store and the model do now."""
        self._database.set(health.available)
        self._waiting.set(health.waiting)
        self._lost.set(health.lost)
        self._ready.set(ready)
        return generate_latest(self._registry)


FIGURES = Figures()

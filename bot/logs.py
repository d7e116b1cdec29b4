"""Logging that cannot hold what a patient wrote, on any level.

Our own log lines name kinds of failures and counts. Other packages put messages, statements and arguments into theirs, so
of their lines only the place and the type of an error are kept; and tracebacks name places and types, never values.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
import threading
import traceback
import warnings
from typing import Any, Dict, MutableMapping

_OURS = ("bot", "actions")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class PlacesOnly(logging.Formatter):
    """Formats our records whole, those of others by place; errors by type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it where an error came from."""
        ours = record.name.split(".")[0] in _OURS
        kept = logging.makeLogRecord({**record.__dict__, "exc_text": None, "stack_info": None})
        if not ours:
            kept.msg, kept.args = f"({record.module}:{record.lineno})", ()
        return super().format(kept)

    def formatException(self, ei: Any) -> str:
        """The types of the error and of what led to it, and the places it came through."""
        kind, error, trace = ei
        places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
        cause = error and (error.__cause__ or error.__context__)
        return "\n".join([*places, f"{kind.__name__}{f' after {type(cause).__name__}' if cause else ''}"])


def configure(level: int = logging.INFO) -> None:
    """Log to standard error through PlacesOnly, whoever logs; no core dumps, whose memory would hold messages."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlacesOnly(_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
    # Packages loaded later switch warnings on again, and a warning may quote what it is about.
    warnings.showwarning = lambda *args, **kwargs: None
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tame_structlog()


def tame_structlog() -> None:
    """Rasa logs through structlog, too, and prints every level with its arguments unless told otherwise."""
    import structlog

    structlog.configure(
        processors=[_event_only],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def handle_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody awaited by its type: asyncio would print the error and the task's arguments."""
    loop.set_exception_handler(_log_loop_error)


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
    failure = context.get("exception")
    logging.getLogger("bot.loop").error("an error in the background: %s", type(failure).__name__)


def _log_uncaught(kind: Any, error: Any, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("the program failed", exc_info=(kind, error, trace))


def _event_only(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """The event's dotted name without its arguments; a sentence instead of a name is not passed on."""
    name = str(event.get("event", ""))
    return name if name.replace(".", "").replace("_", "").isalnum() else "event"

"""The process of one round: `python -m bot.improvement ID`. It ends with whoever started it, and holds the lock till then."""

from __future__ import annotations

import logging
import os
import sys
import threading

from bot import logs, settings
from bot.improvement.build import Folders, base_of
from bot.improvement.trial import Trial
from bot.store.database import Database
from bot.store.phrases import Phrases
from bot.store.rounds import Rounds, State

_COURTESY = 10


def main() -> None:
    """Carry out the round. Exit status 0 when it came into use."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_COURTESY)
    os.umask(0o077)
    logs.configure()
    chosen = settings.load()
    database = Database(chosen.database)
    trial = Trial(Rounds(database), Phrases(database), Folders(chosen), base_of(chosen))
    _end(0 if trial.run(int(sys.argv[1])) is State.READY else 1)


def _end(status: int) -> None:
    """At once: taking TensorFlow down can last longer than a minute on a busy machine, and the lock would be held for it."""
    logging.shutdown()
    os._exit(status)


def _end_with_parent() -> None:
    """Standard input ends when the parent does, however it does."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()

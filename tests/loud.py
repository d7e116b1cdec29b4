"""The command line with every logger on its loudest level: what is written then must hold no text either."""

import logging

from bot import logs
from bot.cli import main

_configure = logs.configure


def _loudly(level: int = logging.DEBUG) -> None:
    _configure(level)
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "uvicorn", "asyncio", "rasa", "bot"):
        logging.getLogger(name).setLevel(logging.DEBUG)


logs.configure = _loudly
main()

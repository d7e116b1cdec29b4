"""The command line: `smertebot serve`, `train`, `check`, `screen`, `score`, `purge`, `export`."""

from __future__ import annotations

import os

# Rasa would report usage to its makers; nothing leaves the hospital. Set before anything imports Rasa.
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import socket  # noqa: E402
import sys  # noqa: E402
from datetime import datetime, timedelta, timezone  # noqa: E402
from typing import TYPE_CHECKING, Any, TextIO  # noqa: E402

import click  # noqa: E402

from bot import settings as settings_module  # noqa: E402
from bot.settings import PREFIX, Settings, SettingsError  # noqa: E402

if TYPE_CHECKING:
    from bot.store.database import Database

_DAY = click.DateTime(["%Y-%m-%d"])


def _settings_help() -> str:
    lines = [
        f"  {PREFIX}{name.upper()}: {field.field_info.description}" for name, field in Settings.__fields__.items()
    ]
    return "\b\nSettings (environment or .env):\n" + "\n".join(lines)


@click.group()
def main() -> None:
    """The chat assistant of a hospital's pain centre."""


@main.command(epilog=_settings_help())
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(host: str, port: int) -> None:
    """Serve the chat; the port opens at once, answers come when the model is loaded."""
    settings = _settings()
    _require_free(host, port)
    import uvicorn

    from bot import logs
    from bot.app import create_app
    from bot.content import ContentError
    from bot.privacy.names import NamesMissing
    from bot.store.database import DatabaseError

    # Database, secret and queue are for this user alone.
    os.umask(0o077)
    logs.configure()
    try:
        app = create_app(settings)
    except ContentError as error:
        sys.exit(f"The content does not hold together:\n{error}")
    except DatabaseError as error:
        sys.exit(f"Settings: {PREFIX}{error}")
    except SettingsError as error:
        sys.exit(f"Settings: {error}")
    except NamesMissing as error:
        sys.exit(str(error))
    click.echo(f"Open http://{host}:{port}/ (answers come as soon as the model is loaded)")
    uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, server_header=False, ws="none")


@main.command()
@click.option("--if-needed", is_flag=True, help="Only when training data or configuration changed.")
def train(if_needed: bool) -> None:
    """Train the model on data/ and keep it under models/."""
    from bot import models, training

    if if_needed and models.up_to_date():
        click.echo("The model fits its training data.")
        return
    click.echo("Training the model; this takes a few minutes …")
    sys.exit(training.train())


@main.command()
def check() -> None:
    """Check that content, training data and domain fit together; list what awaits approval."""
    from bot import checks
    from bot.content import ContentError, load
    from bot.safety.flags import load_flags

    try:
        problems = [str(problem) for problem in checks.run()]
    except ContentError as error:
        problems = [str(problem) for problem in error.problems]
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(f"{len(problems)} problems")
    waiting = load().unapproved() + [flag.id for flag in load_flags().values() if flag.approved is None]
    click.echo(f"Content, training data and domain fit together. {len(waiting)} texts await approval:")
    click.echo("\n".join(f"  {id}" for id in waiting))


@main.command()
@click.argument("messages", nargs=-1)
def screen(messages: "tuple[str, ...]") -> None:
    """Say which red flags messages raise, by which part and which words; without MESSAGES, one a line from stdin."""
    from bot.safety.detector import Detector

    detector = Detector().with_model()
    for message in messages or (line.strip() for line in sys.stdin):
        verdict = detector.screen(message)
        click.echo(f"{'ALARM' if verdict.alarm else 'notice' if verdict.notice else 'calm'} {verdict.probability:.2f}  {message}")
        for finding in verdict.findings:
            softened = f", softened by {finding.softened_by!r}" if finding.softened_by else ""
            words = " ".join(finding.words)
            click.echo(f"      {finding.flag.id} ({finding.level.value}) by {finding.part}: {words}{softened}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True)
@click.option("--show", default=20, show_default=True, help="How many failing cases to print.")
def score(files: "tuple[str, ...]", url: str, show: int) -> None:
    """Play labelled messages (JSON Lines) against a running assistant and print what was right."""
    from bot import scoring

    click.echo(scoring.report(files, url, show))


@main.command()
def purge() -> None:
    """Delete what is older than SMERTE_RETENTION_DAYS; the server does so by itself each hour."""
    settings = _settings()
    database = _database(settings)
    from bot.store.transcripts import Transcripts

    gone = Transcripts(database).purge(datetime.now(timezone.utc) - timedelta(days=settings.retention_days), settings.retention_days)
    click.echo(f"{gone} turns older than {settings.retention_days} days were deleted.")


@main.command()
@click.argument("what", type=click.Choice(["transcripts", "figures"]))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--from", "first", type=_DAY, help="First day, as 2027-01-31.")
@click.option("--to", "last", type=_DAY, help="Last day.")
@click.option("--status", default="", help="Status of the reply: answered, clarify, fallback, red_flag, form, error.")
@click.option("--topic", default="", help="Topic or id of an answer that was given.")
@click.option("--flag", default="", help="Id of a red flag that raised an alarm.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=False), default="-", help="A file instead of the screen.")
def export(what: str, form: str, first: Any, last: Any, status: str, topic: str, flag: str, output: TextIO) -> None:
    """Write transcripts (de-identified) or figures by day as CSV or JSON Lines."""
    from bot.store import export as exports
    from bot.status import Status

    if status and status not in [known.value for known in Status]:
        raise click.BadParameter(f"{status} is no status", param_hint="--status")
    chosen = exports.Filter(first and first.date(), last and last.date(), status, topic, flag)
    read, columns = exports.WHAT[what]
    count = exports.write(read(_database(_settings()), chosen), exports.Form(form), output, columns)
    click.echo(f"{count} rows", err=True)


def _database(settings: Settings) -> "Database":
    """The database, brought up to date. Ends the program with one sentence when it cannot be used."""
    from bot.store.database import Database, DatabaseError, Unavailable

    try:
        database = Database(settings.database)
        database.migrate()
        return database
    except DatabaseError as error:
        sys.exit(f"Settings: {PREFIX}{error}")
    except Unavailable as failure:
        sys.exit(f"The database cannot be used ({failure}).")


def _settings() -> Settings:
    try:
        return settings_module.load()
    except SettingsError as error:
        sys.exit(f"Settings: {error}")


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"Port {port} on {host} cannot be used ({error.strerror}); choose another with --port.")


if __name__ == "__main__":
    main()

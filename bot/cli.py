"""The command line: `smertebot serve`, `train`, `check`, `screen`, `score`, `purge`, `export`, `staff`."""

from __future__ import annotations

import os

# Rasa would report usage to its makers; nothing leaves the hospital. Set before anything imports Rasa.
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A message is little work: more threads would only wait for one another, and keep another core busy with that.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import socket  # noqa: E402
import sys  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from datetime import datetime, timedelta, timezone  # noqa: E402
from typing import TYPE_CHECKING, Any, Iterator, TextIO  # noqa: E402

import click  # noqa: E402

from bot import settings as settings_module  # noqa: E402
from bot.settings import PREFIX, Settings, SettingsError  # noqa: E402
from bot.staff.role import Role  # noqa: E402

if TYPE_CHECKING:
    from bot.store.accounts import Accounts
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
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
def improve(yes: bool, dry_run: bool) -> None:
    """Learn reviewers' corrections: train, compare with the model in use, and switch when nothing got worse."""
    from bot.improvement.build import Busy
    from bot.improvement.job import Improvement, NothingToLearn
    from bot.improvement.report import plan_lines, round_lines
    from bot.models import ModelMissing
    from bot.store.accounts import COMMAND_LINE
    from bot.store.rounds import State

    settings = _settings()
    work = Improvement(settings, _database(settings))
    try:
        for line in plan_lines(work.plan()):
            click.echo(line)
        if dry_run:
            return
        if not yes:
            click.confirm("Train and compare with these changes?", abort=True)
        job = work.begin(COMMAND_LINE)
    except Busy:
        sys.exit("A round is under way.")
    except NothingToLearn:
        sys.exit("There is nothing new to learn.")
    except ModelMissing as error:
        sys.exit(str(error))
    for step in job.steps():
        click.echo(f"  {step} …")
    work.settle()
    ended = work.rounds.get(job.id)
    for line in round_lines(ended):
        click.echo(line)
    sys.exit(ended.state is not State.READY)


@main.command()
def check() -> None:
    """Check that content, training data and domain fit together; list what awaits approval."""
    from bot import checks, edition
    from bot.content import ContentError

    try:
        problems = [str(problem) for problem in checks.run()]
    except ContentError as error:
        problems = [str(problem) for problem in error.problems]
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(f"{len(problems)} problems")
    texts = edition.of_files()
    waiting = texts.content.unapproved() + [flag.id for flag in texts.flags.values() if flag.approved is None]
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
@click.argument("what", type=click.Choice(["transcripts", "figures", "audit", "content", "training"]))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--from", "first", type=_DAY, help="First day, as 2027-01-31.")
@click.option("--to", "last", type=_DAY, help="Last day.")
@click.option("--status", default="", help="Status of the reply: answered, clarify, fallback, red_flag, form, error.")
@click.option("--topic", default="", help="Topic or id of an answer that was given.")
@click.option("--flag", default="", help="Id of a red flag that raised an alarm.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=False), default="-", help="A file instead of the screen.")
@click.option("--check", "check_only", is_flag=True, help="Of content and training: show what would change, write nothing.")
def export(
    what: str, form: str, first: Any, last: Any, status: str, topic: str, flag: str, output: TextIO, check_only: bool
) -> None:
    """Write transcripts (de-identified), figures by day or the audit log as CSV or JSON Lines.

    `content` and `training` write what was published and what was learnt on the staff's pages into this checkout's files.
    """
    if what == "training":
        return _export_training(check_only)
    if what == "content":
        return _export_content(check_only)
    from bot.status import Status
    from bot.store import export as exports
    from bot.store.accounts import COMMAND_LINE
    from bot.store.audit import note

    if status and status not in [known.value for known in Status]:
        raise click.BadParameter(f"{status} is no status", param_hint="--status")
    if what == "audit" and (status or topic or flag):
        raise click.UsageError("--status, --topic and --flag say nothing of the audit log.")
    database = _database(_settings())
    with database.writing() as connection:
        note(connection, COMMAND_LINE, exports.NOTED[what], {"form": form})
    chosen = exports.Filter(first and first.date(), last and last.date(), status, topic, flag)
    read, columns = exports.WHAT[what]
    count = exports.write(read(database, chosen), exports.Form(form), output, columns)
    click.echo(f"{count} rows", err=True)


@main.group()
def staff() -> None:
    """Accounts of staff: who may read transcripts and change texts at /staff."""


_ROLE = click.Choice([role.value for role in Role])
_FLAWS = {
    "name_form": "NAME: 2 to 60 small letters, figures and . _ @ - are possible, and no name that the audit log uses itself.",
    "name_taken": "NAME: there is such an account already.",
    "name_unknown": "NAME: there is no such account.",
    "password_short": "Password: it needs at least 12 characters.",
    "password_long": "Password: it may have at most 200 characters.",
    "password_weak": "Password: it is too easy to guess.",
}
_FROM_STDIN = click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")


@staff.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, required=True)
@_FROM_STDIN
def staff_add(name: str, role: str, from_stdin: bool) -> None:
    """Add an account."""
    password = _password(from_stdin)
    with _accounts() as accounts:
        accounts.add(name, role, password)
        click.echo(f"The account may sign in as {role}.")


@staff.command("list")
def staff_list() -> None:
    """List the accounts."""
    with _accounts() as accounts:
        for account in accounts.all():
            locked = account.locked_until and account.locked_until > datetime.now(timezone.utc)
            state = "off" if not account.active else "locked" if locked else "active"
            by = "password" if account.has_password else "hospital sign-in"
            click.echo(f"{account.name:30} {account.role:10} {state:8} {by}")


@staff.command("password")
@click.argument("name")
@_FROM_STDIN
def staff_password(name: str, from_stdin: bool) -> None:
    """Set another password; ends a lock-out and the account's sessions."""
    password = _password(from_stdin)
    with _accounts() as accounts:
        accounts.change_password(name, password)


@staff.command("role")
@click.argument("name")
@click.argument("role", type=_ROLE, metavar="ROLE")
def staff_role(name: str, role: str) -> None:
    """Give an account another role (reviewer, approver or admin); ends its sessions."""
    with _accounts() as accounts:
        accounts.change_role(name, role)


@staff.command("on")
@click.argument("name")
def staff_on(name: str) -> None:
    """Let an account sign in again; ends a lock-out."""
    with _accounts() as accounts:
        accounts.set_active(name, True)


@staff.command("off")
@click.argument("name")
def staff_off(name: str) -> None:
    """Let an account sign in no longer; ends its sessions."""
    with _accounts() as accounts:
        accounts.set_active(name, False)


def _export_training(check_only: bool) -> None:
    """Write the corrections in use into the checkout, or only say what that would change."""
    from bot.improvement.files import difference, export as write
    from bot.improvement.job import Improvement
    from bot.improvement.report import difference_lines
    from bot.models import ModelMissing
    from bot.paths import ROOT
    from bot.store.accounts import COMMAND_LINE
    from bot.store.audit import note

    settings = _settings()
    database = _database(settings)
    try:
        texts = Improvement(settings, database).exported()
    except ModelMissing as error:
        sys.exit(str(error))
    if texts is None:
        return click.echo("No improvement is in use: there is nothing to export.")
    changed = difference(texts, ROOT, ROOT)
    for line in difference_lines(changed):
        click.echo(line)
    if check_only:
        return
    write(texts, ROOT)
    with database.writing() as connection:
        note(connection, COMMAND_LINE, "corrections exported", {"files": len(changed)})
    click.echo(f"{len(changed)} files changed.", err=True)


@contextmanager
def _accounts() -> Iterator["Accounts"]:
    """The accounts. Ends the program with one sentence that names the field when one cannot be so."""
    from bot.store.accounts import Accounts, Unfit
    from bot.store.database import Unavailable

    try:
        yield Accounts(_database(_settings()))
    except Unfit as unfit:
        sys.exit(_FLAWS[unfit.flaw.value])
    except Unavailable as failure:
        sys.exit(f"The database cannot be used ({failure}).")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _export_content(check_only: bool) -> None:
    """Write published texts into the files of content/, or show as a unified diff what that would change."""
    from difflib import unified_diff

    from bot import content_export
    from bot.content import ContentError
    from bot.store.accounts import COMMAND_LINE
    from bot.store.audit import note
    from bot.store.revisions import reading

    database = _database(_settings())
    with reading(database) as revisions:
        published = revisions.published()
    try:
        files = content_export.exported(published)
        if not check_only:
            content_export.write(files)
            with database.writing() as connection:
                note(connection, COMMAND_LINE, "texts exported", {"files": len(files)})
    except ContentError as error:
        sys.exit(f"The content does not hold together:\n{error}")
    except OSError as error:
        sys.exit(f"The content cannot be written: {error.filename} ({error.strerror})")
    for name, (before, after) in files.items():
        click.echo("".join(unified_diff(before.splitlines(True), after.splitlines(True), name, name)) if check_only else f"content/{name}")
    click.echo(f"{len(files)} files {'would change' if check_only else 'changed'}", err=True)


def _database(settings: Settings) -> "Database":
    """The database, brought up to date. Ends the program with one sentence when it cannot be used."""
    from bot.store.database import Database, DatabaseError, Unavailable

    os.umask(0o077)
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

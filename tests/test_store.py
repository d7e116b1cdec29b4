"""Every turn is kept whole and once, on SQLite and on PostgreSQL, and goes when it shall go."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, List

import pytest
from sqlalchemy import MetaData, func, select, text
from sqlalchemy.engine import Connection

from bot.store import export
from bot.store.database import Database, DatabaseError, Refused, Unavailable
from bot.store.tables import audit, conversations, feedback, labels, metadata, notes, replies, tags, trackers, turns
from bot.store.transcripts import Transcripts, _row, note
from bot.store.turn import Turn, turn_of
from tests.databases import NOW, alarm, everything_in, turn


@pytest.fixture
def transcripts(database: Database) -> Transcripts:
    """The transcripts of that database."""
    return Transcripts(database)


def _count(database: Database, table: Any) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_turn_is_read_as_it_was_kept(transcripts: Transcripts) -> None:
    kept = [turn("hej [NAVN], æøå 🙂", ranking=(("lob.hvad", 0.91), ("lob.varighed", 0.05)), removed=("NAME",), seconds=0.2), alarm()]
    for each in kept:
        transcripts.add(each)
    assert sorted(transcripts.turns("a"), key=lambda each: each.id) == sorted(kept, key=lambda each: each.id)


def test_the_same_turn_added_twice_is_there_once(transcripts: Transcripts, database: Database) -> None:
    kept = turn()
    transcripts.add(kept)
    transcripts.add(kept)
    assert _count(database, turns) == 1 and _count(database, replies) == 1


def test_a_reply_that_many_patients_got_is_kept_once(transcripts: Transcripts, database: Database) -> None:
    for number in range(5):
        transcripts.add(turn(conversation=str(number)))
    assert _count(database, replies) == 1 and _count(database, turns) == 5


def test_a_turn_goes_through_json_unchanged() -> None:
    kept = alarm(removed=("CPR",))
    assert turn_of(json.loads(json.dumps(kept.as_data()))) == kept


def _judge(database: Database, turn_id: str, conversation: str) -> None:
    """What patient and reviewer add to a turn."""
    with database.writing() as connection:
        connection.execute(feedback.insert(), {"turn_id": turn_id, "at": NOW, "helpful": 0, "reason": "uklart"})
        connection.execute(labels.insert(), {"turn_id": turn_id, "kind": "answer", "value": "lob.hvad", "reviewer": "r", "at": NOW})
        connection.execute(tags.insert(), {"conversation_id": conversation, "tag": "se her", "reviewer": "r", "at": NOW})
        connection.execute(notes.insert(), {"conversation_id": conversation, "text": "x", "reviewer": "r", "at": NOW})
        connection.execute(trackers.insert(), {"conversation_id": conversation, "at": NOW, "dialogue": "{}"})


def test_a_deleted_conversation_takes_all_that_hangs_on_it_and_leaves_the_others(
    transcripts: Transcripts, database: Database
) -> None:
    mine, other = turn("min"), turn("en andens", conversation="b")
    for each in (mine, other):
        transcripts.add(each)
        _judge(database, each.id, each.conversation)
    assert transcripts.forget("a", NOW) == 1
    assert transcripts.turns("a") == () and transcripts.turns("b") == (other,)
    assert [_count(database, table) for table in (conversations, feedback, labels, tags, notes, trackers)] == [1] * 6


def test_what_is_older_than_the_retention_goes_with_a_line_in_the_audit_log(
    transcripts: Transcripts, database: Database
) -> None:
    old, new = turn("gammel", minutes=-1), turn("ny", conversation="b", minutes=1)
    for each in (old, new):
        transcripts.add(each)
        _judge(database, each.id, each.conversation)
    assert transcripts.purge(NOW, days=30) == 1
    assert transcripts.turns("a") == () and transcripts.turns("b") == (new,)
    with database.reading() as connection:
        lines = connection.execute(select(audit.c.actor, audit.c.action, audit.c.detail)).all()
    assert lines == [("retention", "purge", {"turns": 1, "trackers": 0, "days": 30})]


def test_a_conversation_that_goes_on_loses_only_its_old_turns(transcripts: Transcripts) -> None:
    transcripts.add(turn("gammel", minutes=-1))
    recent = turn("ny", minutes=1)
    transcripts.add(recent)
    transcripts.purge(NOW, days=30)
    assert transcripts.turns("a") == (recent,)


def test_deleted_text_is_neither_in_the_file_nor_in_its_journal(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'turns.sqlite'}")
    database.migrate()
    transcripts = Transcripts(database)
    for number in range(200):
        word = ("drømmekage", "brunsviger")[number % 2]
        transcripts.add(turn(f"kanelgifler {number} {word} " * 20, conversation=str(number % 2), minutes=number))
    assert b"kanelgifler 51" in everything_in(tmp_path)
    transcripts.forget("1", NOW + timedelta(days=1))
    left = everything_in(tmp_path)
    assert b"kanelgifler 51" not in left and b"kanelgifler 50" in left
    # The text index holds each word once, cut where words begin alike.
    assert b"runsviger" not in left and "mmekage".encode() in left


def test_given_a_reader_in_the_way_of_a_wipe_writers_get_through_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "turns.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    Transcripts(database).add(turn("first"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM turns").fetchone()
    written = []

    def write(seconds: float) -> None:
        with closing(sqlite3.connect(path, timeout=0)) as writer, writer:
            writer.execute("UPDATE turns SET seconds = seconds + 1")
        written.append(seconds)
        if len(written) == 3:
            reader.close()

    monkeypatch.setattr("bot.store.database.time.sleep", write)
    assert database.wipe_journal()
    assert len(written) == 3
    database.reconnect()


def test_the_audit_log_can_be_added_to_and_nothing_else(database: Database) -> None:
    with database.writing() as connection:
        note(connection, "anne", "seen", {})
    for change in ("UPDATE audit SET actor = 'bo'", "DELETE FROM audit"):
        with pytest.raises((Refused, Unavailable)), database.writing() as connection:
            connection.execute(text(change))
    with database.reading() as connection:
        assert connection.execute(select(audit.c.actor)).scalar_one() == "anne"


# Migrations


def test_the_migrations_make_the_tables_that_the_program_knows(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.reading() as connection:
        opts = {"compare_type": True, "include_object": lambda item, name, *_: not str(name).startswith("search")}
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), metadata) == []


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_database_of_an_earlier_version_keeps_every_turn(database: Database, version: str) -> None:
    kept = [turn(f"gammel nummer{number}", minutes=number, ranking=(("lob.hvad", 0.5),)) for number in range(20)]
    _make_earlier(database, version, kept)
    database.migrate()
    assert Transcripts(database).turns("a") == tuple(kept) and _count(database, labels) == 0
    with database.reading() as connection:
        assert connection.execute(select(conversations.c.length)).scalar_one() == 20
        assert connection.execute(select(func.min(turns.c.confidence))).scalar_one() == 0.5


def _make_earlier(database: Database, version: str, kept: List[Turn]) -> None:
    """The database as an earlier version of the program left it."""
    from alembic import command

    from bot.store.database import _alembic

    _drop_all(database)
    with database.writing() as connection:
        command.upgrade(_alembic(connection), version)
        known = MetaData()
        known.reflect(connection)
        body = {"text": "LOB er et hold.", "buttons": [], "custom": kept[0].replies[0]["custom"]}
        _insert_known(connection, known, "conversations", id="a", started_at=kept[0].at, last_at=kept[-1].at)
        _insert_known(connection, known, "replies", hash="h", body=body)
        for each in kept:
            _insert_known(connection, known, "turns", **_row(each))
            _insert_known(connection, known, "messages", turn_id=each.id, position=0, status="answered", reply_hash="h")


def _insert_known(connection: Connection, known: MetaData, table: str, **values: Any) -> None:
    columns = known.tables[table].columns
    connection.execute(known.tables[table].insert(), {name: value for name, value in values.items() if name in columns})


def _drop_all(database: Database) -> None:
    with database.writing() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        if database.is_sqlite:
            connection.execute(text("DROP TABLE search"))
            connection.execute(text("DROP TABLE search_rows"))
        else:
            connection.execute(text("DROP FUNCTION audit_is_final"))


def test_a_database_of_a_newer_version_stops_the_start(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer version"):
        database.migrate()


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "sqlite://", "mssql+what://x"])
def test_an_impossible_address_is_named(url: str) -> None:
    with pytest.raises(DatabaseError, match="DATABASE_URL"):
        Database(url)


# Export


def _exported(database: Database, what: str, form: export.Form, chosen: export.Filter) -> str:
    read, columns = export.WHAT[what]
    out = io.StringIO()
    export.write(read(database, chosen), form, out, columns)
    return out.getvalue()


@pytest.mark.parametrize("said", ["=HYPERLINK(\"x\")", "+1+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_in_a_message_is_harmless_in_a_spreadsheet(transcripts: Transcripts, database: Database, said: str) -> None:
    transcripts.add(turn(said))
    row = next(csv.DictReader(io.StringIO(_exported(database, "transcripts", export.Form.CSV, export.Filter()))))
    assert row["said"][0] not in "=+-@\t\r" and row["answers"] == "lob.hvad"


@pytest.mark.parametrize(
    "chosen, said",
    [
        (export.Filter(), ["et", "to", "tre", "alarm"]),
        (export.Filter(first=date(2026, 3, 2)), ["tre"]),
        (export.Filter(last=date(2026, 3, 1)), ["et", "to", "alarm"]),
        (export.Filter(status="red_flag"), ["alarm"]),
        (export.Filter(topic="lob"), ["et", "to", "tre"]),
        (export.Filter(topic="lob.hvad", first=date(2026, 3, 2)), ["tre"]),
        (export.Filter(flag="akut.aandenoed"), ["alarm"]),
        (export.Filter(flag="akut.andet"), []),
    ],
)
def test_an_export_holds_what_was_asked_for(
    transcripts: Transcripts, database: Database, chosen: export.Filter, said: List[str]
) -> None:
    for each in (turn("et"), turn("to", minutes=1), turn("tre", minutes=24 * 60), alarm("alarm")):
        transcripts.add(each)
    lines = _exported(database, "transcripts", export.Form.JSONL, chosen).splitlines()
    assert sorted(json.loads(line)["said"] for line in lines) == sorted(said)


def test_figures_count_turns_conversations_and_feedback_by_day(transcripts: Transcripts, database: Database) -> None:
    for each in (turn(), turn(minutes=1), turn(conversation="b", minutes=2), alarm()):
        transcripts.add(each)
    _judge(database, transcripts.turns("b")[0].id, "b")
    lines = [json.loads(line) for line in _exported(database, "figures", export.Form.JSONL, export.Filter()).splitlines()]
    answered = next(line for line in lines if line["status"] == "answered")
    assert (answered["date"], answered["turns"], answered["conversations"], answered["unhelpful"]) == ("2026-03-01", 3, 2, 1)
    assert next(line for line in lines if line["flag"])["flag"] == "akut.aandenoed"

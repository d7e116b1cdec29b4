"""What the staff's pages need: what reviewers found, accounts, drafts of texts, improvements, and a text index.

The text index is FTS5 on SQLite and a GIN index on PostgreSQL. On SQLite it is kept by triggers, under whole numbers of
its own: the rows of `turns` have none that stay. The audit log refuses changes by triggers.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None

ID, NAME = sa.String(64), sa.String(100)
MOMENT = sa.DateTime(timezone=True)
_AT_ONCE = 1000


def upgrade() -> None:
    """Make the tables of the staff's pages; fill in what they say of turns that are there already."""
    _add_columns()
    _make_tables()
    _fill_in()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _add_columns() -> None:
    for table, *columns in (
        (
            "conversations",
            _counter("length"),
            _counter("concern"),
            _counter("flagged"),
            sa.Column("reviewed_at", MOMENT),
            sa.Column("reviewer", NAME),
        ),
        ("turns", sa.Column("confidence", sa.Float), _counter("concern")),
        ("messages", sa.Column("at", MOMENT)),
        ("labels", sa.Column("phrase", sa.Text, nullable=False, server_default=""), _counter("taken")),
        ("audit", sa.Column("subject", NAME, nullable=False, server_default="")),
    ):
        for column in columns:
            op.add_column(table, column)
    for table, index in (("labels", "turn_id"), ("messages", "answer_id")):
        op.drop_index(f"ix_{table}_{index}", table)
    with op.batch_alter_table("labels") as batch:
        batch.create_unique_constraint("uq_labels_turn_id", ["turn_id"])
    for table, columns in (
        ("conversations", ["reviewed_at", "concern", "last_at"]),
        ("turns", ["concern", "at"]),
        ("turns", ["language", "at"]),
        ("turns", ["confidence"]),
        ("turns", ["seconds", "at"]),
        ("messages", ["answer_id", "at", "turn_id"]),
        ("audit", ["actor", "at"]),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _counter(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _make_tables() -> None:
    op.create_table(
        "staff",
        sa.Column("name", NAME, nullable=False),
        sa.Column("role", NAME, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("subject", ID),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_staff"),
        sa.UniqueConstraint("subject", name="uq_staff_subject"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", NAME),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_filters"),
        sa.UniqueConstraint("owner", "name", name="uq_saved_filters_owner_name"),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("text_id", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("base_version", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("stamp", sa.Integer, nullable=False),
        sa.Column("authors", sa.JSON, nullable=False),
        sa.Column("approver", NAME),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    op.create_index("ix_revisions_kind_text_id_state", "revisions", ["kind", "text_id", "state"])
    op.create_table(
        "phrases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reviewer", NAME, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("held_out", sa.Integer, nullable=False),
        _counter("dropped"),
        sa.PrimaryKeyConstraint("id", name="pk_phrases"),
        sa.UniqueConstraint("text", name="uq_phrases_text"),
    )
    op.create_table(
        "rounds",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("reviewer", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("step", NAME, nullable=False),
        sa.Column("done", sa.Float, nullable=False),
        sa.Column("base", NAME, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("live", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rounds"),
    )
    op.create_table(
        "vectors",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_vectors"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_vectors_turn_id", ondelete="CASCADE"),
    )
    op.create_table(
        "clusters",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
    )
    op.create_table(
        "cluster_turns",
        sa.Column("cluster_id", sa.Integer, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("cluster_id", "turn_id", name="pk_cluster_turns"),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name="fk_cluster_turns_cluster_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_cluster_turns_turn_id", ondelete="CASCADE"),
    )
    op.create_index("ix_cluster_turns_turn_id", "cluster_turns", ["turn_id"])


def _fill_in() -> None:
    connection = op.get_bind()
    connection.execute(
        sa.text("UPDATE conversations SET length = (SELECT count(*) FROM turns WHERE conversation_id = conversations.id)")
    )
    connection.execute(sa.text("UPDATE messages SET at = (SELECT at FROM turns WHERE id = messages.turn_id)"))
    rows = connection.execute(sa.text("SELECT id, ranking FROM turns")).fetchall()
    known = [{"id": id, "confidence": _confidence(ranking)} for id, ranking in rows]
    for start in range(0, len(known), _AT_ONCE):
        some = [row for row in known[start : start + _AT_ONCE] if row["confidence"] is not None]
        if some:
            connection.execute(sa.text("UPDATE turns SET confidence = :confidence WHERE id = :id"), some)


def _confidence(ranking: object) -> object:
    guesses = json.loads(ranking) if isinstance(ranking, str) else ranking
    return guesses[0][1] if guesses else None


def _sqlite() -> None:
    for statement in (
        "CREATE TABLE search_rows (id INTEGER PRIMARY KEY, turn_id VARCHAR(64) NOT NULL UNIQUE)",
        "CREATE VIRTUAL TABLE search USING fts5(said, content='', tokenize=\"unicode61 remove_diacritics 0\", prefix='2 3')",
        """CREATE TRIGGER search_add AFTER INSERT ON turns BEGIN
            INSERT INTO search_rows (turn_id) VALUES (new.id);
            INSERT INTO search (rowid, said) SELECT id, new.said FROM search_rows WHERE turn_id = new.id;
        END""",
        """CREATE TRIGGER search_remove AFTER DELETE ON turns BEGIN
            INSERT INTO search (search, rowid, said)
                SELECT 'delete', id, old.said FROM search_rows WHERE turn_id = old.id;
            DELETE FROM search_rows WHERE turn_id = old.id;
        END""",
        "INSERT INTO search_rows (turn_id) SELECT id FROM turns ORDER BY at",
        "INSERT INTO search (rowid, said) SELECT search_rows.id, said FROM turns JOIN search_rows ON turn_id = turns.id",
        # Figures are counted in the order of this index, without sorting and without looking a turn up.
        "CREATE INDEX ix_turns_hour ON turns (substr(at, 1, 13), status, level, flag, content, model, at)",
        """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'the audit log is not changed'); END""",
        """CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
            SELECT RAISE(ABORT, 'the audit log is not changed'); END""",
    ):
        op.execute(statement)


def _postgresql() -> None:
    for statement in (
        # As in bot.store.search: an address, or two sentences without a blank between, is not one word.
        "CREATE INDEX ix_turns_words ON turns USING gin (to_tsvector('simple', translate(said, './@_:-+&', '        ')))",
        """CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'the audit log is not changed'; END $$""",
        """CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
            FOR EACH STATEMENT EXECUTE FUNCTION audit_is_final()""",
    ):
        op.execute(statement)

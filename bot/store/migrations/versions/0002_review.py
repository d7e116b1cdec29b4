"""What comes later to a turn (feedback, labels, tags, notes), and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None

ID, NAME = sa.String(64), sa.String(100)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of review."""
    op.create_table(
        "feedback",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("helpful", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_feedback"),
        _goes_with("feedback", "turn_id", "turns.id"),
    )
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.Column("reviewer", NAME, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        _goes_with("labels", "turn_id", "turns.id"),
    )
    op.create_index("ix_labels_turn_id", "labels", ["turn_id"])
    op.create_table(
        "tags",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("reviewer", NAME, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "tag", name="pk_tags"),
        _goes_with("tags", "conversation_id", "conversations.id"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reviewer", NAME, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        _goes_with("notes", "conversation_id", "conversations.id"),
    )
    op.create_index("ix_notes_conversation_id", "notes", ["conversation_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def _goes_with(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}", ondelete="CASCADE")

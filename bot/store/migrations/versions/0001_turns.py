"""Conversations, their turns with what was answered, and Rasa's trackers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = depends_on = None

ID, NAME = sa.String(64), sa.String(100)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_last_at", "conversations", ["last_at"])
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("removed", sa.JSON, nullable=False),
        sa.Column("language", NAME, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("ranking", sa.JSON, nullable=False),
        sa.Column("flag", NAME),
        sa.Column("level", NAME),
        sa.Column("notice", NAME),
        sa.Column("verdict", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("content", NAME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_turns_conversation_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_turns_conversation_id_at", "turns", ["conversation_id", "at"])
    op.create_index("ix_turns_at", "turns", ["at"])
    op.create_index("ix_turns_status_at", "turns", ["status", "at"])
    op.create_index("ix_turns_flag_at", "turns", ["flag", "at"])
    op.create_table(
        "replies",
        sa.Column("hash", ID, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_replies"),
    )
    op.create_table(
        "messages",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("answer_id", NAME),
        sa.Column("topic", NAME),
        sa.Column("version", sa.Integer),
        sa.Column("reply_hash", ID, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "position", name="pk_messages"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_messages_turn_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reply_hash"], ["replies.hash"], name="fk_messages_reply_hash"),
    )
    op.create_index("ix_messages_answer_id", "messages", ["answer_id"])
    op.create_index("ix_messages_topic", "messages", ["topic"])
    op.create_table(
        "trackers",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("dialogue", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_trackers"),
    )
    op.create_index("ix_trackers_at", "trackers", ["at"])

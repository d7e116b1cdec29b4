"""Run by Alembic: migrates over the connection that bot.store.database hands in."""

from alembic import context

from bot.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True, compare_type=True
)
context.run_migrations()

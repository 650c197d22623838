"""What `alembic init` writes, without its logging and its offline mode; `render_as_batch` as its SQLite page says."""

from __future__ import annotations

from alembic import context
from sqlalchemy import engine_from_config, event, pool

config = context.config
transactional = config.attributes["transactional"]
connectable = engine_from_config(
    config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool
)

if transactional:

    @event.listens_for(connectable, "connect")
    def leave_transactions_alone(connection, record):
        connection.isolation_level = None

    @event.listens_for(connectable, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")


more = {"transactional_ddl": True, "transaction_per_migration": True} if transactional else {}
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=None, render_as_batch=True, **more)
    with context.begin_transaction():
        context.run_migrations()

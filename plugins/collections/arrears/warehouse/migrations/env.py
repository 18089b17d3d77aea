"""Alembic's environment: migrates over the connection that `arrears.warehouse.migrate` hands in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from arrears.warehouse.base import AUDIT, SCHEMAS
from arrears.warehouse.schema import metadata

connection: sa.Connection = context.config.attributes["connection"]

for schema in SCHEMAS:
    connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
connection.commit()

context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=AUDIT,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Statements that are compiled once: what a claim costs beside the database is mostly their compilation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg


class Compiled:
    """A Core statement as text for the driver, with its constants; values are always bound."""

    def __init__(self, statement: sa.Executable) -> None:
        compiled = statement.compile(dialect=psycopg.PGDialect_psycopg())  # type: ignore[attr-defined, no-untyped-call]
        # psycopg keeps what it made of a statement of up to 4,096 characters: a longer one is taken apart each time
        self.text = " ".join(str(compiled).split()).replace("::TIMESTAMP WITH TIME ZONE", "::timestamptz")
        """The statement as the driver takes it."""
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}
        """Values that the statement brings along."""
        self._nulls = dict.fromkeys(compiled.params)

    def run(self, connection: sa.Connection, **values: Any) -> sa.CursorResult[Any]:
        """Executes it with values for its parameters."""
        return connection.exec_driver_sql(self.text, {**self._nulls, **self.constants, **values})

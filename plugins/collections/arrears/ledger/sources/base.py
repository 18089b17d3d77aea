"""What the pull asks of a ledger's source: its tables, their columns, and their rows as a DuckDB relation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
from sqlglot import exp

from arrears.errors import LedgerError, SettingsError
from arrears.settings import Settings


@dataclass(frozen=True)
class SourceColumn:
    """One column as the source has it."""

    name: str
    """The lender's name."""
    type: pa.DataType | None
    """What arrives; None for a type that has no place in a ledger."""
    declared: str
    """The type as the lender's system calls it, for messages."""
    as_text: bool = False
    """Whether text stands for another type: a cell of a CSV file, or an exact number sent as its digits."""


class Source(Protocol):
    """A ledger opened for reading; all that is read from it belongs to one consistent state."""

    @property
    def label(self) -> str:
        """What messages call it; never holds a password."""
        ...

    @property
    def readers(self) -> int:
        """How many tables may be read at once."""
        ...

    def tables(self) -> Sequence[str]:
        """The names of the tables that the source has."""
        ...

    def columns(self, table: str) -> Sequence[SourceColumn] | None:
        """The columns of `table`, or None when the source has no such table."""
        ...

    def attach(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[SourceColumn], relation: str
    ) -> AbstractContextManager[None]:
        """Makes the rows of `table` readable, once, as `relation` on `connection` while the context lasts."""
        ...

    def place(self, table: str, wrong: exp.Expr) -> str | None:
        """Where the first row of `table` for which `wrong` holds is, as `file:line`, where the source has lines."""
        ...

    def close(self) -> None:
        """Ends the transaction and closes connections."""
        ...


def open_source(settings: Settings) -> Source:
    """Opens the ledger that the settings name: a folder, or a SQLAlchemy URL.

    Raises SettingsError when no ledger is set, LedgerError when it cannot be opened.
    """
    if settings.ledger is None:
        raise SettingsError(
            expected="a folder or a SQLAlchemy URL",
            found="nothing",
            where="ARREARS_LEDGER",
            action="Name the lender's ledger, or generate one with `arrears ledger generate`.",
        )
    text = settings.ledger.get_secret_value()
    if "://" not in text:
        from arrears.ledger.sources.folder import FolderSource

        folder = Path(text).expanduser()
        if not folder.is_dir():
            raise LedgerError(
                expected="a folder of Parquet or CSV files, or a SQLAlchemy URL",
                found="no such folder",
                where=str(folder),
                action="Correct ARREARS_LEDGER.",
            )
        return FolderSource.of(folder)
    from arrears.ledger.sources.database import DatabaseSource, parse_url

    url = parse_url(text)
    if url.get_backend_name() == "postgresql":
        from arrears.ledger.sources.postgres import PostgresSource

        return PostgresSource(url)
    return DatabaseSource(url)

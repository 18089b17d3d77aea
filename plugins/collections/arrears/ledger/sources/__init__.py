"""Where a ledger comes from: a folder of files, PostgreSQL, or another SQL database."""

from arrears.ledger.sources.base import Source, SourceColumn, open_source

__all__ = ["Source", "SourceColumn", "open_source"]

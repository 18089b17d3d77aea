"""Arrears' own ageing: the production models over the ledger's files, with the checks of the ledger's door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# loaded with the other imports, not when the first statement is read
import sqlglot.dialects.duckdb  # noqa: F401
from tests.bench.terms import Terms

from arrears.settings import Settings
from arrears.strategy.age_ledger import AgedFiles, age_ledger


def age_core(settings: Settings, terms: Terms, out: Path) -> dict[str, Any]:
    """Writes the core answer for every contract to the Parquet file `out`, as `arrears age --brief` does."""
    return {"rows": age_ledger(settings, terms.as_of, AgedFiles(brief=out))["brief"]}


def age_wide(settings: Settings, terms: Terms, out: Path) -> dict[str, Any]:
    """Writes all columns of the snapshot to the Parquet file `out`, as `arrears age` does; returns how many rows."""
    return {"rows": age_ledger(settings, terms.as_of, AgedFiles(snapshot=out))["snapshot"]}


def age_spells(settings: Settings, terms: Terms, out: Path) -> dict[str, Any]:
    """Writes the snapshot, and the spells and bucket history of the whole book, as `arrears age` does."""
    history, spells = (out.with_name(f"{out.stem}.{name}.parquet") for name in ("history", "spells"))
    return {"rows": age_ledger(settings, terms.as_of, AgedFiles(snapshot=out, history=history, spells=spells))}

"""The bare scan and aggregation: what any ageing must do at least, in DuckDB with the same threads and memory."""

from __future__ import annotations

from pathlib import Path

from arrears.ledger.duck import open_duckdb
from arrears.settings import Settings

_STATEMENT = """
COPY (
    SELECT *
    FROM (SELECT contract_id, originated_on, ledger_from, closed_on, written_off_on FROM contracts)
    LEFT JOIN (
        SELECT contract_id, SUM(amount_due), MIN(due_date), COUNT(*) FROM installments GROUP BY contract_id
    ) USING (contract_id)
    LEFT JOIN (SELECT contract_id, SUM(amount), MAX(value_date) FROM payments GROUP BY contract_id) USING (contract_id)
    LEFT JOIN (SELECT contract_id, SUM(amount), MAX(due_date) FROM charges GROUP BY contract_id) USING (contract_id)
) TO $out (FORMAT PARQUET, COMPRESSION ZSTD)
"""


def scan(settings: Settings, ledger: Path, out: Path) -> None:
    """Sums the instalments, payments and charges of each contract into the Parquet file `out`."""
    with open_duckdb(settings) as connection:
        for name in ("contracts", "installments", "payments", "charges"):
            connection.read_parquet(str(ledger / f"{name}.parquet")).create_view(name)
        connection.execute(_STATEMENT.replace("$out", f"'{out}'"))

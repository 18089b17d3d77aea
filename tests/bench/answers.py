"""Compares two answers row by row."""

from __future__ import annotations

from pathlib import Path

import duckdb
from tests.bench.terms import CORE


def differences(ours: Path, other: Path) -> list[str]:
    """What differs between two core answers (Parquet files or folders), at most ten rows; empty when they are equal.

    Rows are matched by contract; types are brought to those of the core answer, values are not rounded.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        for name, place in (("ours", ours), ("other", other)):
            files = str(place / "*.parquet") if place.is_dir() else str(place)
            connection.read_parquet(files).project(
                "contract_id, days_past_due::BIGINT AS days_past_due, overdue_amount::DECIMAL(38, 4) AS overdue_amount,"
                " oldest_due_date::DATE AS oldest_due_date, unmet_installments::BIGINT AS unmet_installments, bucket"
            ).create_view(name)
        counts = [connection.table(name).count("*").fetchall()[0][0] for name in ("ours", "other")]
        found = [] if counts[0] == counts[1] else [f"{counts[0]:,} rows against {counts[1]:,}"]
        if counts[0] == 0:
            found.append("no rows at all")
        named = ", ".join(CORE)
        for one, two in (("ours", "other"), ("other", "ours")):
            only = connection.table(one).project(named).except_(connection.table(two).project(named))
            rows = only.order("contract_id").limit(5).fetchall()
            found += [f"only in {one}: {row}" for row in rows]
    return found

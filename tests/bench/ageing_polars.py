"""The ageing in Polars: lazy scans on the streaming engine, aggregated first; only who is short is walked."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.bench.terms import Terms


def age(ledger: Path, terms: Terms, out: Path) -> None:
    """Writes the core answer to the Parquet file `out`."""
    as_of = pl.lit(terms.as_of)
    contracts, installments, payments, charges, holds = (
        pl.scan_parquet(ledger / f"{name}.parquet")
        for name in ("contracts", "installments", "payments", "charges", "holds")
    )
    book = contracts.filter(
        pl.col("originated_on") <= as_of,
        pl.col("ledger_from").is_null() | (pl.col("ledger_from") <= as_of),
        pl.col("closed_on").is_null() | (pl.col("closed_on") > as_of),
        pl.col("written_off_on").is_null() | (pl.col("written_off_on") > as_of),
    ).select("contract_id")
    scheduled = (
        installments.filter(pl.col("due_date") < as_of)
        .group_by("contract_id")
        .agg(pl.col("amount_due").sum().alias("scheduled"))
    )
    charged = (
        charges.filter(pl.col("due_date") < as_of).group_by("contract_id").agg(pl.col("amount").sum().alias("charged"))
    )
    paid = (
        payments.filter(
            pl.col("value_date") <= as_of, pl.col("reversed_on").is_null() | (pl.col("reversed_on") > as_of)
        )
        .group_by("contract_id")
        .agg(pl.col("amount").sum().alias("paid"))
    )
    balances = (
        book.join(scheduled, on="contract_id", how="left")
        .join(charged, on="contract_id", how="left")
        .join(paid, on="contract_id", how="left")
        .select(
            "contract_id",
            owed=pl.col("scheduled").fill_null(0) + pl.col("charged").fill_null(0),
            paid=pl.col("paid").fill_null(0),
        )
        .collect(engine="streaming")
    )
    short = balances.lazy().filter(pl.col("paid") < pl.col("owed"))
    short = short.select("contract_id", _cents(pl.col("paid")).alias("paid"))

    # on one day a penalty, other charges, then the instalment
    due = pl.concat(
        [
            installments.filter(pl.col("due_date") < as_of).select(
                "contract_id",
                "due_date",
                pl.lit(2, pl.Int8).alias("serving"),
                pl.col("installment_no").alias("item_no"),
                pl.lit(None, pl.String).alias("item_id"),
                pl.col("amount_due").alias("amount"),
            ),
            charges.filter(pl.col("due_date") < as_of).select(
                "contract_id",
                "due_date",
                pl.when(pl.col("kind") == "penalty").then(0).otherwise(1).cast(pl.Int8).alias("serving"),
                pl.lit(0, pl.Int32).alias("item_no"),
                pl.col("charge_id").alias("item_id"),
                "amount",
            ),
        ]
    )
    walked = (
        due.join(short, on="contract_id")
        .with_columns(_cents(pl.col("amount")).alias("amount"))
        .collect(engine="streaming")
        .lazy()
        .sort("contract_id", "due_date", "serving", "item_no", "item_id")
        .with_columns(
            unpaid=pl.min_horizontal(
                "amount",
                pl.max_horizontal(pl.lit(0), pl.col("amount").cum_sum().over("contract_id") - pl.col("paid")),
            )
        )
        .filter(
            pl.col("unpaid") > terms.amount_cents,
            pl.col("unpaid") * 1_000_000 > pl.col("amount") * terms.share_millionths,
        )
        .group_by("contract_id")
        .agg(pl.col("due_date").min().alias("oldest_due_date"), pl.len().cast(pl.Int32).alias("unmet_installments"))
    )
    paused = (
        holds.filter(pl.col("kind") == "pause")
        .join(walked, on="contract_id")
        .select(
            "contract_id",
            from_day=pl.max_horizontal("start_date", "oldest_due_date"),
            to_day=pl.min_horizontal(pl.col("end_date").fill_null(as_of), as_of),
        )
        .filter(pl.col("from_day") < pl.col("to_day"))
        .sort("contract_id", "from_day", "to_day")
        .with_columns(
            paused_until=pl.col("to_day").cum_max().shift(1).over("contract_id", order_by=["from_day", "to_day"])
        )
        .with_columns(
            days=pl.max_horizontal(
                pl.lit(0),
                (pl.col("to_day") - pl.max_horizontal("from_day", "paused_until")).dt.total_days(),
            )
        )
        .group_by("contract_id")
        .agg(pl.col("days").sum().alias("paused_days"))
    )
    # the buckets follow each other from day 0 on, so the last one that begins on or before the day is the one
    buckets = pl.LazyFrame(
        {"from_day": [first for _, first, _ in terms.buckets], "bucket": [name for name, _, _ in terms.buckets]},
        schema={"from_day": pl.Int64, "bucket": pl.String},
    ).sort("from_day")
    (
        balances.lazy()
        .join(walked, on="contract_id", how="left")
        .join(paused, on="contract_id", how="left")
        .with_columns(days_past_due=(as_of - pl.col("oldest_due_date")).dt.total_days().fill_null(0))
        .with_columns(
            from_day=pl.max_horizontal(
                pl.lit(0), pl.col("days_past_due") - terms.grace_days - pl.col("paused_days").fill_null(0)
            )
        )
        .sort("from_day")
        .join_asof(buckets, on="from_day")
        .select(
            "contract_id",
            pl.col("days_past_due").cast(pl.Int32),
            pl.when(pl.col("paid") < pl.col("owed"))
            .then(pl.col("owed") - pl.col("paid"))
            .otherwise(pl.lit(0))
            .cast(pl.Decimal(18, 2))
            .alias("overdue_amount"),
            "oldest_due_date",
            pl.col("unmet_installments").fill_null(0),
            "bucket",
        )
        .sink_parquet(out, compression="zstd", engine="streaming")
    )


def _cents(amount: pl.Expr) -> pl.Expr:
    return (amount * 100).cast(pl.Int64)

"""The ageing on Spark, local with all cores: the balances kept in memory, who is short broadcast to the instalments."""

from __future__ import annotations

import os
from pathlib import Path

from pyspark import StorageLevel
from pyspark.sql import SparkSession
from tests.bench.terms import Terms

_BALANCES = """
SELECT
    contract_id,
    COALESCE(scheduled, 0) + COALESCE(charged, 0) AS owed,
    COALESCE(paid, 0) AS paid
FROM (
    SELECT contract_id
    FROM contracts
    WHERE
        originated_on <= :as_of
        AND (ledger_from IS NULL OR ledger_from <= :as_of)
        AND (closed_on IS NULL OR closed_on > :as_of)
        AND (written_off_on IS NULL OR written_off_on > :as_of)
)
LEFT JOIN (
    SELECT contract_id, SUM(amount_due) AS scheduled FROM installments WHERE due_date < :as_of GROUP BY contract_id
) USING (contract_id)
LEFT JOIN (
    SELECT contract_id, SUM(amount) AS charged FROM charges WHERE due_date < :as_of GROUP BY contract_id
) USING (contract_id)
LEFT JOIN (
    SELECT contract_id, SUM(amount) AS paid
    FROM payments
    WHERE value_date <= :as_of AND (reversed_on IS NULL OR reversed_on > :as_of)
    GROUP BY contract_id
) USING (contract_id)
"""


def open_session() -> SparkSession:
    """The session, started and warm."""
    cores = os.cpu_count() or 1
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("ageing")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.adaptive.enabled", "true")
        .config("spark.sql.shuffle.partitions", str(4 * cores))
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.autoBroadcastJoinThreshold", str(256 * 1024 * 1024))
        .getOrCreate()
    )
    spark.range(1).count()
    return spark


def age(ledger: Path, terms: Terms, out: Path) -> None:
    """Writes the core answer to the Parquet folder `out`."""
    spark = open_session()
    for name in ("contracts", "installments", "payments", "charges", "holds"):
        spark.read.parquet(str(ledger / f"{name}.parquet")).createOrReplaceTempView(name)
    spark.createDataFrame(
        [(name, first, 2**31 - 1 if last is None else last) for name, first, last in terms.buckets],
        "bucket STRING, from_day INT, to_day INT",
    ).createOrReplaceTempView("buckets")
    balances = spark.sql(_BALANCES, args={"as_of": terms.as_of}).persist(StorageLevel.MEMORY_ONLY)
    # with its real size known, the small half is broadcast
    balances.count()
    balances.createOrReplaceTempView("balances")
    statement = Path(__file__).with_name("ageing.spark.sql").read_text(encoding="utf-8")
    values = {"as_of": terms.as_of, "share": terms.share, "amount": terms.amount, "grace_days": terms.grace_days}
    spark.sql(statement, args=values).write.parquet(str(out))
    balances.unpersist()


def close() -> None:
    """Ends the session, if one runs."""
    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()

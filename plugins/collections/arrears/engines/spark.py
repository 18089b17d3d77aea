"""Spark: the engine for books larger than one machine; runs the same SELECTs, transpiled by sqlglot."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
from sqlglot import exp

from arrears.engines.base import Inputs
from arrears.errors import ModelError, SettingsError


class SparkEngine:
    """Runs SELECTs in a Spark session of its own master (`local[*]`, `spark://…`) or a remote one (`sc://…`)."""

    name = "spark"

    def __init__(self, master: str) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            raise SettingsError(
                expected="pyspark to be installed, since ARREARS_ENGINE=spark",
                found="no pyspark",
                where="ARREARS_ENGINE",
                action="Install the extra (requirements/spark.txt) and Java 17, or use duckdb.",
            ) from None
        # it tells at INFO of every connection, the last ones when the process has closed its streams
        logging.getLogger("py4j").setLevel(logging.WARNING)
        # Remote and local sessions share one interface but not one base class, and pyspark is an extra.
        builder: Any = SparkSession.builder
        builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
        settings = {
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.ansi.enabled": "true",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "8",
            "spark.driver.memory": "2g",
            # the old default, INT96, reads back without a zone
            "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        }
        if not master.startswith("sc://"):
            for name, value in settings.items():
                builder = builder.config(name, value)
        self._session: Any = builder.appName("arrears").getOrCreate()

    def write(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any], target: Path) -> None:
        self._frame(select, inputs, params).write.parquet(str(target))

    def fetch(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> pa.Table:
        return self._frame(select, inputs, params).toArrow()

    def _frame(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> Any:
        for name, source in inputs.items():
            frame = (
                self._session.createDataFrame(source)
                if isinstance(source, pa.Table)
                else self._session.read.parquet(*[str(path) for path in source])
            )
            frame.createOrReplaceTempView(name)
        sql = select.sql(dialect="spark")
        used = {placeholder.name for placeholder in select.find_all(exp.Placeholder)}
        try:
            return self._session.sql(sql, args={name: value for name, value in params.items() if name in used})
        except Exception as error:
            if type(error).__module__.split(".")[0] != "pyspark":
                raise
            raise ModelError(
                expected="a SELECT that Spark can run",
                found=str(error).splitlines()[0],
                where=f"inputs {', '.join(sorted(inputs))}",
                action=f"Look at the statement: {sql[:2000]}",
            ) from error

    def close(self) -> None:
        self._session.stop()

    def __enter__(self) -> SparkEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

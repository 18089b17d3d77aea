"""Spark: the engine for books larger than one machine; runs the same SELECTs, transpiled by sqlglot."""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
from sqlglot import exp

from arrears.engines.base import Inputs
from arrears.engines.nested_names import with_unlike_names
from arrears.errors import ModelError, SettingsError

_LOCAL_CLUSTER = re.compile(r"local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*(?P<megabytes>\d+)\s*\]")
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.driver.memory": "2g",
    # the old default, INT96, reads back without a zone
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
_ON_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


class SparkEngine:
    """Runs SELECTs in a Spark session of its own master or a remote one.

    Masters are `local[*]` (threads of one process), `local-cluster[2,1,1024]` (2 executor processes with 1 core and
    1024 MB each, on this machine), `spark://…`, or `sc://…` for a remote session.
    """

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
        for name, value in session_settings(master).items():
            builder = builder.config(name, value)
        with _jvm_environment(master):
            self._session: Any = builder.appName("arrears").getOrCreate()
        _check_master(self._session, master)

    @property
    def application_id(self) -> str:
        """Spark's id of the session, as its processes carry it; not of a remote one."""
        return str(self._session.sparkContext.applicationId)

    def write(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any], target: Path) -> None:
        with self._frame(select, inputs, params) as frame:
            frame.write.parquet(str(target))

    def fetch(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> pa.Table:
        with self._frame(select, inputs, params) as frame:
            rows: pa.Table = frame.toArrow()
        return rows

    @contextmanager
    def _frame(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> Iterator[Any]:
        """The rows of `select`, not yet computed; whatever Spark raises in the block becomes a ModelError."""
        sql = with_unlike_names(select).sql(dialect="spark")
        used = {placeholder.name for placeholder in select.find_all(exp.Placeholder)}
        try:
            for name, source in inputs.items():
                frame = (
                    self._session.createDataFrame(source)
                    if isinstance(source, pa.Table)
                    else self._session.read.parquet(*[str(path) for path in source])
                )
                frame.createOrReplaceTempView(name)
            yield self._session.sql(sql, args={name: value for name, value in params.items() if name in used})
        except Exception as error:
            if type(error).__module__.split(".")[0] not in {"pyspark", "py4j"}:
                raise
            raise ModelError(
                expected="a SELECT that Spark can run",
                found=next((line for line in str(error).splitlines() if line.strip()), type(error).__name__),
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


def session_settings(master: str) -> dict[str, str]:
    """What a session of `master` is configured with; a remote one is configured by its server."""
    if master.startswith("sc://"):
        return {}
    settings = dict(_SETTINGS)
    if master.startswith("local"):
        settings |= _ON_THIS_MACHINE
    cluster = _LOCAL_CLUSTER.fullmatch(master)
    if cluster:
        # an executor that asks for more than its worker has is never started, and Spark waits for it without end
        settings["spark.executor.memory"] = f"{cluster['megabytes']}m"
    return settings


def _check_master(session: Any, master: str) -> None:
    if not master.startswith("sc://") and session.sparkContext.master != master:
        raise SettingsError(
            expected=f"a Spark session of {master}",
            found=f"one of {session.sparkContext.master} in this process",
            where="ARREARS_SPARK_MASTER",
            action="Close the engine that is open before one of another master is opened.",
        )


@contextmanager
def _jvm_environment(master: str) -> Iterator[None]:
    """What Spark's JVM and its executors find in the environment when they are started for a local `master`."""
    if not master.startswith("local"):
        yield
        return
    wanted = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",
        # the JVM outlives its session, and the next one may be a local-cluster
        "SPARK_HOME": _home_of_executors(),
    }
    added = wanted.keys() - os.environ.keys()
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@cache
def _home_of_executors() -> str:
    """A temporary SPARK_HOME with links into the installed pyspark, removed at the end of the process.

    Executors of a `local-cluster` work below SPARK_HOME. pip's is the package itself, which is no place for files of a
    run and may be read-only.
    """
    import pyspark

    home = Path(tempfile.mkdtemp(prefix="arrears-spark-"))
    atexit.register(_end_executors, home)
    for part in Path(pyspark.__file__).parent.iterdir():
        if part.name != "work":
            (home / part.name).symlink_to(part)
    return str(home)


def _end_executors(home: Path) -> None:
    """Stops what was left open, whose executors would be started again for want of their files; removes these."""
    from pyspark import SparkContext

    context: Any = SparkContext._active_spark_context
    if context is not None:
        context.stop()
    shutil.rmtree(home, ignore_errors=True)

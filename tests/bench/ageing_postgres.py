"""The ageing in PostgreSQL: a server of its own with a warm cache, the ledger loaded by COPY, then one query."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from tests.bench.terms import Terms

from arrears.warehouse.embedded import EmbeddedPostgres

_TABLES = {
    "contracts": "contract_id TEXT, originated_on DATE, ledger_from DATE, closed_on DATE, written_off_on DATE",
    "installments": "contract_id TEXT, installment_no INT, due_date DATE, amount_due NUMERIC(18, 2)",
    "payments": "contract_id TEXT, value_date DATE, amount NUMERIC(18, 2), reversed_on DATE",
    "charges": "contract_id TEXT, charge_id TEXT, due_date DATE, amount NUMERIC(18, 2), kind TEXT",
    "holds": "contract_id TEXT, kind TEXT, start_date DATE, end_date DATE",
}
_INDICES = (
    "CREATE INDEX ON installments (contract_id, due_date) INCLUDE (installment_no, amount_due)",
    "CREATE INDEX ON charges (contract_id, due_date)",
)
_SERVER = {
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "max_worker_processes": "16",
}
_SESSION = {
    "work_mem": "768MB",
    "hash_mem_multiplier": "2",
    "jit": "off",
    "random_page_cost": "1.1",
    "parallel_setup_cost": "100",
}


def age(ledger: Path, terms: Terms, out: Path, server: EmbeddedPostgres) -> None:
    """Loads the ledger and writes the core answer to the Parquet file `out`."""
    load(server, ledger)
    query(server, terms)
    export(server, out)


def load(server: EmbeddedPostgres, ledger: Path) -> None:
    """Makes the tables, fills them by COPY, two at a time, and gives them indices and statistics."""
    with _connected(server) as connection:
        for name, columns in _TABLES.items():
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(f"CREATE UNLOGGED TABLE {name} ({_by_bytes(columns)}) WITH (autovacuum_enabled = off)")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_copy, server, ledger, name) for name in ("installments", "payments")]:
            done.result()
    for name in ("contracts", "charges", "holds"):
        _copy(server, ledger, name)
    with _connected(server) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 2")
        for statement in _INDICES:
            connection.execute(statement)
        for name in _TABLES:
            connection.execute(f"VACUUM (ANALYZE) {name}")


def query(server: EmbeddedPostgres, terms: Terms) -> None:
    """Writes the core answer to the table `answer`."""
    statement = Path(__file__).with_name("ageing.postgres.sql").read_text(encoding="utf-8")
    body = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
    values: dict[str, Any] = {
        "as_of": terms.as_of,
        "share": terms.share,
        "amount": terms.amount,
        "grace_days": terms.grace_days,
        "names": [name for name, _, _ in terms.buckets],
        "first_days": [first for _, first, _ in terms.buckets],
    }
    with _connected(server) as connection:
        for name, value in _SESSION.items():
            connection.execute(f"SET {name} = '{value}'")
        connection.execute(f"SET max_parallel_workers_per_gather = {os.cpu_count() or 1}")
        connection.execute("DROP TABLE IF EXISTS answer")
        # the client writes the values into the statement: CREATE TABLE takes no parameters
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(f"CREATE UNLOGGED TABLE answer AS {body}", values)


def version(server: EmbeddedPostgres) -> str:
    """The server's version."""
    with _connected(server) as connection:
        return str(connection.execute("SHOW server_version").fetchall()[0][0])


@contextlib.contextmanager
def open_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of its own in `folder`, with the memory that an expert would give it, stopped at the end."""
    server = EmbeddedPostgres(folder)
    server.ensure_running()
    try:
        with _connected(server) as connection:
            for name, value in _SERVER.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.stop()
        server.ensure_running()
        yield server
    finally:
        server.stop(mode="immediate")


def _by_bytes(columns: str) -> str:
    # texts are compared by bytes, as in the other versions
    return columns.replace("TEXT", 'TEXT COLLATE "C"')


def _connected(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    url = server.url("bench").set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def _copy(server: EmbeddedPostgres, ledger: Path, name: str) -> None:
    columns = [each.split()[0] for each in _TABLES[name].replace("NUMERIC(18, 2)", "NUMERIC").split(", ")]
    read, write = os.pipe()
    with (
        ThreadPoolExecutor(1) as pool,
        _connected(server) as connection,
        contextlib.ExitStack() as stack,
    ):
        feeding = pool.submit(_feed, ledger / f"{name}.parquet", columns, write)
        statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT csv)"
        lines = stack.enter_context(os.fdopen(read, "rb", buffering=0))
        copy = stack.enter_context(stack.enter_context(connection.cursor()).copy(statement))
        while block := lines.read(1 << 20):
            copy.write(block)
        stack.close()
        feeding.result()


def _feed(file: Path, columns: list[str], descriptor: int) -> None:
    try:
        with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
            rows = connection.read_parquet(str(file)).project(", ".join(columns)).sql_query()
            connection.execute(f"COPY ({rows}) TO '/dev/fd/{descriptor}' (FORMAT csv, HEADER false)")
    finally:
        os.close(descriptor)


def export(server: EmbeddedPostgres, out: Path) -> None:
    """Writes the table `answer` to the Parquet file `out`, to be compared."""
    with _connected(server) as connection:
        rows = connection.execute(
            "SELECT contract_id, days_past_due, overdue_amount, oldest_due_date, unmet_installments, bucket FROM answer"
        ).fetchall()
    schema = pa.schema(
        [
            ("contract_id", pa.string()),
            ("days_past_due", pa.int32()),
            ("overdue_amount", pa.decimal128(18, 2)),
            ("oldest_due_date", pa.date32()),
            ("unmet_installments", pa.int32()),
            ("bucket", pa.string()),
        ]
    )
    columns = list(zip(*rows, strict=True)) or [[] for _ in schema]
    pq.write_table(
        pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema),
        out,
    )

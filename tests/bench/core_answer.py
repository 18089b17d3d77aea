"""The core answer out of the production models `balances` and `positions`, the two steps that every ageing begins with.

Nothing of the calculation stands here: both statements are the shipped files. As the other versions are asked for six
columns, so are these, and DuckDB leaves out what nobody asks for; and as positions are only open where less was paid
than fell due, only such contracts are handed to the second model.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlglot import exp
from tests.bench.terms import Terms

from arrears.ledger.door import door_select
from arrears.ledger.duck import open_duckdb
from arrears.ledger.mapping import Mapping, plan_tables
from arrears.ledger.sources import open_source
from arrears.settings import Settings
from arrears.sqlmodel import input_tables, placeholders
from arrears.strategy.age_book import ageing_select

_POSITION = ("contract_id", "days_past_due", "overdue_amount", "oldest_due_date", "unmet_installments", "bucket_no")
_ANSWER = """
COPY (
    SELECT
        book.contract_id,
        COALESCE(positions.days_past_due, 0) AS days_past_due,
        COALESCE(positions.overdue_amount, 0) AS overdue_amount,
        positions.oldest_due_date,
        COALESCE(positions.unmet_installments, 0) AS unmet_installments,
        buckets.bucket
    FROM book
    LEFT JOIN positions ON book.contract_id = positions.contract_id
    INNER JOIN buckets ON COALESCE(positions.bucket_no, 0) = buckets.bucket_no
) TO $out (FORMAT PARQUET, COMPRESSION ZSTD)
"""


def write_core(settings: Settings, terms: Terms, out: Path) -> int:
    """Writes the core answer for every contract of the book to the Parquet file `out`; returns how many rows."""
    values = {"as_of": terms.as_of, **terms.parameters}
    balances = ageing_select(settings.sql, "balances")
    positions = ageing_select(settings.sql, "positions")
    with ExitStack() as stack:
        source = open_source(settings)
        stack.callback(source.close)
        connection = stack.enter_context(open_duckdb(settings))
        rows = terms.bucket_rows
        given = exp.values([tuple(row.values()) for row in rows], alias="given", columns=list(rows[0]))
        connection.execute(f"CREATE TABLE buckets AS {exp.select('*').from_(given).sql(dialect='duckdb')}")
        read = {*input_tables(balances), *input_tables(positions)}
        for plan in plan_tables(source, Mapping(settings.ledger_mapping)):
            name = plan.contract.name
            if name not in read:
                continue
            if plan.source is None:
                connection.register(name, plan.contract.schema.empty_table())
                continue
            stack.enter_context(source.attach(connection, plan.source, plan.sources, f"source_{name}"))
            select = door_select(plan, f"source_{name}", settings.time_zone)
            select.set("order", None)
            connection.sql(select.sql(dialect="duckdb")).create_view(name, replace=True)

        def store(name: str, columns: tuple[str, ...], model: exp.Query) -> None:
            model.set("order", None)
            select = exp.select(*columns).from_(model.subquery("model"))
            bound: dict[str, Any] = {each: values[each] for each in placeholders(select)}
            connection.execute(f"CREATE TABLE {name} AS {select.sql(dialect='duckdb')}", bound)

        store("book", ("contract_id", "owed_before", "paid"), balances)
        connection.execute("CREATE TABLE balances AS SELECT * FROM book WHERE paid < owed_before")
        store("positions", _POSITION, positions)
        return int(connection.execute(_ANSWER.replace("$out", f"'{out}'")).fetchall()[0][0])

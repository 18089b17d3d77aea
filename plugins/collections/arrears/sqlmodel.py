"""SQL models: one SELECT a file in `include/sql/<area>/<table>.sql`, run over lake tables into one partition.

The inputs of a model are the tables that it names, found with sqlglot; parameters are named placeholders
(`$as_of`) and are bound by the engine, never pasted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from arrears.errors import ModelError

if TYPE_CHECKING:
    from arrears.day import BusinessDay
    from arrears.engines import Engine
    from arrears.run import Run


ON_DUCKDB = frozenset({"outreach"})
"""Areas whose models are no bigger than the day's cases: they run on DuckDB, and need not be what Spark can read."""


def load_model(sql_root: Path, name: str) -> exp.Query:
    """The SELECT in `<sql_root>/<name>.sql`, for example `strategy/snapshot`.

    Raises ModelError when the file is missing, cannot be parsed, or holds anything but one SELECT.
    """
    path = sql_root / f"{name}.sql"
    try:
        statements = sqlglot.parse(path.read_text(encoding="utf-8"), dialect="duckdb")
    except FileNotFoundError:
        raise ModelError(
            expected=f"a SQL model {name}",
            found="no such file",
            where=str(path),
            action="Correct the model's name, or ARREARS_SQL.",
        ) from None
    except SqlglotError as error:
        raise ModelError(
            expected="one SELECT in DuckDB's dialect",
            found=str(error).splitlines()[0],
            where=str(path),
            action="Correct the file.",
        ) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ModelError(
            expected="exactly one SELECT",
            found=f"{len(statements)} statements",
            where=str(path),
            action="A model is one SELECT; its file's name is the table that it makes.",
        )
    return statements[0]


def input_tables(select: exp.Query) -> tuple[str, ...]:
    """The tables that a SELECT reads, without its own common table expressions, sorted."""
    names = {table.name for table in select.find_all(exp.Table)}
    return tuple(sorted(names - {cte.alias for cte in select.find_all(exp.CTE)}))


def placeholders(select: exp.Expr) -> frozenset[str]:
    """The names of the parameters that a statement asks for."""
    return frozenset(placeholder.name for placeholder in select.find_all(exp.Placeholder))


def run_select(
    run: Run,
    select: exp.Query,
    *,
    table: str,
    where: str,
    params: Mapping[str, Any] | None = None,
    relations: Mapping[str, pa.Table] | None = None,
    sources: Mapping[str, str | Sequence[Path]] | None = None,
    day: BusinessDay | None = None,
) -> int:
    """Replaces the partition of `table` for the run's day (or `day`) with the rows of `select`; returns their number.

    `relations` are small tables in memory, for rules. `sources` says which lake table (or which files) stands behind
    a name of the SELECT; a name that is in neither is the lake table of that name. `$as_of` is always bound.
    Raises ModelError for an unbound parameter, LakeError for an input that has no partition.
    """
    target_day = day or run.day
    bound = {"as_of": run.day.as_of, **(params or {})}
    inputs = bind_inputs(run, select, where=where, params=bound, relations=relations, sources=sources)
    with run.lake.replace(table, target_day) as aside:
        _engine(run, where).write(select, inputs, bound, aside)
    return run.lake.rows(table, target_day)


def run_model(
    run: Run,
    name: str,
    *,
    table: str | None = None,
    params: Mapping[str, Any] | None = None,
    relations: Mapping[str, pa.Table] | None = None,
    sources: Mapping[str, str | Sequence[Path]] | None = None,
    day: BusinessDay | None = None,
) -> int:
    """Runs the model `name` into the partition of `table` (default: the model's own name); see `run_select`."""
    return run_select(
        run,
        load_model(run.settings.sql, name),
        table=table or name.rsplit("/", 1)[-1],
        where=f"{name}.sql",
        params=params,
        relations=relations,
        sources=sources,
        day=day,
    )


def fetch_model(
    run: Run,
    name: str,
    *,
    params: Mapping[str, Any] | None = None,
    relations: Mapping[str, pa.Table] | None = None,
    sources: Mapping[str, str | Sequence[Path]] | None = None,
) -> pa.Table:
    """The rows of the model `name` in memory, for results that are small by nature; see `run_select`."""
    select = load_model(run.settings.sql, name)
    bound = {"as_of": run.day.as_of, **(params or {})}
    inputs = bind_inputs(run, select, where=f"{name}.sql", params=bound, relations=relations, sources=sources)
    return _engine(run, name).fetch(select, inputs, bound)


def _engine(run: Run, name: str) -> Engine:
    return run.duckdb if name.partition("/")[0] in ON_DUCKDB else run.engine


def bind_inputs(
    run: Run,
    select: exp.Query,
    *,
    where: str,
    params: Mapping[str, Any],
    relations: Mapping[str, pa.Table] | None = None,
    sources: Mapping[str, str | Sequence[Path]] | None = None,
) -> dict[str, Sequence[Path] | pa.Table]:
    """Finds what each table name of `select` stands for, and checks that its parameters are given."""
    missing = placeholders(select) - set(params)
    if missing:
        raise ModelError(
            expected=f"values for {', '.join(sorted(missing))}",
            found=f"values for {', '.join(sorted(params))}",
            where=where,
            action="Give the parameter, or correct its name in the model.",
        )
    inputs: dict[str, Sequence[Path] | pa.Table] = {}
    for name in input_tables(select):
        if relations and name in relations:
            inputs[name] = relations[name]
            continue
        source = (sources or {}).get(name, name)
        inputs[name] = run.lake.files(source, run.day) if isinstance(source, str) else source
    return inputs

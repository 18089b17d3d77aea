"""Common tables inside common tables keep apart when they are moved to one level."""

from __future__ import annotations

import duckdb
import sqlglot
from sqlglot import exp

from arrears.engines.nested_names import with_unlike_names


def test_equal_names_on_two_levels_stay_two_tables() -> None:
    text = """
    WITH first AS (WITH part AS (SELECT 1 AS x), more AS (SELECT part.x + 1 AS x FROM part) SELECT more.x FROM more),
    part AS (WITH part AS (SELECT x * 10 AS x FROM first) SELECT part.x + 5 AS x FROM part)
    SELECT first.x, part.x AS y FROM first CROSS JOIN part
    """
    query = sqlglot.parse_one(text, dialect="duckdb")
    assert isinstance(query, exp.Query)
    renamed = with_unlike_names(query)
    names = [cte.alias for cte in renamed.find_all(exp.CTE)]
    assert len(names) == len(set(names))
    assert duckdb.sql(renamed.sql(dialect="duckdb")).fetchall() == [(2, 25)] == duckdb.sql(text).fetchall()
    assert renamed.sql(dialect="spark").count("WITH") == 1


def test_a_common_table_that_reads_a_table_of_its_own_name_still_does() -> None:
    text = "WITH outer_one AS (WITH given AS (SELECT x FROM given) SELECT x FROM given) SELECT x FROM outer_one"
    query = sqlglot.parse_one(text, dialect="duckdb")
    assert isinstance(query, exp.Query)
    assert "AS (SELECT x FROM given)" in with_unlike_names(query).sql(dialect="duckdb")

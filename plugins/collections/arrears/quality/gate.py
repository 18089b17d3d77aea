"""The quality gate: judges the pulled tables by quality.yaml and says whether the day may go on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import ceil, floor

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from arrears.day import BusinessDay
from arrears.errors import QualityError
from arrears.ledger.contract import TABLES
from arrears.ledger.duck import copy_to_parquet, create_view, open_duckdb
from arrears.ledger.pull import AREA as PULLED_AREA
from arrears.ledger.pull import PULLED, pulled
from arrears.quality import quarantine
from arrears.quality.checked import AREA, CHECKED, RESULTS
from arrears.quality.judge import Answer, Question, judge
from arrears.quality.report import new_report, report_link, report_page, write_overview
from arrears.quality.rules import QualityRules, Suite, SuiteName, check_files
from arrears.run import Run, StepResult
from arrears.warehouse.audit import QualityResultRow

_SHOWN_KEYS = 3
_RESULTS_SCHEMA = pa.schema(
    [
        pa.field("suite", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("table_name", pa.string()),
        pa.field("passed", pa.bool_()),
        pa.field("checked_rows", pa.int64()),
        pa.field("bad_rows", pa.int64()),
        pa.field("observed", pa.string()),
        pa.field("allowed", pa.string()),
    ]
)


def check_quality(run: Run) -> StepResult:
    """Judges the day's pulled tables; keeps bad rows, results and the report whether the gate opens or not.

    Raises QualityError when a blocking rule fails, NotPublishedError when the pull is not whole.
    """
    run.lake.require(PULLED_AREA, run.day, PULLED)
    rules = run.rules.load("quality.yaml", QualityRules)
    check_files(rules, run.settings.sql)
    with open_duckdb(run.settings) as connection, new_report(run) as report:
        for table in TABLES:
            create_view(connection, table, run.lake.files(pulled(table), run.day))
        rows = {table: run.lake.rows(pulled(table), run.day) for table in TABLES}
        quarantine.open_quarantine(connection)
        questions = list(_questions(run, connection, rules, rows))
        answers = judge(connection, questions, run.day.key, report)
        write_overview(report, str(run.day), answers)
        with run.lake.replace(quarantine.TABLE, run.day) as aside:
            copy_to_parquet(connection, quarantine.quarantine_select(), aside)
    results = [_result(answer) for answer in answers]
    with run.lake.replace(RESULTS, run.day) as aside:
        pq.write_table(pa.Table.from_pylist(results, schema=_RESULTS_SCHEMA), aside)
    _keep_in_audit(run, results)
    run.lake.publish(AREA, run.day, CHECKED)

    failed = [answer for answer in answers if not answer.passed and answer.question.suite == "blocking"]
    if failed:
        raise _shut(run, failed)
    noted = [answer for answer in answers if not answer.passed]
    return StepResult(
        rows={quarantine.TABLE: run.lake.rows(quarantine.TABLE, run.day)},
        figures={
            "rules": len(answers),
            "passed": sum(answer.passed for answer in answers),
            "advisory_failed": [answer.question.rule_id for answer in noted],
            "bad_rows": {a.question.rule_id: a.count for a in answers if a.question.kind == "bad_rows" and a.count},
        },
        links={"quality report": report_link(run)},
        warnings=[f"{a.question.rule_id}: found {a.observed}, wanted {a.question.allowed}" for a in noted],
    )


def _questions(
    run: Run, connection: duckdb.DuckDBPyConnection, rules: QualityRules, rows: Mapping[str, int]
) -> Iterator[Question]:
    for suite_name, suite in rules.suites():
        yield from _table_questions(run, suite_name, suite, rows)
        for rule in suite.rows:
            allowed = rules.tolerance_of(rule).allowed(rows[rule.table])
            quarantine.find_bad_rows(connection, run.settings.sql, rule, suite_name, run.day.as_of, allowed)
            yield Question(
                suite=suite_name,
                rule_id=rule.rule,
                table=rule.table,
                kind="bad_rows",
                says=rule.says,
                checked_rows=rows[rule.table],
                most=allowed,
                bad_rows_table=quarantine.bad_rows_table(rule),
            )


def _table_questions(run: Run, suite_name: SuiteName, suite: Suite, rows: Mapping[str, int]) -> Iterator[Question]:
    for table in suite.not_empty:
        says = f"{table} is not empty."
        yield Question(suite_name, f"{table}_not_empty", table, "row_count", says, rows[table], least=1)
    previous = run.lake.previous_day("ledger", run.day)
    for band in suite.row_band:
        before = _rows_before(run, previous, band.table, band.within_days)
        if before is not None and previous is not None:
            yield Question(
                suite=suite_name,
                rule_id=f"{band.table}_row_band",
                table=band.table,
                kind="row_count",
                says=f"{band.table} has about as many rows as on {previous}, {before}.",
                checked_rows=rows[band.table],
                least=ceil(band.at_least * before - 1e-9),
                most=floor(band.at_most * before + 1e-9),
            )
    for rule in suite.freshness:
        if rows[rule.table]:
            yield Question(
                suite=suite_name,
                rule_id=f"{rule.table}_freshness",
                table=rule.table,
                kind="freshness",
                says=f"{rule.table} is up to date: enough rows are at most {rule.max_age_days} days old.",
                checked_rows=rows[rule.table],
                least=max(1, ceil(rule.share * rows[rule.table] - 1e-9)),
                column=rule.column,
                since=run.day.as_of - timedelta(days=rule.max_age_days),
            )


def _rows_before(run: Run, previous: BusinessDay | None, table: str, within_days: int) -> int | None:
    if previous is None or run.day.as_of - previous.as_of > timedelta(days=within_days):
        return None
    before = run.lake.rows(table, previous) if run.lake.exists(table, previous) else 0
    # a table that has just come into being has nothing to be compared with
    return before or None


def _result(answer: Answer) -> dict[str, object]:
    question = answer.question
    return {
        "suite": question.suite,
        "rule_id": question.rule_id,
        "table_name": question.table,
        "passed": answer.passed,
        "checked_rows": question.checked_rows,
        "bad_rows": answer.count if question.kind == "bad_rows" else 0,
        "observed": answer.observed,
        "allowed": question.allowed,
    }


def _keep_in_audit(run: Run, results: Sequence[Mapping[str, object]]) -> None:
    check_id = uuid.uuid4().hex
    common = {"check_id": check_id, "as_of": run.day.as_of, "basis": run.day.basis}
    with run.warehouse.begin() as connection:
        connection.execute(sa.insert(QualityResultRow), [{**common, **result} for result in results])


def _shut(run: Run, failed: Sequence[Answer]) -> QualityError:
    found = []
    for answer in failed:
        keys = f", first {'; '.join(answer.first[:_SHOWN_KEYS])}" if answer.first else ""
        found.append(f"{answer.question.rule_id}: {answer.observed}{keys} (wanted {answer.question.allowed})")
    kept = run.lake.path(quarantine.TABLE, run.day)
    return QualityError(
        expected="the pulled ledger to keep every blocking rule of quality.yaml",
        found=" | ".join(found),
        where=f"ledger of {run.day}",
        action=(
            f"Nothing is published. All bad rows: {kept}; report: {report_page(run)}. Have the rows corrected at the "
            "lender and clear pull_ledger; or, when the lender confirms the data, widen the rule in quality.yaml and "
            "clear check_quality."
        ),
    )

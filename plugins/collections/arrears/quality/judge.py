"""The judge: puts both suites to Great Expectations, table by table, and writes its own HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb

from arrears.errors import QualityError
from arrears.quality.dialect import engine_on
from arrears.quality.expectations import (
    Column,
    DuckDBDatasource,
    ExpectFewBadRows,
    ExpectTableRowCountToBeBetween,
    KeptConnectionEngine,
    gx,
)
from arrears.quality.rules import SuiteName

Kind = Literal["row_count", "freshness", "bad_rows"]


@dataclass(frozen=True)
class Question:
    """One rule, with its limits as of the day."""

    suite: SuiteName
    rule_id: str
    table: str
    kind: Kind
    says: str
    checked_rows: int
    least: int | None = None
    """Lowest number of rows that satisfies the rule."""
    most: int | None = None
    """Highest number of rows that satisfies the rule."""
    column: str | None = None
    since: date | None = None
    """Freshness counts the rows whose `column` is this day or later."""
    bad_rows_table: str | None = None

    @property
    def allowed(self) -> str:
        """The limits in words."""
        what = "bad rows" if self.kind == "bad_rows" else "rows"
        dated = f" with {self.column} on or after {self.since}" if self.since else ""
        if self.least is not None and self.most is not None:
            return f"{self.least:,} to {self.most:,} {what}{dated}"
        limit = f"at most {self.most:,}" if self.most is not None else f"at least {self.least:,}"
        return f"{limit} {what}{dated}"


@dataclass(frozen=True)
class Answer:
    """What Great Expectations found for one question."""

    question: Question
    passed: bool
    count: int
    """Rows counted: of the table, of its fresh rows, or of the bad ones."""
    first: tuple[str, ...] = ()
    """The first bad rows: key and reason."""

    @property
    def observed(self) -> str:
        """What was found, in words."""
        if self.question.kind == "bad_rows":
            return f"{self.count:,} bad rows of {self.question.checked_rows:,}"
        if self.question.kind == "freshness":
            return f"{self.count:,} of {self.question.checked_rows:,} rows"
        return f"{self.count:,} rows"


def judge(
    connection: duckdb.DuckDBPyConnection, questions: Sequence[Question], run_name: str, report: Path
) -> list[Answer]:
    """Puts `questions` to the tables and views of `connection`, and writes the report to the new folder `report`.

    Answers come in the order of the questions. Raises QualityError when a question could not be put at all.
    """
    engine = KeptConnectionEngine(engine=engine_on(connection), create_temp_table=False)
    try:
        context = _context(report)
        source = context.add_datasource(datasource=DuckDBDatasource.on("ledger", engine))
        checks = [
            _check(context, source, suite, table, [q for q in questions if (q.suite, q.table) == (suite, table)])
            for suite, table in dict.fromkeys((question.suite, question.table) for question in questions)
        ]
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name="quality gate", validation_definitions=checks, result_format="COMPLETE")
        )
        outcome = checkpoint.run(run_id=gx.RunIdentifier(run_name=run_name))
        context.build_data_docs()
    finally:
        engine.close()
    by_rule = {
        result.expectation_config.meta["rule_id"]: result
        for validation in outcome.run_results.values()
        for result in validation.results
    }
    return [_answer(question, by_rule[question.rule_id]) for question in questions]


def _context(report: Path) -> Any:
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        data_docs_sites={
            "quality": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(report)},
            }
        },
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _check(context: Any, source: Any, suite_name: str, table: str, questions: Sequence[Question]) -> Any:
    known = {asset.name: asset for asset in source.assets}
    asset = known.get(table) or source.add_table_asset(table, table_name=table)
    batches = {definition.name: definition for definition in asset.batch_definitions}
    batch = batches.get("whole") or asset.add_batch_definition_whole_table("whole")
    suite = gx.ExpectationSuite(name=f"{suite_name}.{table}")
    for question in questions:
        suite.add_expectation(_expectation(question))
    suite = context.suites.add(suite)
    return context.validation_definitions.add(gx.ValidationDefinition(name=suite.name, data=batch, suite=suite))


def _expectation(question: Question) -> Any:
    common: dict[str, Any] = {
        "description": f"{question.says} ({question.rule_id}: {question.allowed})",
        "severity": "critical" if question.suite == "blocking" else "info",
        "meta": {"rule_id": question.rule_id},
    }
    if question.kind == "bad_rows":
        return ExpectFewBadRows(
            rule_id=question.rule_id,
            bad_rows_table=str(question.bad_rows_table),
            allowed=int(question.most or 0),
            **common,
        )
    limits: dict[str, Any] = {"min_value": question.least, "max_value": question.most}
    if question.kind == "freshness":
        limits["row_condition"] = Column(str(question.column)) >= question.since
    return ExpectTableRowCountToBeBetween(**limits, **common)


def _answer(question: Question, result: Any) -> Answer:
    if "observed_value" not in result.result:
        # the text of the exception may quote rows
        raise QualityError(
            expected=f"an answer to the rule {question.rule_id}",
            found="an exception in Great Expectations",
            where=f"quality.yaml, suite {question.suite}, table {question.table}",
            action="Run `arrears ledger check` for this day with the log level DEBUG, or look at the rule.",
        )
    return Answer(
        question=question,
        passed=bool(result.success),
        count=int(result.result["observed_value"]),
        first=tuple(result.result.get("partial_unexpected_list", ())),
    )

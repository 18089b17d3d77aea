"""`quality.yaml` as typed models: what blocks the day, what only advises, and how much of it is tolerated."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from arrears.errors import RulesError
from arrears.ledger.contract import DATE, INSTANT, TABLES
from arrears.rules.files import RuleModel

SuiteName = Literal["blocking", "advisory"]


def _known_table(value: str) -> str:
    if value not in TABLES:
        raise ValueError(f"a table of the ledger contract ({', '.join(TABLES)})")
    return value


class Tolerance(RuleModel):
    """How many bad rows a rule lets through into quarantine before it fails; where both are given, the smaller."""

    share: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of the table's rows, 0.001 for one in a thousand."
    )
    rows: Annotated[int, Field(ge=0)] | None = Field(default=None, description="Number of rows.")

    @model_validator(mode="after")
    def _some_limit(self) -> Tolerance:
        if self.share is None and self.rows is None:
            raise ValueError("a share, a number of rows, or both")
        return self

    def allowed(self, rows: int) -> int:
        """How many bad rows a table of `rows` rows may have."""
        limits = [] if self.share is None else [floor(self.share * rows + 1e-9)]
        limits += [] if self.rows is None else [self.rows]
        return min(limits)


class RowBand(RuleModel):
    """The table's row count lies within a band around the previous published day's."""

    table: str
    at_least: Annotated[float, Field(ge=0, le=1)] = Field(description="Lowest share of the previous count.")
    at_most: Annotated[float, Field(ge=1)] = Field(description="Highest share of the previous count.")
    within_days: Annotated[int, Field(ge=1)] = Field(
        default=7, description="A previous day further back than this is not compared."
    )

    _table = field_validator("table")(_known_table)


class Freshness(RuleModel):
    """Enough rows of the table are dated no longer than some days before the business day, or after it.

    Rows dated after the day count: a ledger that knows them was taken after the day. An empty table is not judged.
    """

    table: str
    column: str
    max_age_days: Annotated[int, Field(ge=0)]
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0, description="Share of the table's rows that must be so new; always at least one row."
    )

    _table = field_validator("table")(_known_table)

    @model_validator(mode="after")
    def _dated_column(self) -> Freshness:
        dated = [column.name for column in TABLES[self.table].columns if column.type in (DATE, INSTANT)]
        if self.column not in dated:
            raise ValueError(f"a column of {self.table} with a date ({', '.join(dated)})")
        return self


class RowRule(RuleModel):
    """A SELECT of bad rows, `include/sql/quality/<rule>.sql`, and how many of them are tolerated."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    table: str
    says: Annotated[str, Field(min_length=1, description="What good rows keep, in words for ops.")]
    tolerance: Tolerance | None = None

    _table = field_validator("table")(_known_table)


class Suite(RuleModel):
    """The rules of one suite."""

    not_empty: list[str] = Field(default_factory=list, description="Tables that must have rows.")
    row_band: list[RowBand] = Field(default_factory=list)
    freshness: list[Freshness] = Field(default_factory=list)
    rows: list[RowRule] = Field(default_factory=list)

    @field_validator("not_empty")
    @classmethod
    def _known_tables(cls, value: list[str]) -> list[str]:
        return [_known_table(table) for table in value]

    def names(self) -> Iterator[str]:
        """The ids of all rules of the suite."""
        yield from (f"{table}_not_empty" for table in self.not_empty)
        yield from (f"{band.table}_row_band" for band in self.row_band)
        yield from (f"{rule.table}_freshness" for rule in self.freshness)
        yield from (rule.rule for rule in self.rows)


class QualityRules(RuleModel):
    """`quality.yaml`: the blocking and the advisory suite.

    Bad rows of the blocking suite go into quarantine and hold their contracts; beyond the tolerance the day stops.
    Bad rows of the advisory suite are noted in quarantine and reported, and change nothing.
    """

    tolerance: Tolerance = Field(description="For row rules that give none of their own.")
    blocking: Suite
    advisory: Suite

    @model_validator(mode="after")
    def _each_rule_once(self) -> QualityRules:
        names = [*self.blocking.names(), *self.advisory.names()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each rule once, but {', '.join(twice)} is there twice")
        return self

    def suites(self) -> tuple[tuple[SuiteName, Suite], ...]:
        """Both suites with their names."""
        return (("blocking", self.blocking), ("advisory", self.advisory))

    def tolerance_of(self, rule: RowRule) -> Tolerance:
        """The rule's own tolerance, or the general one."""
        return rule.tolerance or self.tolerance


def check_files(rules: QualityRules, sql_root: Path) -> None:
    """Checks that every row rule has its SELECT and every SELECT its rule; RulesError names the odd one."""
    named = {rule.rule for _, suite in rules.suites() for rule in suite.rows}
    there = {path.stem for path in (sql_root / "quality").glob("*.sql")}
    if named - there:
        odd = min(named - there)
        raise RulesError(
            expected=f"a SELECT of bad rows, quality/{odd}.sql",
            found="no such file",
            where=f"rule {odd} of quality.yaml",
            action="Write the SELECT, or correct the rule's name.",
        )
    if there - named:
        odd = min(there - named)
        raise RulesError(
            expected="a rule in quality.yaml for each SELECT of bad rows",
            found=f"none for {odd}.sql",
            where=str(sql_root / "quality" / f"{odd}.sql"),
            action="Add the rule, or remove the file: a SELECT without a rule judges nothing.",
        )

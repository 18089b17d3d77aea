"""quality.yaml: what it may say, what its tolerances mean, and that rules and SELECTs belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.quality.rules import QualityRules, Tolerance, check_files
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

SHIPPED = PROJECT / "include" / "rules" / "quality.yaml"


def parse(tmp_path: Path, *lines: str) -> QualityRules:
    path = tmp_path / "quality.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return parse_rules(path, QualityRules)


@pytest.mark.parametrize(
    ("share", "rows", "table_rows", "allowed"),
    [
        (0.001, None, 999, 0),
        (0.001, None, 1_000, 1),
        (0.001, None, 1_999, 1),
        (0.001, None, 2_000, 2),
        (0.1, None, 70, 7),
        (None, 5, 3, 5),
        (None, 0, 1_000_000, 0),
        (0.5, 5, 10, 5),
        (0.5, 5, 8, 4),
        (0.001, None, 0, 0),
    ],
)
def test_the_smaller_limit_counts(share: float | None, rows: int | None, table_rows: int, allowed: int) -> None:
    assert Tolerance(share=share, rows=rows).allowed(table_rows) == allowed


def test_the_shipped_rules_have_their_selects_and_every_table_has_keys_judged() -> None:
    rules = parse_rules(SHIPPED, QualityRules)
    check_files(rules, PROJECT / "include" / "sql")
    blocking = set(rules.blocking.names())
    from arrears.ledger.contract import TABLES

    for table in TABLES:
        assert {f"{table}_missing_value", f"{table}_duplicated_key"} <= blocking
    assert "contracts_not_empty" in blocking
    assert "payments_freshness" in blocking


@pytest.mark.parametrize(
    ("lines", "place", "says"),
    [
        (["tolerance: {shar: 0.1}", "blocking: {}", "advisory: {}"], ":1", "Did you mean 'share'"),
        (["tolerance: {}", "blocking: {}", "advisory: {}"], ":1", "a share, a number of rows, or both"),
        (["tolerance: {share: 1.5}", "blocking: {}", "advisory: {}"], ":1", "less than or equal to 1"),
        (
            ["tolerance: {rows: 1}", "blocking:", "  not_empty: [contract]", "advisory: {}"],
            ":3",
            "a table of the ledger",
        ),
        (
            [
                "tolerance: {rows: 1}",
                "blocking:",
                "  freshness:",
                "    - {table: payments, column: amount, max_age_days: 1}",
                "advisory: {}",
            ],
            ":4",
            "a column of payments with a date",
        ),
        (
            ["tolerance: {rows: 1}", "blocking: {not_empty: [contracts]}", "advisory: {not_empty: [contracts]}"],
            "quality.yaml:1",
            "contracts_not_empty is there twice",
        ),
        (["tolerance: {rows: 1}", "blocking: {}"], ":1", "the key 'advisory'"),
    ],
)
def test_a_wrong_file_names_the_line(tmp_path: Path, lines: list[str], place: str, says: str) -> None:
    with pytest.raises(RulesError) as refused:
        parse(tmp_path, *lines)
    assert refused.value.where.endswith(place)
    assert says in str(refused.value)


def test_a_rule_without_its_select_and_a_select_without_its_rule_are_errors(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "quality"
    folder.mkdir(parents=True)
    rules = parse(
        tmp_path,
        "tolerance: {rows: 0}",
        "blocking:",
        "  rows:",
        "    - {rule: payments_are_good, table: payments, says: They are good.}",
        "advisory: {}",
    )
    with pytest.raises(RulesError, match=r"payments_are_good\.sql"):
        check_files(rules, tmp_path / "sql")
    (folder / "payments_are_good.sql").write_text("SELECT 1 AS row_number, '' AS reason", encoding="utf-8")
    check_files(rules, tmp_path / "sql")
    (folder / "payments_are_bad.sql").write_text("SELECT 1 AS row_number, '' AS reason", encoding="utf-8")
    with pytest.raises(RulesError, match="payments_are_bad"):
        check_files(rules, tmp_path / "sql")

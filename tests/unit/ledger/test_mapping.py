"""The mapping file: a lender's own names, and what is said about names that do not exist."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from arrears.errors import LedgerError, RulesError, SettingsError
from arrears.ledger.pull import pull_ledger, pulled

DAY = date(2025, 3, 10)


@pytest.fixture
def mapped(make_run: Any, csv_ledger: Any, tmp_path: Path) -> Any:
    """Pulls a ledger whose payments are called otherwise, with the given mapping lines."""
    folder = csv_ledger(payments=None, buchungen=["nr,vertrag,valuta,betrag,filiale", "P1,C1,2025-02-01,5.00,Nord"])

    def pull(*lines: str) -> list[dict[str, Any]]:
        file = tmp_path / "mapping.yaml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with make_run(DAY, ledger=str(folder), ledger_mapping=file) as run:
            pull_ledger(run)
            return pq.read_table(run.lake.existing(pulled("payments"), run.day)).to_pylist()

    return pull


GOOD = (
    "tables:",
    "  buchungen:",
    "    table: payments",
    "    columns: {nr: payment_id, vertrag: contract_id, valuta: value_date, betrag: amount}",
)


def test_a_lenders_names_become_the_contracts(mapped: Any) -> None:
    (row,) = mapped(*GOOD)
    assert (row["payment_id"], row["contract_id"], row["value_date"]) == ("P1", "C1", date(2025, 2, 1))
    assert "filiale" not in row


def test_a_column_beyond_the_contract_is_kept_when_it_is_named(mapped: Any) -> None:
    (row,) = mapped(*GOOD, "    extra: [filiale]")
    assert row["filiale"] == "Nord"


@pytest.mark.parametrize(
    ("lines", "line", "found", "action"),
    [
        ([*GOOD[:2], "    table: payment", *GOOD[3:]], 3, "payment", "Did you mean 'payments'?"),
        ([GOOD[0], "  buchung:", *GOOD[2:]], 2, "buchung", "Did you mean 'buchungen'?"),
        (
            [*GOOD[:3], "    columns:", "      nr: payment_id", "      valuta: valuedate"],
            6,
            "valuedate",
            "Did you mean 'value_date'?",
        ),
        (
            [*GOOD[:3], "    columns:", "      nr: payment_id", "      valute: value_date"],
            6,
            "valute",
            "Did you mean 'valuta'?",
        ),
        ([*GOOD[:3], "    columns:", "      nr: payment_id", "      vertrag: payment_id"], 6, "vertrag", "Remove one"),
        ([*GOOD, "    extra: [filial]"], 5, "filial", "Did you mean 'filiale'?"),
        ([*GOOD, "    extra: [amount]"], 5, "amount", "in the contract already"),
        ([*GOOD, "  other:", "    table: payments"], 6, "other", "Join the two"),
    ],
)
def test_a_name_that_does_not_exist_is_shown_with_line_and_nearest_right_one(
    mapped: Any, lines: list[str], line: int, found: str, action: str
) -> None:
    with pytest.raises(LedgerError) as refused:
        mapped(*lines)
    assert refused.value.where.endswith(f"mapping.yaml:{line}")
    assert found in refused.value.found
    assert action in refused.value.action


def test_a_key_that_a_mapping_does_not_have_is_shown_with_the_nearest(mapped: Any) -> None:
    with pytest.raises(RulesError, match=r"mapping\.yaml:4.*Did you mean 'columns'"):
        mapped(*GOOD[:3], "    colums: {nr: payment_id}")


def test_a_mapping_that_is_not_there_names_the_setting(make_run: Any, csv_ledger: Any, tmp_path: Path) -> None:
    with (
        make_run(DAY, ledger=str(csv_ledger()), ledger_mapping=tmp_path / "no.yaml") as run,
        pytest.raises(SettingsError, match="ARREARS_LEDGER_MAPPING"),
    ):
        pull_ledger(run)

"""What a folder of files becomes in the lake, and which files stop at the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.errors import LedgerError, SettingsError
from arrears.ledger.contract import TABLES
from arrears.ledger.pull import PULLED, pull_ledger, pulled
from arrears.run import Run

DAY = date(2025, 3, 10)


def rows_of(run: Run, table: str) -> list[dict[str, Any]]:
    return pq.read_table(run.lake.existing(pulled(table), run.day)).to_pylist()


def test_a_csv_ledger_arrives_typed_and_in_the_order_of_its_keys(make_run: Any, csv_ledger: Any) -> None:
    with make_run(DAY, ledger=str(csv_ledger())) as run:
        result = pull_ledger(run)
        assert result.rows["contracts"] == 2
        assert result.rows["installments"] == 3
        first, second = rows_of(run, "contracts")
        assert first["contract_id"] == "C1"
        assert first["principal"] == Decimal("90000.00")
        assert first["originated_on"] == date(2025, 1, 1)
        assert first["closed_on"] == date(2026, 1, 1)
        assert second["closed_on"] is None
        keys = [(row["contract_id"], row["installment_no"]) for row in rows_of(run, "installments")]
        assert keys == [("C1", 1), ("C1", 2), ("C2", 1)]
        assert rows_of(run, "payments")[0]["booked_at"] == datetime(2025, 2, 1, 10, 30)  # noqa: DTZ001


def test_every_table_of_the_contract_is_there_with_all_its_columns(make_run: Any, csv_ledger: Any) -> None:
    with make_run(DAY, ledger=str(csv_ledger())) as run:
        result = pull_ledger(run)
        for name, contract in TABLES.items():
            schema = pq.read_schema(run.lake.existing(pulled(name), run.day))
            assert [(field.name, field.type) for field in schema] == [(c.name, c.type) for c in contract.columns]
        assert result.rows["holds"] == 0
        assert result.figures["absent_tables"] == [
            name for name in TABLES if name not in {*["contracts", "installments", "payments"]}
        ]


def test_the_same_ledger_in_another_order_gives_the_same_files(make_run: Any, csv_ledger: Any) -> None:
    with make_run(DAY, ledger=str(csv_ledger())) as run:
        pull_ledger(run)
        before = run.lake.digests(run.day, PULLED)
        lines = (csv_ledger() / "installments.csv").read_text().splitlines()
        pull_ledger(run)
        assert run.lake.digests(run.day, PULLED) == before
        csv_ledger(installments=[lines[0], *reversed(lines[1:])])
        pull_ledger(run)
        assert run.lake.digests(run.day, PULLED) == before


def test_rows_that_share_a_key_have_an_order_too(make_run: Any, csv_ledger: Any) -> None:
    header = "payment_id,contract_id,value_date,amount"
    twice = ["P1,C1,2025-02-01,7.00", "P1,C1,2025-02-01,3.00"]
    with make_run(DAY, ledger=str(csv_ledger(payments=[header, *twice]))) as run:
        pull_ledger(run)
        before = run.lake.digests(run.day, PULLED)
        csv_ledger(payments=[header, *reversed(twice)])
        pull_ledger(run)
        assert run.lake.digests(run.day, PULLED) == before


def test_an_optional_table_that_went_away_does_not_leave_yesterdays_try(make_run: Any, csv_ledger: Any) -> None:
    with make_run(DAY, ledger=str(csv_ledger(holds=["contract_id,kind,start_date", "C1,pause,2025-02-01"]))) as run:
        assert pull_ledger(run).rows["holds"] == 1
        (csv_ledger() / "holds.csv").unlink()
        assert pull_ledger(run).rows["holds"] == 0
        assert rows_of(run, "holds") == []


def test_columns_beyond_the_contract_stay_out(make_run: Any, csv_ledger: Any) -> None:
    payments = ["payment_id,contract_id,value_date,amount,teller_name", "P1,C1,2025-02-01,5.00,Li Lei"]
    with make_run(DAY, ledger=str(csv_ledger(payments=payments))) as run:
        pull_ledger(run)
        assert "teller_name" not in rows_of(run, "payments")[0]


def test_collectors_come_from_a_file_where_the_ledger_has_none(make_run: Any, csv_ledger: Any, tmp_path: Path) -> None:
    file = tmp_path / "team.csv"
    file.write_text("collector_id,team,daily_quota\nK1,north,20\n", encoding="utf-8")
    with make_run(DAY, ledger=str(csv_ledger()), collectors=file) as run:
        assert pull_ledger(run).rows["collectors"] == 1
        assert rows_of(run, "collectors")[0]["daily_quota"] == 20
    with make_run(DAY, ledger=str(csv_ledger(collectors=["collector_id", "K7", "K8"])), collectors=file) as run:
        assert pull_ledger(run).rows["collectors"] == 2


def test_parquet_files_and_folders_of_them_are_read(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger(payments=None)
    (folder / "payments.csv").unlink(missing_ok=True)
    parts = folder / "payments.parquet"
    parts.mkdir()
    for number in (1, 2):
        table = pa.table(
            {
                "payment_id": [f"P{number}"],
                "contract_id": pa.array(["C1"]).dictionary_encode(),
                "value_date": pa.array([datetime(2025, 2, number)], pa.timestamp("ms")),  # noqa: DTZ001
                "amount": pa.array([Decimal("10.500")], pa.decimal128(20, 3)),
            }
        )
        pq.write_table(table, parts / f"part-{number}.parquet")
    with make_run(DAY, ledger=str(folder)) as run:
        pull_ledger(run)
        assert [(r["payment_id"], r["value_date"], r["amount"]) for r in rows_of(run, "payments")] == [
            ("P1", date(2025, 2, 1), Decimal("10.50")),
            ("P2", date(2025, 2, 2), Decimal("10.50")),
        ]


@pytest.mark.parametrize(
    ("column", "values", "expected", "found"),
    [
        ("amount", pa.array([1.5]), "DECIMAL(18,2)", "double"),
        ("amount", pa.array(["1.50"]), "DECIMAL(18,2)", "string"),
        ("value_date", pa.array(["2025-02-01"]), "calendar date", "string"),
        ("value_date", pa.array([datetime(2025, 2, 1)], pa.timestamp("us", "UTC")), "calendar date", "UTC"),  # noqa: DTZ001
        ("payment_id", pa.array([1.0]), "text", "double"),
    ],
)
def test_a_column_of_another_type_stops_at_the_door(
    make_run: Any, csv_ledger: Any, column: str, values: pa.Array, expected: str, found: str
) -> None:
    good = pa.table(
        {
            "payment_id": ["P1"],
            "contract_id": ["C1"],
            "value_date": pa.array([date(2025, 2, 1)]),
            "amount": pa.array([Decimal("1.50")], pa.decimal128(18, 2)),
        }
    )
    folder = csv_ledger(payments=None)
    pq.write_table(good.set_column(good.schema.get_field_index(column), column, values), folder / "payments.parquet")
    with make_run(DAY, ledger=str(folder)) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert expected in refused.value.expected
    assert found in refused.value.found
    assert f"payments.{column}" in refused.value.where


@pytest.mark.parametrize(
    ("amount", "stands"),
    [
        ("12.34", Decimal("12.34")),
        ("12.340", Decimal("12.34")),
        ("-12", Decimal("-12.00")),
        ("9999999999999999.99", Decimal("9999999999999999.99")),
        ("12.345", None),
        ("99999999999999999", None),
        ("1e3", None),
        ("12,34", None),
        ("about 12", None),
        ("NaN", None),
    ],
)
def test_money_is_exact_or_refused(make_run: Any, csv_ledger: Any, amount: str, stands: Decimal | None) -> None:
    payments = ["payment_id,contract_id,value_date,amount", "P0,C1,2025-02-01,1.00", f'P1,C1,2025-02-01,"{amount}"']
    with make_run(DAY, ledger=str(csv_ledger(payments=payments))) as run:
        if stands is not None:
            pull_ledger(run)
            assert rows_of(run, "payments")[1]["amount"] == stands
            return
        with pytest.raises(LedgerError) as refused:
            pull_ledger(run)
    assert "payments.amount of the row payment_id=P1" in refused.value.where
    assert refused.value.where.endswith("payments.csv:3")
    assert amount not in str(refused.value)


def test_decimals_that_would_be_lost_are_refused_in_parquet(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger(payments=None)
    table = pa.table(
        {
            "payment_id": ["P1", "P2"],
            "contract_id": ["C1", "C1"],
            "value_date": pa.array([date(2025, 2, 1)] * 2),
            "amount": pa.array([Decimal("1.500"), Decimal("1.505")], pa.decimal128(18, 3)),
        }
    )
    pq.write_table(table, folder / "payments.parquet")
    with make_run(DAY, ledger=str(folder)) as run, pytest.raises(LedgerError, match="payment_id=P2"):
        pull_ledger(run)


def test_a_date_with_a_time_of_day_is_refused(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger(payments=None)
    table = pa.table(
        {
            "payment_id": ["P1"],
            "contract_id": ["C1"],
            "value_date": pa.array([datetime(2025, 2, 1, 8)]),  # noqa: DTZ001
            "amount": pa.array([Decimal("1.50")]),
        }
    )
    pq.write_table(table, folder / "payments.parquet")
    with make_run(DAY, ledger=str(folder)) as run, pytest.raises(LedgerError, match=r"payments\.value_date"):
        pull_ledger(run)


@pytest.mark.parametrize("text", ["01.02.2025", "2025-02-30", "2025-2-1", "20250201"])
def test_a_csv_date_is_iso_and_its_line_is_named_past_quoted_line_breaks(
    make_run: Any, csv_ledger: Any, text: str
) -> None:
    customers = ["customer_id,name,birth_date", '"U1","Han\nMeimei",1990-01-01', "U2,Li Lei," + text]
    with make_run(DAY, ledger=str(csv_ledger(customers=customers))) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert refused.value.where.endswith("customers.csv:4")
    assert "Li Lei" not in str(refused.value)


def test_an_instant_with_an_offset_is_read_in_the_lenders_zone(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger(payments=None)
    table = pa.table(
        {
            "payment_id": ["P1"],
            "contract_id": ["C1"],
            "value_date": pa.array([date(2025, 2, 1)]),
            "amount": pa.array([Decimal("1.50")]),
            "booked_at": pa.array([datetime(2025, 2, 1, 20)], pa.timestamp("us", "UTC")),  # noqa: DTZ001
        }
    )
    pq.write_table(table, folder / "payments.parquet")
    with make_run(DAY, ledger=str(folder), time_zone="Asia/Shanghai") as run:
        pull_ledger(run)
        assert rows_of(run, "payments")[0]["booked_at"] == datetime(2025, 2, 2, 4)  # noqa: DTZ001


def test_a_missing_required_table_is_named_with_what_is_there(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger(payments=None)
    (folder / "paymnts.csv").write_text("payment_id\n", encoding="utf-8")
    with make_run(DAY, ledger=str(folder)) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert "required table payments" in refused.value.expected
    assert "paymnts" in refused.value.action


def test_a_missing_required_column_is_named_with_its_likely_other_name(make_run: Any, csv_ledger: Any) -> None:
    payments = ["payment_id,contract_id,valuedate,amount", "P1,C1,2025-02-01,5.00"]
    with make_run(DAY, ledger=str(csv_ledger(payments=payments))) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert "value_date" in refused.value.expected
    assert "value_date may be 'valuedate'" in refused.value.action
    assert "payments" in refused.value.where


def test_nothing_is_pulled_when_one_table_is_wrong_and_the_old_pull_stays(make_run: Any, csv_ledger: Any) -> None:
    with make_run(DAY, ledger=str(csv_ledger())) as run:
        pull_ledger(run)
        before = run.lake.published("pulled", run.day)
        csv_ledger(payments=["payment_id,contract_id,value_date", "P1,C1,2025-02-01"])
        with pytest.raises(LedgerError):
            pull_ledger(run)
        assert run.lake.published("pulled", run.day) == before
        run.lake.require("pulled", run.day, PULLED)


@pytest.mark.parametrize(
    ("lines", "where", "found"),
    [
        (["payment_id,contract_id,value_date,amount", "P1,C1,2025-02-01,1.00", "P2,C1,2025-02-01"], ":3", "Found: 3"),
        (["payment_id,contract_id,payment_id,amount", "P1,C1,2025-02-01,1.00"], ".csv", "payment_id twice"),
        ([""], ".csv", "empty file"),
    ],
)
def test_a_csv_file_that_is_no_table_is_refused(
    make_run: Any, csv_ledger: Any, lines: list[str], where: str, found: str
) -> None:
    with make_run(DAY, ledger=str(csv_ledger(payments=lines))) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert refused.value.where.endswith(where)
    assert found in refused.value.found


def test_a_table_in_two_forms_is_refused(make_run: Any, csv_ledger: Any) -> None:
    folder = csv_ledger()
    pq.write_table(pa.table({"payment_id": ["P1"]}), folder / "payments.parquet")
    with (
        make_run(DAY, ledger=str(folder)) as run,
        pytest.raises(LedgerError, match=r"payments\.csv and payments\.parquet"),
    ):
        pull_ledger(run)


@pytest.mark.parametrize(("ledger", "error"), [(None, SettingsError), ("/no/such/folder", LedgerError)])
def test_a_ledger_that_is_not_there_says_which_setting(
    make_run: Any, ledger: str | None, error: type[Exception]
) -> None:
    with make_run(DAY, ledger=ledger) as run, pytest.raises(error, match="ARREARS_LEDGER"):
        pull_ledger(run)


def test_the_real_ledger_is_read(make_run: Callable[..., Any], real_ledger: Path) -> None:
    with make_run(date(2017, 11, 30), ledger=str(real_ledger)) as run:
        rows = pull_ledger(run).rows
    assert (rows["contracts"], rows["installments"], rows["payments"]) == (6_408, 192_694, 180_619)

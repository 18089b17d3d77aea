"""The generated ledger keeps the contract: types, keys, references, sums, and nothing that is not known yet."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.demo.lender import VERSION, generate, plain, write_parquet
from arrears.demo.lender import files as lender_files
from arrears.demo.lender.world import LONGEST_TERM, REGIONS
from arrears.errors import ArrearsError, LedgerError
from arrears.ledger.contract import TABLES, arrow_schema

NOVEMBER_20 = date(2026, 11, 20)

REFERENCES = [
    ("contracts", "customer_id", "customers"),
    *((name, "contract_id", "contracts") for name in ("installments", "payments", "charges", "scores", "holds")),
    *((name, "contract_id", "contracts") for name in ("contact_results", "promises")),
    ("contact_results", "customer_id", "customers"),
    ("contact_results", "collector_id", "collectors"),
    ("consents", "customer_id", "customers"),
]

# every date of a row that says when it was known; planned dates (due days, ends of holds) may lie ahead
KNOWN_BY = [
    ("contracts", "originated_on"),
    ("contracts", "closed_on"),
    ("contracts", "written_off_on"),
    ("contracts", "gps_seen_on"),
    ("payments", "value_date"),
    ("payments", "booked_at"),
    ("payments", "reversed_on"),
    ("charges", "due_date"),
    ("scores", "scored_on"),
    ("holds", "start_date"),
    ("contact_results", "attempted_at"),
    ("promises", "made_on"),
    ("consents", "valid_from"),
    ("customers", "birth_date"),
    ("customers", "employed_since"),
    ("collectors", "active_from"),
]


def _none(connection: Any, query: str) -> None:
    assert connection.execute(query).fetchall() == []


@pytest.fixture
def connection(lender: Any, read: Any) -> Any:
    return read(lender(NOVEMBER_20))


@pytest.mark.parametrize("table", TABLES)
def test_table_has_the_contracts_columns_and_types(lender: Any, table: str) -> None:
    assert pq.read_schema(lender(NOVEMBER_20) / f"{table}.parquet").equals(arrow_schema(table))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_rows_and_keys_are_unique_and_present(connection: Any, table: str) -> None:
    rows = connection.view(table)
    key = ", ".join(TABLES[table].key)
    missing = " OR ".join(f"{column.name} IS NULL" for column in TABLES[table].columns if column.required)

    assert rows.limit(1).fetchall() != []
    assert rows.aggregate(f"{key}, count(*) AS n").filter("n > 1").limit(5).fetchall() == []
    assert rows.filter(missing).limit(5).fetchall() == []


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_used(connection: Any, table: str) -> None:
    names = TABLES[table].schema.names
    [counts] = connection.view(table).aggregate(", ".join(f"count({name})" for name in names)).fetchall()
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]

    assert empty == (["active_to"] if table == "collectors" else [])


@pytest.mark.parametrize(("table", "column", "referred"), REFERENCES)
def test_rows_point_to_rows_that_exist(connection: Any, table: str, column: str, referred: str) -> None:
    known = connection.view(referred).project(TABLES[referred].key[0])
    pointing = connection.view(table).filter(f"{column} IS NOT NULL").project(column)

    assert pointing.distinct().except_(known).limit(5).fetchall() == []


@pytest.mark.parametrize("as_of", [NOVEMBER_20, date(2026, 11, 1), date(2028, 2, 29)], ids=str)
@pytest.mark.parametrize(("table", "column"), KNOWN_BY)
def test_nothing_is_dated_after_the_day(lender: Any, read: Any, as_of: date, table: str, column: str) -> None:
    [(latest,)] = read(lender(as_of)).view(table).aggregate(f"max({column})::DATE").fetchall()
    assert latest is None or latest <= as_of


def test_schedules_repay_the_principal_and_their_parts_add_up(connection: Any) -> None:
    _none(connection, "SELECT * FROM installments WHERE amount_due <> principal_due + interest_due + fee_due LIMIT 5")
    _none(connection, "SELECT * FROM installments WHERE principal_due <= 0 OR interest_due < 0 OR fee_due < 0 LIMIT 5")
    _none(
        connection,
        """
        SELECT contract_id FROM contracts JOIN installments USING (contract_id)
        GROUP BY contract_id, principal, term_months
        HAVING sum(principal_due) <> principal OR count(*) <> term_months OR max(installment_no) <> term_months LIMIT 5
        """,
    )


def test_the_whole_schedule_is_there_the_future_too(connection: Any) -> None:
    first, last, least, most = connection.execute(
        "SELECT min(due_date), max(due_date), min(day(due_date)), max(day(due_date)) FROM installments"
    ).fetchone()

    assert first < date(2025, 1, 1)
    assert last > date(2029, 1, 1)
    assert (least, most) == (2, 27)


def test_contracts_that_closed_have_paid_all_and_no_other_has(connection: Any) -> None:
    balances = connection.sql(
        """
        SELECT contract_id, closed_on, written_off_on,
            (SELECT sum(amount_due) FROM installments i WHERE i.contract_id = c.contract_id)
            + (SELECT coalesce(sum(amount), 0) FROM charges h WHERE h.contract_id = c.contract_id)
            - (SELECT coalesce(sum(amount), 0) FROM payments p
               WHERE p.contract_id = c.contract_id AND reversed_on IS NULL) AS owed
        FROM contracts c
        """
    )

    assert balances.filter("(closed_on IS NOT NULL) <> (owed = 0) OR owed < 0").limit(5).fetchall() == []
    assert balances.filter("closed_on IS NOT NULL AND written_off_on IS NOT NULL").limit(5).fetchall() == []
    [(closed, written_off)] = balances.aggregate("count(closed_on), count(written_off_on)").fetchall()
    assert closed > 50
    assert written_off > 5


def test_payments_are_positive_partial_late_booked_and_returned(connection: Any) -> None:
    _none(connection, "SELECT * FROM payments WHERE amount <= 0 LIMIT 5")
    _none(connection, "SELECT * FROM payments WHERE reversed_on <= value_date OR booked_at::DATE < value_date LIMIT 5")
    partial, late, returned = connection.execute(
        """
        WITH levels AS (SELECT contract_id, min(amount_due) AS level FROM installments GROUP BY contract_id)
        SELECT
            count(*) FILTER (amount < level * 0.8),
            count(*) FILTER (booked_at::DATE > value_date),
            count(reversed_on)
        FROM payments JOIN levels USING (contract_id)
        """
    ).fetchone()

    assert partial > 50
    assert late > 50
    assert returned > 20


def test_no_contact_and_no_promise_is_of_the_day_itself(connection: Any) -> None:
    """The ledger is the morning's: contacts of the day would count against the day's own limits."""
    [(latest,)] = connection.view("contact_results").aggregate("max(attempted_at)::DATE").fetchall()
    assert latest < NOVEMBER_20
    _none(connection, "SELECT * FROM contact_results WHERE hour(attempted_at) NOT BETWEEN 8 AND 20 LIMIT 5")


def test_promises_are_kept_and_broken(connection: Any) -> None:
    kept, broken = connection.execute(
        """
        WITH paid AS (
            SELECT promise_id, any_value(p.amount) AS promised, coalesce(sum(payments.amount), 0) AS received
            FROM promises p LEFT JOIN payments
              ON payments.contract_id = p.contract_id AND value_date BETWEEN made_on AND due_on AND reversed_on IS NULL
            WHERE due_on <= ? GROUP BY 1
        )
        SELECT count(*) FILTER (received >= promised), count(*) FILTER (received = 0) FROM paid
        """,
        [NOVEMBER_20],
    ).fetchone()

    assert kept > 20
    assert broken > 10


def test_scores_are_of_the_stages_that_the_contract_has_come_to(connection: Any) -> None:
    _none(connection, "SELECT * FROM scores WHERE score NOT BETWEEN 300 AND 850 LIMIT 5")
    per_stage = connection.view("scores").aggregate("stage, count(DISTINCT model), count(*)").order("stage").fetchall()

    assert [(stage, models) for stage, models, _ in per_stage] == [("M0M1", 3), ("M1M4", 3), ("M4+", 3)]
    assert per_stage[0][2] > 5 * per_stage[1][2] > 25 * per_stage[2][2]
    _none(
        connection,
        """
        SELECT contract_id FROM scores GROUP BY contract_id
        HAVING bool_or(stage = 'M4+') AND NOT bool_or(stage = 'M1M4') OR NOT bool_or(stage = 'M0M1') LIMIT 5
        """,
    )


def test_nobody_can_be_reached_at_the_addresses(connection: Any) -> None:
    phones, mails = connection.execute(
        "SELECT list(phone) FILTER (phone IS NOT NULL), list(email) FILTER (email IS NOT NULL) FROM customers"
    ).fetchone()
    numbers = [phonenumbers.parse(phone) for phone in phones]

    assert all(phonenumbers.is_possible_number(number) for number in numbers)
    assert not any(phonenumbers.is_valid_number(number) for number in numbers)
    assert all(mail.endswith("@example.com") for mail in mails)
    _none(connection, "SELECT name FROM customers WHERE name NOT LIKE '%样%' AND name NOT LIKE 'Sample%' LIMIT 5")


def test_regions_and_time_zones_belong_together(connection: Any) -> None:
    _none(connection, "SELECT * FROM customers WHERE (region = 'CN-XJ') <> (time_zone = 'Asia/Urumqi') LIMIT 5")
    seen = {region for (region,) in connection.execute("SELECT DISTINCT region FROM contracts").fetchall()}
    assert seen <= {region.code for region in REGIONS}
    assert len(seen) > 25


def test_one_contract_is_a_lender_too(tmp_path: Path, read: Any) -> None:
    rows = write_parquet(tmp_path / "one", NOVEMBER_20, 1)

    assert rows["contracts"] == 1
    assert list(rows) == list(TABLES)
    assert read(tmp_path / "one").execute("SELECT count(*) FROM installments").fetchone()[0] in {24, 36, 48}


@pytest.mark.parametrize("contracts", [1, 31, 32, 33, 1_000])
@pytest.mark.parametrize("as_of", [date(2026, 1, 31), date(2026, 2, 1), NOVEMBER_20], ids=str)
def test_there_are_exactly_as_many_contracts_as_asked(contracts: int, as_of: date) -> None:
    assert sum(chunk["contracts"].num_rows for chunk in generate(as_of, contracts)) == contracts


@pytest.mark.parametrize(("contracts", "seed"), [(0, 1), (-5, 1), (10**9, 1), (10, -1)])
def test_impossible_lenders_are_refused(contracts: int, seed: int) -> None:
    with pytest.raises(ArrearsError, match="generated lender"):
        next(iter(generate(NOVEMBER_20, contracts, seed)))


# Same arguments, same rows


def _digest(contracts: int, seed: int) -> str:
    digest = hashlib.sha256()
    for chunk in generate(NOVEMBER_20, contracts, seed):
        for name, table in chunk.items():
            for column in plain(table, name).itercolumns():
                text = column.cast(pa.string()) if not pa.types.is_boolean(column.type) else column.cast(pa.int8())
                digest.update(repr(text.to_pylist()).encode())
    return digest.hexdigest()


def test_same_arguments_give_the_same_rows_on_every_machine() -> None:
    """Whoever changes the rows raises VERSION, so that loaded demo lenders are loaded anew, and this digest."""
    assert (VERSION, _digest(320, 7)) == (
        3,
        "ea66dd968a18db90e453ebd0710dc73e9f7936d1dba24a8824e8a70b5018432e",
    )


def test_another_seed_is_another_lender() -> None:
    assert _digest(64, 1) != _digest(64, 2)


def test_the_same_files_come_out_twice(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_parquet(tmp_path / name, NOVEMBER_20, 500)

    for path in sorted((tmp_path / "first").iterdir()):
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("earlier", "later"), [(date(2026, 11, 3), NOVEMBER_20), (date(2026, 10, 31), date(2026, 11, 30))], ids=str
)
def test_a_later_ledger_is_the_earlier_one_some_days_on(lender: Any, read: Any, earlier: date, later: date) -> None:
    now, then = read(lender(later)), read(lender(earlier))
    shared = {key for (key,) in now.view("contracts").project("contract_id").fetchall()}
    shared &= {key for (key,) in then.view("contracts").project("contract_id").fetchall()}
    assert len(shared) > 1_800

    for table, known, kept in (
        ("contracts", "originated_on", "contract_id, customer_id, principal, annual_rate, term_months, vehicle_model"),
        ("installments", "DATE '1970-01-01'", "*"),
        ("payments", "booked_at::DATE", "contract_id, payment_id, value_date, amount, booked_at"),
        ("charges", "due_date", "contract_id, charge_id, due_date, amount, kind"),
    ):
        before = {row for row in then.view(table).project(kept).fetchall() if row[0] in shared}
        after = now.view(table).filter(f"{known} <= DATE '{earlier}'").project(kept)
        assert before == {row for row in after.fetchall() if row[0] in shared}, table


# Put in place at the end


def test_a_generated_folder_is_replaced(tmp_path: Path) -> None:
    write_parquet(tmp_path / "out", NOVEMBER_20, 40)
    write_parquet(tmp_path / "out", date(2026, 12, 1), 70)

    assert pq.read_metadata(tmp_path / "out" / "contracts.parquet").num_rows == 70
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "contracts.parquet").write_text("somebody's")

    with pytest.raises(LedgerError, match="not generated"):
        write_parquet(tmp_path, NOVEMBER_20, 40)

    assert [path.name for path in tmp_path.iterdir()] == ["contracts.parquet"]
    assert (tmp_path / "contracts.parquet").read_text() == "somebody's"


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path / "out", NOVEMBER_20, 40)

    def failing(*arguments: Any) -> Any:
        yield next(iter(generate(*arguments)))
        raise OSError("disk full")

    monkeypatch.setattr(lender_files, "generate", failing)
    with pytest.raises(OSError, match="disk full"):
        write_parquet(tmp_path / "out", NOVEMBER_20, 70)

    assert pq.read_metadata(tmp_path / "out" / "contracts.parquet").num_rows == 40
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_chunks_are_bounded() -> None:
    sizes = [chunk["contracts"].num_rows for chunk, _ in zip(generate(NOVEMBER_20, 2_000_000), range(3), strict=False)]

    assert sizes == [32_768, 29_732, 32_768]
    assert LONGEST_TERM * max(sizes) < 2_000_000


def test_amounts_have_cents(connection: Any) -> None:
    assert connection.execute("SELECT bool_or(amount <> floor(amount)) FROM payments").fetchone() == (True,)

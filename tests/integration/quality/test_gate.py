"""The gate: which ledgers pass, which stop the day, what is held, and what ops are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from arrears.demo.lender import faults
from arrears.errors import LedgerError, NotPublishedError, QualityError
from arrears.ledger.contract import TABLES
from arrears.ledger.publish import publish_ledger
from arrears.ledger.pull import pull_ledger
from arrears.quality.checked import CHECKED
from arrears.quality.gate import check_quality
from arrears.run import Run
from arrears.warehouse.audit import QualityResultRow

DAY = date(2026, 11, 20)


def rows_of(run: Run, table: str) -> list[dict[str, Any]]:
    return pq.read_table(run.lake.existing(table, run.day)).to_pylist()


def data_quality_holds(run: Run) -> list[tuple[str, date, date | None]]:
    holds = [row for row in rows_of(run, "holds") if row["kind"] == "data_quality"]
    return [(row["contract_id"], row["start_date"], row["end_date"]) for row in holds]


def audit_rows(run: Run) -> list[Any]:
    with run.warehouse.connect() as connection:
        last = sa.select(QualityResultRow.check_id).order_by(QualityResultRow.quality_result_id.desc()).limit(1)
        select = sa.select(QualityResultRow).where(QualityResultRow.check_id == last.scalar_subquery())
        return list(connection.execute(select))


def test_a_good_ledger_passes_and_is_published_whole(ledger_run: Any) -> None:
    with ledger_run() as run:
        pulled = pull_ledger(run).rows
        checked = check_quality(run)
        published = publish_ledger(run)
        assert published.rows == pulled
        assert published.figures == {"quarantined_rows": 0, "held_for_data_quality": 0}
        run.lake.require("ledger", run.day, tuple(TABLES))
        page = run.settings.reports_root / checked.links["quality report"]
        assert "The gate is open" in page.read_text(encoding="utf-8")
        results = audit_rows(run)
        assert len(results) == checked.figures["rules"]
        assert all(row.passed for row in results if row.suite == "blocking")


def test_a_second_run_gives_the_same_tables(ledger_run: Any, ledger: Path) -> None:
    faults.negative_amount(ledger, count=3)
    with ledger_run() as run:
        seen = []
        for _ in range(2):
            pull_ledger(run)
            check_quality(run)
            publish_ledger(run)
            seen.append(run.lake.digests(run.day, (*CHECKED, *TABLES)))
        assert seen[0] == seen[1]


def test_bad_rows_within_the_tolerance_are_kept_apart_and_hold_their_contracts(ledger_run: Any, ledger: Path) -> None:
    damage = faults.negative_amount(ledger, count=3)
    with ledger_run() as run:
        pulled = pull_ledger(run).rows
        assert check_quality(run).figures["bad_rows"]["payments_insane_amount"] == 3
        published = publish_ledger(run)
        assert published.rows["payments"] == pulled["payments"] - 3
        assert all(row["amount"] > 0 for row in rows_of(run, "payments"))
        assert data_quality_holds(run) == [(each, DAY, None) for each in sorted(set(damage.contract_ids))]
        kept = [row for row in rows_of(run, "quarantine") if row["severity"] == "blocking"]
        assert {row["contract_id"] for row in kept} == set(damage.contract_ids)
        assert {row["reason"] for row in kept} == {"amount is not above zero"}
        assert published.figures["held_for_data_quality"] == len(set(damage.contract_ids))


@pytest.mark.parametrize(("beyond", "opens"), [(-1, True), (0, True), (1, False)])
def test_the_tolerance_below_on_and_above(ledger_run: Any, ledger: Path, beyond: int, opens: bool) -> None:
    allowed = pq.read_metadata(ledger / "payments.parquet").num_rows // 1000
    faults.null_amount(ledger, count=allowed + beyond)
    with ledger_run() as run:
        pull_ledger(run)
        if opens:
            check_quality(run)
            publish_ledger(run)
            assert len(data_quality_holds(run)) > 0
            return
        with pytest.raises(QualityError, match="payments_missing_value"):
            check_quality(run)
        assert not run.lake.exists("payments", run.day)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.missing_table, "required table payments"),
        (faults.missing_column, "amount_due"),
        (faults.wrong_type, "payments.amount"),
    ],
)
def test_what_is_no_ledger_stops_at_the_door(
    ledger_run: Any, ledger: Path, fault: Callable[[Path], Any], says: str
) -> None:
    fault(ledger)
    with ledger_run() as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (lambda ledger: faults.duplicate_contracts(ledger, count=3), "contracts_duplicated_key"),
        (lambda ledger: faults.payments_without_contract(ledger, count=40), "payments_without_contract"),
        (lambda ledger: faults.negative_amount(ledger, count=40), "payments_insane_amount"),
        (lambda ledger: faults.negative_amount(ledger, "installments", "amount_due", 80), "installments_insane_amount"),
        (lambda ledger: faults.null_amount(ledger, count=40), "payments_missing_value"),
        (faults.empty_ledger, "contracts_not_empty"),
        (faults.stale_ledger, "payments_freshness"),
    ],
)
def test_what_is_beyond_the_tolerance_stops_the_day_and_tells_ops(
    ledger_run: Any, ledger: Path, fault: Callable[[Path], Any], rule: str
) -> None:
    fault(ledger)
    with ledger_run() as run:
        pull_ledger(run)
        with pytest.raises(QualityError) as shut:
            check_quality(run)
        assert rule in shut.value.found
        assert "wanted at" in shut.value.found
        report = re.search(r"report: (\S+?)\. ", shut.value.action)
        assert report is not None
        assert "The gate is shut" in Path(report[1]).read_text(encoding="utf-8")
        assert run.lake.exists("quarantine", run.day)
        assert {row.rule_id for row in audit_rows(run) if not row.passed and row.suite == "blocking"} >= {rule}
        with pytest.raises(QualityError, match=rule):
            publish_ledger(run)
        assert run.lake.published("ledger", run.day) is None


def test_duplicated_contracts_keep_their_first_row_and_are_held(ledger_run: Any, ledger: Path) -> None:
    damage = faults.duplicate_contracts(ledger, count=2)
    with ledger_run() as run:
        pull_ledger(run)
        check_quality(run)
        assert publish_ledger(run).rows["contracts"] == 2_000
        assert [row[0] for row in data_quality_holds(run)] == sorted(damage.contract_ids)


def test_a_payment_of_nobody_holds_nobody(ledger_run: Any, ledger: Path) -> None:
    faults.payments_without_contract(ledger, count=5)
    with ledger_run() as run:
        pulled = pull_ledger(run).rows
        check_quality(run)
        assert publish_ledger(run).rows["payments"] == pulled["payments"] - 5
        assert data_quality_holds(run) == []


def test_a_customers_bad_row_holds_all_of_the_customers_contracts(ledger_run: Any, ledger: Path) -> None:
    customers = pq.read_table(ledger / "customers.parquet")
    pq.write_table(pa.concat_tables([customers, customers.slice(0, 1)]), ledger / "customers.parquet")
    customer = customers["customer_id"][0].as_py()
    contracts = pq.read_table(ledger / "contracts.parquet").to_pylist()
    with ledger_run() as run:
        pull_ledger(run)
        check_quality(run)
        publish_ledger(run)
        theirs = sorted(row["contract_id"] for row in contracts if row["customer_id"] == customer)
        assert [row[0] for row in data_quality_holds(run)] == theirs


def test_a_lost_refusal_is_never_tolerated(ledger_run: Any, ledger: Path) -> None:
    consents = pq.read_table(ledger / "consents.parquet")
    customer_ids = pa.array([None, *consents["customer_id"].to_pylist()[1:]], pa.string())
    index = consents.schema.get_field_index("customer_id")
    pq.write_table(consents.set_column(index, "customer_id", customer_ids), ledger / "consents.parquet")
    with ledger_run() as run:
        pull_ledger(run)
        with pytest.raises(QualityError, match="consents_missing_value: 1 bad rows"):
            check_quality(run)


def test_publication_wants_a_check_of_exactly_these_files(ledger_run: Any, ledger: Path) -> None:
    with ledger_run() as run:
        with pytest.raises(NotPublishedError):
            check_quality(run)
        pull_ledger(run)
        with pytest.raises(NotPublishedError, match="check_quality"):
            publish_ledger(run)
        check_quality(run)
        publish_ledger(run)
        faults.negative_amount(ledger, count=1)
        pull_ledger(run)
        with pytest.raises(NotPublishedError, match="check_quality"):
            publish_ledger(run)
        check_quality(run)
        publish_ledger(run)
        assert len(data_quality_holds(run)) == 1


def test_a_check_that_fails_takes_back_one_that_passed(ledger_run: Any, tmp_path: Path) -> None:
    from arrears.settings import PROJECT

    with ledger_run() as run:
        pull_ledger(run)
        check_quality(run)
    shipped = PROJECT / "include" / "rules"
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rule_set.yaml").write_bytes((shipped / "rule_set.yaml").read_bytes())
    text = (shipped / "quality.yaml").read_text(encoding="utf-8")
    (rules / "quality.yaml").write_text(
        text.replace(
            "freshness:", "freshness:\n    - {table: promises, column: made_on, max_age_days: 0, share: 1}", 1
        ),
        encoding="utf-8",
    )
    with ledger_run(rules=rules) as run:
        with pytest.raises(QualityError, match="promises_freshness"):
            check_quality(run)
        with pytest.raises(QualityError):
            publish_ledger(run)


def test_report_quarantine_and_message_hold_keys_but_nothing_personal(ledger_run: Any, ledger: Path) -> None:
    customers = pq.read_table(ledger / "customers.parquet")
    pq.write_table(pa.concat_tables([customers, customers.slice(0, 40)]), ledger / "customers.parquet")
    with ledger_run() as run:
        pull_ledger(run)
        with pytest.raises(QualityError) as shut:
            check_quality(run)
        folder = run.settings.reports_root / "quality"
        pages = "".join(page.read_text(encoding="utf-8") for page in folder.rglob("*.html"))
        told = pages + str(shut.value) + str(rows_of(run, "quarantine"))
    bad = customers.slice(0, 40).to_pylist()
    assert f"customer_id={bad[0]['customer_id']}" in told
    for row in bad:
        for column in ("name", "phone", "email"):
            assert row[column] is None or row[column] not in told
        assert row["birth_date"] is None or row["birth_date"].isoformat() not in told


def test_the_report_opens_without_the_internet(ledger_run: Any) -> None:
    with ledger_run() as run:
        pull_ledger(run)
        check_quality(run)
        folder = run.settings.reports_root / "quality"
        files = [*folder.rglob("*.html"), *folder.rglob("*.css")]
    assert len([file for file in files if "validations" in file.parts]) >= 11
    for file in files:
        remote = re.findall(r"(?:src=|href=|url\()[\"']?https?://[^\"')]*", file.read_text(encoding="utf-8"))
        assert remote == [], file


def test_a_restated_check_leaves_the_frozen_report_alone(make_run: Any, pg_url: str, ledger: Path) -> None:
    values = {"warehouse_url": pg_url, "ledger": str(ledger)}
    with make_run(DAY, **values) as run:
        pull_ledger(run)
        frozen = run.settings.reports_root / check_quality(run).links["quality report"]
    before = frozen.read_bytes()
    with make_run(DAY, today=DAY + timedelta(days=1), **values) as run:
        pull_ledger(run)
        restated = run.settings.reports_root / check_quality(run).links["quality report"]
    assert restated != frozen
    assert restated.exists()
    assert frozen.read_bytes() == before


def tiny_ledger(folder: Path, *, contracts: int, paid_on: date) -> Path:
    """`contracts` contracts without instalments, and one payment."""
    folder.mkdir(exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows["contracts"] = [
        {
            "contract_id": f"C{number:04}",
            "customer_id": "U1",
            "product": "auto",
            "originated_on": date(2026, 1, 1),
            "principal": Decimal(1000),
            "term_months": 12,
        }
        for number in range(contracts)
    ]
    rows["payments"] = [{"payment_id": "P1", "contract_id": "C0000", "value_date": paid_on, "amount": Decimal(10)}]
    for name, contract in TABLES.items():
        pq.write_table(pa.Table.from_pylist(rows[name], schema=contract.schema), folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize(
    ("paid_on", "fresh"),
    [
        (DAY, True),
        (DAY - timedelta(days=7), True),
        (DAY - timedelta(days=8), False),
        (DAY + timedelta(days=30), True),
    ],
)
def test_freshness_on_below_and_above(ledger_run: Any, tmp_path: Path, paid_on: date, fresh: bool) -> None:
    with ledger_run(ledger=str(tiny_ledger(tmp_path / "tiny", contracts=1, paid_on=paid_on))) as run:
        pull_ledger(run)
        if fresh:
            check_quality(run)
        else:
            with pytest.raises(QualityError, match="payments_freshness: 0 of 1 rows"):
                check_quality(run)


@pytest.mark.parametrize(
    ("days_later", "contracts", "passes"),
    [(1, 95, True), (1, 94, False), (1, 125, True), (1, 126, False), (7, 94, False), (8, 94, True)],
)
def test_row_counts_lie_within_a_band_of_the_last_published_day(
    ledger_run: Any, tmp_path: Path, days_later: int, contracts: int, passes: bool
) -> None:
    first, second = DAY, DAY + timedelta(days=days_later)
    with ledger_run(first, ledger=str(tiny_ledger(tmp_path / "first", contracts=100, paid_on=first))) as run:
        pull_ledger(run)
        check_quality(run)
        publish_ledger(run)
    with ledger_run(second, ledger=str(tiny_ledger(tmp_path / "next", contracts=contracts, paid_on=second))) as run:
        pull_ledger(run)
        if passes:
            check_quality(run)
        else:
            with pytest.raises(QualityError, match="contracts_row_band"):
                check_quality(run)


@pytest.mark.real_ledger
def test_the_real_ledger_passes_the_shipped_rules(make_run: Any, pg_url: str, real_ledger: Path) -> None:
    with make_run(date(2017, 11, 30), warehouse_url=pg_url, ledger=str(real_ledger)) as run:
        pull_ledger(run)
        check_quality(run)
        published = publish_ledger(run)
    assert published.rows["contracts"] == 6_408
    assert published.figures["quarantined_rows"] == 0

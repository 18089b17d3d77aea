"""Every version of the ageing that the benchmark measures gives the same answer, row by row."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.bench.ageing_arrears import age_core, age_wide
from tests.bench.answers import differences
from tests.bench.process import Bench
from tests.bench.terms import terms_of
from tests.support.ledgers import Rows, contract_table

from arrears.ledger.contract import TABLES
from arrears.settings import Settings
from arrears.warehouse.embedded import EmbeddedPostgres

AS_OF = date(2026, 11, 20)
ODD_TERMS = {"materiality": "10%,5.00", "grace_days": 3}
VERSIONS = ["polars", "pandas", "postgres"]
_CHANGES = [
    {},
    {"closed_on": AS_OF},
    {"closed_on": AS_OF + timedelta(days=1)},
    {"written_off_on": AS_OF},
    {"ledger_from": AS_OF},
    {"ledger_from": AS_OF + timedelta(days=1)},
    {"originated_on": AS_OF + timedelta(days=1)},
]


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of a generated lender of 3,000 contracts."""
    folder = tmp_path_factory.mktemp("bench") / "generated"
    program = Path(sys.executable).with_name("arrears")
    arguments = ["--contracts", "3000", "--as-of", AS_OF.isoformat(), "--out", str(folder)]
    subprocess.run([str(program), "ledger", "generate", *arguments], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of contracts at every edge: of the book, of the day, of materiality, of pauses and of what is paid."""
    folder = tmp_path_factory.mktemp("bench") / "odd"
    _write(folder, _odd_ledger())
    return folder


@pytest.fixture(scope="session")
def unpaid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger to which nobody has paid anything, without charges and holds."""
    folder = tmp_path_factory.mktemp("bench") / "unpaid"
    _write(folder, {name: rows for name, rows in _odd_ledger().items() if name in ("contracts", "installments")})
    return folder


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("ledger", "terms"),
    [("generated", {}), ("generated", ODD_TERMS), ("odd", {}), ("odd", ODD_TERMS), ("unpaid", {})],
    ids=["generated", "generated, odd terms", "odd", "odd, odd terms", "unpaid"],
)
def test_every_version_gives_the_same_answer(
    version: str,
    ledger: str,
    terms: dict[str, object],
    request: pytest.FixtureRequest,
    make_settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    folder: Path = request.getfixturevalue(ledger)
    settings = make_settings(ledger=str(folder), **terms)
    asked = terms_of(settings, AS_OF)
    ours, other = tmp_path / "ours.parquet", tmp_path / "other.parquet"
    age_core(settings, asked, ours)
    module = importlib.import_module(f"tests.bench.ageing_{version}")
    if version == "postgres":
        server: EmbeddedPostgres = request.getfixturevalue("postgres")
        module.age(folder, asked, other, server)
    else:
        module.age(folder, asked, other)
    assert differences(ours, other) == []


@pytest.mark.spark
@pytest.mark.parametrize(
    ("ledger", "terms"), [("generated", {}), ("odd", ODD_TERMS)], ids=["generated", "odd, odd terms"]
)
def test_spark_gives_the_same_answer(
    ledger: str,
    terms: dict[str, object],
    request: pytest.FixtureRequest,
    make_settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    folder: Path = request.getfixturevalue(ledger)
    settings = make_settings(ledger=str(folder), **terms)
    ours, other = tmp_path / "ours.parquet", tmp_path / "other.parquet"
    age_core(settings, terms_of(settings, AS_OF), ours)
    # in a process of its own, as the benchmark runs it: a process has one JVM, whoever starts it first
    bench = Bench(folder=tmp_path, as_of=AS_OF.isoformat(), log=tmp_path / "log.txt")
    given = {"ledger": str(folder), "out": str(other), "as_of": AS_OF.isoformat(), "settings": terms}
    bench.run("spark", given, other, "Spark")
    assert differences(ours, other) == []


@pytest.mark.parametrize("terms", [{}, ODD_TERMS], ids=["shipped terms", "odd terms"])
@pytest.mark.parametrize("ledger", ["generated", "odd", "unpaid"])
def test_the_core_answer_is_part_of_the_snapshot(
    ledger: str,
    terms: dict[str, object],
    request: pytest.FixtureRequest,
    make_settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    settings = make_settings(ledger=str(request.getfixturevalue(ledger)), **terms)
    asked = terms_of(settings, AS_OF)
    core, wide = tmp_path / "core.parquet", tmp_path / "wide.parquet"
    age_core(settings, asked, core)
    age_wide(settings, asked, wide)
    assert differences(core, wide) == []


def test_a_differing_answer_is_told_by_its_rows(
    odd: Path, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    core, other = tmp_path / "core.parquet", tmp_path / "other.parquet"
    settings = make_settings(ledger=str(odd))
    age_core(settings, terms_of(settings, AS_OF), core)
    stricter = make_settings(ledger=str(odd), grace_days=3)
    age_core(stricter, terms_of(stricter, AS_OF), other)
    assert any(line.startswith("only in ours: ('C") for line in differences(core, other))


def _odd_ledger() -> dict[str, Rows]:
    """Contracts that differ in one thing each; amounts of 100.00 due monthly, the last one in the future."""
    contracts, installments, payments, charges, holds = [], [], [], [], []

    def add(paid: Sequence[tuple[int, str]] = (), **contract: object) -> str:
        contract_id = f"C{len(contracts):04}"
        contracts.append(
            {
                "contract_id": contract_id,
                "customer_id": f"K{len(contracts) // 2:04}",
                "product": "auto",
                "originated_on": date(2026, 1, 1),
                "principal": Decimal("600.00"),
                "term_months": 12,
                **contract,
            }
        )
        installments.extend(
            {
                "contract_id": contract_id,
                "installment_no": number,
                "due_date": date(2026, number, 20),
                "amount_due": Decimal("100.00"),
            }
            for number in range(1, 13)
        )
        for days_ago, amount in paid:
            payments.append(
                {
                    "payment_id": f"P{len(payments):05}",
                    "contract_id": contract_id,
                    "value_date": AS_OF - timedelta(days=days_ago),
                    "amount": Decimal(amount),
                    "reversed_on": None,
                }
            )
        return contract_id

    for change in _CHANGES:
        add([(40, "850.00")], **change)
    # ten are due before the day: paid out, ahead, short by a cent, by materiality and by a cent more
    for amount in ("1000.00", "1000.01", "1300.00", "999.99", "995.00", "994.99", "990.00", "989.99", "885.00", "0.01"):
        add([(40, amount)])
    add()
    for days_ago in (-1, 0, 1):
        add([(days_ago, "300.00")])
    for reversed_ago in (-1, 0, 1):
        add([(60, "400.00"), (50, "300.00")])
        payments[-1]["reversed_on"] = AS_OF - timedelta(days=reversed_ago)
    for kind, days_ago in (("penalty", 31), ("late_fee", 31), ("late_fee", 0), ("late_fee", 1), ("penalty", -5)):
        contract_id = add([(40, "950.00")])
        for _ in range(2):
            charges.append(
                {
                    "charge_id": f"X{len(charges):03}",
                    "contract_id": contract_id,
                    "due_date": AS_OF - timedelta(days=days_ago),
                    "amount": Decimal("37.50"),
                    "kind": kind,
                }
            )
    for pauses in (
        [(60, None)],
        [(60, 30)],
        [(60, 30), (45, 10)],
        [(60, 10), (45, 30)],
        [(60, 50), (40, 30)],
        [(10, 20)],
        [(10, 10)],
        [(400, 380)],
        [(30, -30)],
        [(-5, None)],
        [(400, None), (20, 10)],
    ):
        contract_id = add([(100, "600.00")])
        for start, end in pauses:
            holds.append(
                {
                    "contract_id": contract_id,
                    "kind": "pause",
                    "start_date": AS_OF - timedelta(days=start),
                    "end_date": None if end is None else AS_OF - timedelta(days=end),
                }
            )
    holds.append({"contract_id": add(), "kind": "dispute", "start_date": date(2026, 1, 1), "end_date": None})
    # a contract without a schedule, and rows of contracts that nobody knows
    bare = add([(30, "10.00")])
    installments[:] = [row for row in installments if row["contract_id"] != bare]
    for table in (installments, charges, holds):
        table.append({**table[0], "contract_id": "UNKNOWN"})
    payments.append({**payments[0], "contract_id": "UNKNOWN", "payment_id": "PX"})
    return {
        "contracts": contracts,
        "installments": installments,
        "payments": payments,
        "charges": charges,
        "holds": holds,
    }


def _write(folder: Path, tables: dict[str, Rows]) -> None:
    folder.mkdir(parents=True)
    for name in TABLES:
        pq.write_table(contract_table(name, tables.get(name, ())), folder / f"{name}.parquet")

"""The recovery book: what working it brings into the day, what tells it, and what of the live book stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.decided_days import AS_OF, contract, decide, dues, payment, rows
from tests.support.ledgers import partition

from arrears.kpi.build import recovery_book
from arrears.run import Run, open_run
from arrears.settings import PROJECT, Settings, load_settings
from arrears.sqlmodel import fetch_model
from arrears.strategy import steps
from arrears.strategy.age_book import age_history
from arrears.strategy.explain import explain
from arrears.strategy.explain_text import Teller, as_text
from arrears.strategy.explain_words import LANGUAGES
from arrears.strategy.replay import replay

RULES = PROJECT / "include" / "rules"


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


LEDGER: dict[str, list[dict[str, Any]]] = {
    "contracts": [
        contract("LIVE"),
        contract("BOTH-LIVE", "K-BOTH"),
        contract("BOTH-LOSS", "K-BOTH", written_off_on=ago(20)),
        contract("LOSS", written_off_on=ago(2)),
        contract("TODAY", written_off_on=AS_OF),
        contract("SETTLED", written_off_on=ago(30)),
        contract("GONE", written_off_on=ago(30), closed_on=ago(1)),
        contract("STOP-LIVE", "K-STOP"),
        contract("STOP-LOSS", "K-STOP", written_off_on=ago(20)),
    ],
    "installments": rows(
        dues("LIVE", (ago(40), 1000)),
        dues("BOTH-LIVE", (ago(5), 1000)),
        dues("BOTH-LOSS", (ago(200), 40_000), (ago(100), 1000)),
        dues("LOSS", (ago(120), 1000), (ago(90), 1000)),
        dues("TODAY", (ago(100), 1000)),
        dues("SETTLED", (ago(100), 1000)),
        dues("GONE", (ago(100), 1000)),
        dues("STOP-LIVE", (ago(40), 1000)),
        dues("STOP-LOSS", (ago(100), 1000)),
    ),
    "payments": [payment("SETTLED", ago(10), 1000), payment("LOSS", ago(110), 1000)],
    "charges": [],
    "holds": [{"contract_id": "STOP-LOSS", "kind": "bankruptcy", "start_date": ago(5), "end_date": None}],
    "customers": [],
    "scores": [],
}
LIVE = {"LIVE", "BOTH-LIVE", "STOP-LIVE"}
RECOVERY = {"BOTH-LOSS", "LOSS", "TODAY", "STOP-LOSS"}
ROUTED = """\
    - {id: SEG15, when: written_off, then: {segment: recovery}}
    - {id: SEG2, """
TREATED = """\
    - id: TRE13
      when: segment = 'recovery'
      then: {treatment: agency_placement, intensity: 4, placement: agency, channels: agency, queue: agency}
    - id: TRE2A
"""


def worked(folder: Path) -> Path:
    """The shipped rules, with the recovery book worked by the agency: the change that docs/ageing.md shows."""
    rules = folder / "rules"
    shutil.copytree(RULES, rules)
    for file, changes in {
        "ageing.yaml": {"recovery_book: left": "recovery_book: worked"},
        "treatments.yaml": {"    - {id: SEG2, ": ROUTED, "    - id: TRE2A\n": TREATED},
    }.items():
        text = (rules / file).read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        (rules / file).write_text(text, encoding="utf-8")
    return rules


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    """The same ledger decided by the shipped rules, which leave the recovery book, and by rules that work it."""
    found = {}
    for book in ("left", "worked"):
        folder = tmp_path_factory.mktemp(book)
        rules = RULES if book == "left" else worked(folder)
        found[book] = load_settings({"home": folder / "home", "rules": rules, "clock": f"{AS_OF}T09:30:00"})
        with open_run(found[book], AS_OF) as run:
            assert [each["severity"] for each in steps.check_rules(run).figures["findings"]].count("warning") == 0
            decide(run, LEDGER)
    return found


@pytest.fixture
def open_day(days: dict[str, Settings]) -> Iterator[Callable[[str], Run]]:
    with ExitStack() as stack:
        yield lambda book: stack.enter_context(open_run(days[book], AS_OF))


def by_contract(run: Run, table: str) -> dict[str, dict[str, Any]]:
    return {row["contract_id"]: row for row in partition(run, table)}


def test_what_is_in_the_snapshot(open_day: Callable[[str], Run]) -> None:
    left, with_recovery = (by_contract(open_day(book), "snapshot") for book in ("left", "worked"))
    assert set(left) == LIVE
    assert set(with_recovery) == LIVE | RECOVERY
    assert {key for key, row in with_recovery.items() if row["written_off"]} == RECOVERY
    assert {key: with_recovery[key] for key in LIVE} == left
    # it ages on by its schedule, and the write-off does not begin a new spell
    loss = with_recovery["LOSS"]
    assert (loss["days_past_due"], loss["spell_entered_on"], loss["repeated"]) == (90, ago(89), True)


def test_rules_route_it_and_the_case_has_both(open_day: Callable[[str], Run]) -> None:
    run = open_day("worked")
    treated = by_contract(run, "treatment")
    assert {key for key, row in treated.items() if row["segment"] == "recovery"} == RECOVERY - {"STOP-LOSS"}
    assert {treated[key]["queue"] for key in RECOVERY - {"STOP-LOSS"}} == {"agency"}
    cases = {row["customer_id"]: row for row in partition(run, "cases")}
    both = cases["K-BOTH"]
    assert (both["contract_ids"], both["lead_contract_id"]) == ("BOTH-LIVE,BOTH-LOSS", "BOTH-LOSS")
    assert (both["overdue_amount"], both["entered_on"]) == (Decimal(42_000), ago(199))
    left = {row["customer_id"]: row for row in partition(open_day("left"), "cases")}
    assert set(left) == {"K-LIVE", "K-BOTH", "K-STOP"}
    assert set(cases) - set(left) == {"K-LOSS", "K-TODAY"}
    assert left["K-BOTH"]["contract_ids"] == "BOTH-LIVE"


def test_a_hold_on_a_worked_one_stops_the_customer(open_day: Callable[[str], Run]) -> None:
    held = {book: by_contract(open_day(book), "treatment")["STOP-LIVE"]["held"] for book in ("left", "worked")}
    assert held == {"left": False, "worked": True}


def test_the_day_counts_the_two_books_apart(days: dict[str, Settings], tmp_path: Path) -> None:
    figures = {}
    for book, settings in days.items():
        home = tmp_path / book
        shutil.copytree(settings.home, home)
        with open_run(settings.model_copy(update={"home": home}), AS_OF) as run:
            figures[book] = steps.age_contracts(run).figures
    assert (figures["worked"].pop("recovery"), figures["worked"]["live"]) == (len(RECOVERY), len(LIVE))
    assert figures["worked"].pop("parameters") != figures["left"].pop("parameters")
    assert figures["worked"] == figures["left"]


def test_the_history_goes_on_and_that_of_the_live_book_ends(open_day: Callable[[str], Run]) -> None:
    run = open_day("worked")
    age_history(run)
    spells = {row["contract_id"]: row for row in partition(run, "spells")}
    assert (spells["TODAY"]["exited_on"], spells["TODAY"]["exited_as"]) == (None, None)
    assert (spells["SETTLED"]["exited_on"], spells["SETTLED"]["exited_as"]) == (ago(10), "cured")
    assert (spells["GONE"]["exited_on"], spells["GONE"]["exited_as"]) == (ago(1), "closed")
    age_history(run, live_only=True)
    live = {table: partition(run, table) for table in ("bucket_history", "spells")}
    left = open_day("left")
    age_history(left)
    assert live == {table: partition(left, table) for table in live}
    assert {row["exited_as"] for row in live["spells"] if row["contract_id"] in RECOVERY} == {"cured", "written_off"}


def test_the_figures_of_the_live_book_stay(open_day: Callable[[str], Run]) -> None:
    found = {}
    for book in ("left", "worked"):
        run = open_day(book)
        relations = {"recovery_book": recovery_book(run.lake.files("snapshot", run.day))}
        assert relations["recovery_book"].num_rows == (0 if book == "left" else len(RECOVERY))
        relations["live_book"] = fetch_model(run, "kpi/live_book", relations=relations)
        params = {"basis": "frozen", "rule_set_hash": "one"}
        found[book] = {
            model: fetch_model(run, f"kpi/{model}", params=params, relations=relations).to_pylist()
            for model in ("portfolio_day", "loan_daily", "run_day")
        }
    for each in found.values():
        # cases are of both books
        each["run_day"][0].pop("cases")
        each["run_day"][0].pop("working_cases")
    # a hold on a contract stops its customer's treatment; what the book counts as held are the contracts themselves
    assert found["worked"] == found["left"]
    assert sum(row["contracts"] for row in found["left"]["portfolio_day"]) == len(LIVE)


def test_what_a_worked_one_pays_is_its_collectors(open_day: Callable[[str], Run]) -> None:
    run = open_day("worked")
    paid = pa.Table.from_pylist([payment("LOSS", AS_OF, 400)], schema=run.lake.read("payments", run.day).schema)
    text, day = pa.string(), pa.date32()
    assignment = {"as_of": day, "customer_id": text, "queue": text, "collector_id": text}
    intervals = {
        "customer_id": text,
        "case_id": pa.int64(),
        "interval_no": pa.int32(),
        "collector_id": text,
        "source": text,
        "began_on": day,
        "ended_on": day,
        "end_reason": text,
    }
    relations = {
        "payments": paid,
        "closing_days": pa.table({"as_of": pa.array([AS_OF], day)}),
        "assignment": pa.Table.from_pylist(
            [{"as_of": AS_OF, "customer_id": "K-LOSS", "queue": "agency", "collector_id": "ann"}],
            schema=pa.schema(assignment),
        ),
        "intervals": pa.schema(intervals).empty_table(),
        "contact_attempts": pa.schema({"as_of": day, "customer_id": text}).empty_table(),
    }
    (credit,) = fetch_model(run, "kpi/case_credit", relations=relations).to_pylist()
    assert (credit["collector_id"], credit["recovered_amount"], credit["overdue_amount"]) == ("ann", 400, 1000)


@pytest.mark.parametrize(
    ("customer", "book", "reason"),
    [
        ("K-LOSS", "left", "written_off"),
        ("K-LOSS", "worked", None),
        ("K-SETTLED", "left", "written_off"),
        ("K-SETTLED", "worked", "cured"),
        ("K-GONE", "left", "written_off"),
        ("K-GONE", "worked", "contracts_closed"),
        ("K-STOP", "left", None),
        ("K-STOP", "worked", "held"),
    ],
)
def test_why_a_case_is_closed(open_day: Callable[[str], Run], customer: str, book: str, reason: str | None) -> None:
    open_case = pa.table({"customer_id": [customer]})
    found = fetch_model(
        open_day(book),
        "allocation/case_end",
        params={"recovery_worked": book == "worked"},
        relations={"open_case": open_case},
    ).to_pylist()
    assert [row["close_reason"] for row in found] == ([] if reason is None else [reason])


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_explanation_names_it(days: dict[str, Settings], language: Any) -> None:
    explanation = explain(days["worked"], "LOSS", AS_OF)
    assert explanation.status == "decided"
    assert [(each.code, each.values) for each in explanation.reasons] == [("recovery", {"day": ago(2)})]
    assert Teller(language).reason(explanation.reasons[0]) in as_text(explanation, language)
    assert explanation.ledger is not None
    assert [(each.entered_on, each.exited_on) for each in explanation.ledger.spells] == [
        (ago(119), ago(110)),
        (ago(89), None),
    ]
    assert explanation.ageing is not None
    assert explanation.ageing.agrees
    assert not explanation.warnings
    for book, code in (("worked", "settled"), ("left", "written_off")):
        gone = explain(days[book], "SETTLED", AS_OF)
        assert [each.code for each in gone.reasons] == [code]
        assert Teller(language).reason(gone.reasons[0]) in as_text(gone, language)
    assert not explain(days["worked"], "LIVE", AS_OF).reasons


@pytest.mark.parametrize("book", ["left", "worked"])
def test_a_replay_gives_the_same(days: dict[str, Settings], book: str) -> None:
    again = replay(days[book], AS_OF)
    assert again.same
    assert not again.changed_models

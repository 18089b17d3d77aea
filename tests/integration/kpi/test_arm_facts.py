"""What becomes of the cases of an experiment: by example, and against a slow judge over generated ledgers."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from tests.support.ledgers import partition, publish_ledger
from tests.support.naive_ageing import Contract, Due, Payment, Terms, age
from tests.support.rule_folders import edit_rule_file

from arrears.day import BusinessDay
from arrears.kpi.arms import arm_inputs, build_arms
from arrears.kpi.facts import windows
from arrears.run import Run
from arrears.settings import PROJECT
from arrears.sqlmodel import run_model
from arrears.strategy.experiment_arms import arm_of
from arrears.strategy.experiment_rules import Experiments

FROM = date(2026, 1, 10)
AS_OF = date(2026, 4, 30)
LAST = AS_OF - timedelta(days=1)
DAYS = 30
DECLARED = f"""\
experiments:
  - name: trial
    hypothesis: It helps.
    owner: strategy
    reason: To know.
    arms: {{champion: As before., challenger: Otherwise.}}
    shares:
      - {{valid_from: {FROM}, champion: 0.5, challenger: 0.3}}
      - {{valid_from: 2026-02-15, champion: 0.5, challenger: 0.5}}
    metric: cure
    within_days: {DAYS}
    baseline: 0.5
    minimum_effect: 0.2
"""
ASSIGNED = pa.schema(
    {
        "as_of": pa.date32(),
        "customer_id": pa.string(),
        "case_entered_on": pa.date32(),
        "experiment": pa.string(),
        "arm": pa.string(),
        "shares_from": pa.date32(),
    }
)
Row = dict[str, Any]


@pytest.fixture
def arms_of(make_run: Callable[..., Any], tmp_path: Path, pg_url: str) -> Callable[..., dict[str, list[Row]]]:
    """Builds the facts of arms from a ledger, after the frozen runs that gave these arms on these days."""

    @contextmanager
    def opened(declared: str, recovery_book: str) -> Iterator[Run]:
        rules = tmp_path / "rules"
        shutil.copytree(PROJECT / "include" / "rules", rules, dirs_exist_ok=True)
        (rules / "experiments.yaml").write_text(declared, encoding="utf-8")
        edit_rule_file(rules / "ageing.yaml", "recovery_book: left", f"recovery_book: {recovery_book}")
        with make_run(AS_OF, rules=rules, warehouse_url=pg_url) as run:
            yield run

    def build(
        ledger: dict[str, Sequence[Row]],
        assigned: Sequence[Row] = (),
        declared: str = DECLARED,
        recovery_book: str = "left",
    ) -> dict[str, list[Row]]:
        with opened(declared, recovery_book) as run:
            publish_ledger(run, ledger)
            for day in sorted({row["as_of"] for row in assigned}):
                rows = [row for row in assigned if row["as_of"] == day]
                with run.lake.replace("experiment_arm", BusinessDay(day, "frozen")) as aside:
                    pq.write_table(pa.Table.from_pylist(rows, schema=ASSIGNED), aside)
            build_arms(run)
            relations, sources = arm_inputs(run)
            finished = {"closing_days": pa.table({"as_of": pa.array(windows(run).closing, pa.date32())})}
            for name, more in (("arm_result", {}), ("arm_day", finished)):
                run_model(
                    run,
                    f"kpi/{name}",
                    table=f"kpi/{name}",
                    params={"basis": run.day.basis},
                    relations={**relations, **more},
                    sources=sources,
                )
            return {
                name: partition(run, f"kpi/{name}")
                for name in ("arm_case", "arm_customer_day", "arm_result", "arm_day")
            }

    return build


def loan(key: str, customer: str, dues: Sequence[tuple[date, int]], **values: Any) -> dict[str, Sequence[Row]]:
    return {
        "contracts": [
            {
                "contract_id": key,
                "customer_id": customer,
                "product": "auto",
                "originated_on": date(2025, 1, 1),
                "principal": Decimal(1000),
                "term_months": 12,
                **values,
            }
        ],
        "installments": [
            {"contract_id": key, "installment_no": number, "due_date": due, "amount_due": Decimal(amount)}
            for number, (due, amount) in enumerate(dues, start=1)
        ],
    }


def paid(key: str, *payments: tuple[date, int] | tuple[date, int, date]) -> dict[str, Sequence[Row]]:
    return {
        "payments": [
            {
                "payment_id": f"{key}{number}",
                "contract_id": key,
                "value_date": each[0],
                "amount": Decimal(each[1]),
                "reversed_on": each[2] if len(each) > 2 else None,
            }
            for number, each in enumerate(payments)
        ]
    }


def book(*parts: dict[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    whole: dict[str, list[Row]] = {}
    for part in parts:
        for name, rows in part.items():
            whole.setdefault(name, []).extend(rows)
    return dict(whole)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def case(rows: dict[str, list[Row]], customer: str) -> Any:
    found = [
        tuple(row[name] for name in ("case_entered_on", "over_on", "cured_on", "rolled_on", "assigned"))
        for row in rows["arm_case"]
        if row["customer_id"] == customer
    ]
    return found[0] if len(found) == 1 else found


# every customer is in the champion's arm
ALL = DECLARED.replace("champion: 0.5, challenger: 0.3", "champion: 1, challenger: 0").replace(
    "champion: 0.5, challenger: 0.5", "champion: 1, challenger: 0"
)


def test_cases_end_roll_and_are_written_off(arms_of: Callable[..., dict[str, list[Row]]]) -> None:
    due = [(day("01-14"), 100)]
    rows = arms_of(
        book(
            loan("A", "cured", due), paid("A", (day("01-20"), 100)),
            loan("B", "rolled", due),
            loan("C", "part", due), paid("C", (day("01-20"), 99)),
            loan("D", "written_off", due, written_off_on=day("01-25")),
            loan("E", "closed", due, closed_on=day("01-25")),
            loan("F", "before", [(day("01-08"), 100)]), paid("F", (day("01-20"), 100)),
            loan("G", "first_day", [(day("01-09"), 100)]), paid("G", (day("01-11"), 100)),
            loan("H", "returned", due), paid("H", (day("01-16"), 100, day("01-18"))),
            loan("I1", "two", due), paid("I1", (day("01-20"), 100)),
            loan("I2", "two", [(day("01-19"), 50)]), paid("I2", (day("02-05"), 50)),
            loan("J1", "apart", due), paid("J1", (day("01-20"), 100)),
            loan("J2", "apart", [(day("01-20"), 50)]), paid("J2", (day("02-05"), 50)),
            loan("K", "yesterday", [(day("04-28"), 100)]),
            loan("L", "today", [(day("04-29"), 100)]),
        ),
        declared=ALL,
    )  # fmt: skip
    entry, rolls = day("01-15"), day("02-14")
    assert case(rows, "cured") == (entry, day("01-20"), day("01-20"), None, False)
    assert case(rows, "rolled") == (entry, None, None, rolls, False)
    assert case(rows, "part") == (entry, None, None, rolls, False)
    assert case(rows, "written_off") == (entry, day("01-25"), None, None, False)
    assert case(rows, "closed") == (entry, day("01-25"), day("01-25"), None, False)
    assert case(rows, "before") == []
    assert case(rows, "first_day") == (FROM, day("01-11"), day("01-11"), None, False)
    assert case(rows, "returned") == [
        (entry, day("01-16"), day("01-16"), None, False),
        (day("01-18"), None, None, rolls, False),
    ]
    assert case(rows, "two") == (entry, day("02-05"), day("02-05"), None, False)
    assert case(rows, "apart") == [
        (entry, day("01-20"), day("01-20"), None, False),
        (day("01-21"), day("02-05"), day("02-05"), None, False),
    ]
    assert case(rows, "yesterday") == (LAST, None, None, None, False)
    assert case(rows, "today") == []


def test_a_case_goes_on_where_the_recovery_book_is_worked(arms_of: Callable[..., dict[str, list[Row]]]) -> None:
    rows = arms_of(
        book(
            loan("A", "owes", [(day("01-14"), 100)], written_off_on=day("01-25")),
            loan("B", "pays", [(day("01-14"), 100)], written_off_on=day("01-25")), paid("B", (day("02-05"), 100)),
        ),
        declared=ALL,
        recovery_book="worked",
    )  # fmt: skip
    # it rolls on and is over when it is paid, which is no cure; what it pays counts
    assert case(rows, "owes") == (day("01-15"), None, None, day("02-14"), False)
    assert case(rows, "pays") == (day("01-15"), day("02-05"), None, None, False)
    assert [(row["on_day"], row["recovered_amount"]) for row in rows["arm_customer_day"]] == [(day("02-05"), 100)]


@pytest.mark.parametrize(
    ("entered", "over", "matured", "cured"),
    [
        # 30 days: what is over on the 30th day after entry counts, and a case counts once that day has passed
        ("01-15", "02-14", 1, 1),
        ("01-15", "02-15", 1, 0),
        ("03-30", None, 1, 0),
        ("03-31", None, 0, 0),
        ("03-31", "04-02", 0, 0),
    ],
)
def test_a_case_counts_once_its_days_have_passed(
    arms_of: Callable[..., dict[str, list[Row]]], entered: str, over: str | None, matured: int, cured: int
) -> None:
    payments = paid("A", (day(over), 100)) if over else {}
    ledger = book(loan("A", "K", [(day(entered) - timedelta(days=1), 100)]), payments)
    (row,) = [each for each in arms_of(ledger, declared=ALL)["arm_result"] if each["cases"]]
    names = ("cases", "matured_cases", "cured_cases", "rolled_cases", "recovered_amount")
    rolled = matured and not (over and cured)
    assert [int(row[name]) for name in names] == [1, matured, cured, int(bool(rolled)), 100 * cured]


def test_money_counts_from_entry_up_to_what_was_overdue(arms_of: Callable[..., dict[str, list[Row]]]) -> None:
    entry = day("01-15")
    rows = arms_of(
        book(
            loan("A", "K", [(day("01-14"), 100), (day("02-14"), 100), (day("03-14"), 100)]),
            paid(
                "A",
                (day("01-10"), 20),  # before the case
                (entry, 30),
                (day("01-20"), 500),  # 50 were overdue; the rest is ahead
                (day("01-21"), 40),
                (day("01-22"), 7, day("04-01")),  # returned since
            ),
            loan("B", "L", [(day("01-14"), 100)]),
            paid("B", (entry + timedelta(days=30), 60), (entry + timedelta(days=31), 40)),
            {
                "contact_results": [
                    {
                        "result_id": str(number),
                        "contract_id": "B",
                        "channel": "call",
                        "attempted_at": at,
                        "outcome": "no_answer",
                        "initiated_by": by,
                    }
                    for number, (at, by) in enumerate(
                        [
                            (pa.scalar("2026-01-14T23:59:59").cast(pa.timestamp("us")).as_py(), "lender"),
                            (pa.scalar("2026-01-15T00:00:00").cast(pa.timestamp("us")).as_py(), "lender"),
                            (pa.scalar("2026-02-14T20:00:00").cast(pa.timestamp("us")).as_py(), "lender"),
                            (pa.scalar("2026-02-14T20:01:00").cast(pa.timestamp("us")).as_py(), "customer"),
                            (pa.scalar("2026-02-15T08:00:00").cast(pa.timestamp("us")).as_py(), None),
                        ]
                    )
                ]
            },
        ),
        declared=ALL,
    )
    days = {(row["customer_id"], row["on_day"]): int(row["recovered_amount"]) for row in rows["arm_customer_day"]}
    assert {on: amount for (customer, on), amount in days.items() if customer == "K"} == {
        entry: 30,
        day("01-20"): 50,
        day("01-21"): 0,
    }
    (result,) = [row for row in rows["arm_result"] if row["cases"]]
    assert (int(result["recovered_amount"]), int(result["recovered_squares"])) == (80 + 60, 80**2 + 60**2)
    assert (result["contacts"], result["contact_squares"]) == (2, 4)


def test_what_the_days_own_runs_gave_stays(arms_of: Callable[..., dict[str, list[Row]]]) -> None:
    entry = day("01-15")
    due = [(day("01-14"), 100)]

    def given(customer: str, on: date, entered: date, arm: str = "challenger", experiment: str = "trial") -> Row:
        return {
            "as_of": on,
            "customer_id": customer,
            "case_entered_on": entered,
            "experiment": experiment,
            "arm": arm,
            "shares_from": FROM,
        }

    rows = arms_of(
        book(
            # paid on the very day: the ledger knows no day overdue, the morning's run did
            loan("A", "same_day", due), paid("A", (entry, 100)),
            loan("B", "moved", due),
            # a payment that was booked later moved the entry
            loan("C", "late", [*due, (day("01-19"), 100)]), paid("C", (day("01-14"), 100)),
            loan("D", "gone", due),
        ),
        assigned=[
            given("same_day", entry, entry),
            given("moved", entry, entry),
            given("moved", day("01-16"), entry, arm="champion"),
            given("late", entry, entry),
            given("late", day("01-21"), day("01-20"), arm="champion"),
            given("gone", entry, entry, experiment="another"),
        ],
        declared=ALL.replace("challenger: 0}", "challenger: 0.0}").replace("champion: 1,", "champion: 0.99,"),
    )  # fmt: skip
    assert case(rows, "same_day") == (entry, entry, entry, None, True)
    assert case(rows, "moved") == (entry, None, None, day("02-14"), True)
    assert case(rows, "late") == [
        (entry, entry, entry, None, True),
        (day("01-20"), None, None, day("02-19"), True),
    ]
    assert case(rows, "gone") == (entry, None, None, day("02-14"), False)
    given_arms = {(row["customer_id"], row["case_entered_on"]): row["arm"] for row in rows["arm_case"]}
    assert given_arms["moved", entry] == "challenger"
    assert given_arms["late", day("01-20")] == "champion"


def test_no_experiment_and_one_to_come_give_no_rows(arms_of: Callable[..., dict[str, list[Row]]]) -> None:
    ledger = loan("A", "K", [(day("01-14"), 100)])
    assert set(map(len, arms_of(ledger, declared="experiments: []\n").values())) == {0}
    later = DECLARED.replace(str(FROM), "2026-04-30").replace("2026-02-15", "2026-06-01")
    assert set(map(len, arms_of(ledger, declared=later).values())) == {0}


def _generated(seed: int) -> tuple[dict[str, Sequence[Row]], dict[str, list[tuple[Contract, Row]]]]:
    """A ledger of 80 customers, and the same for the judge."""
    chance = random.Random(seed)
    ledger: list[dict[str, Sequence[Row]]] = []
    judged: dict[str, list[tuple[Contract, Row]]] = {}
    for number in range(80):
        customer = f"K{number}"
        for each in range(chance.choice([1, 1, 2, 3])):
            key = f"{customer}C{each}"
            first = date(2025, 12, 1) + timedelta(days=chance.randrange(60))
            dues = [(first + timedelta(days=30 * month), chance.randrange(50, 150)) for month in range(5)]
            payments: list[Any] = []
            for due, amount in dues:
                kind = chance.random()
                if kind < 0.85:
                    on = due + timedelta(days=chance.choice([-3, 0, 0, 1, 2, 5, 20, 31, 45]))
                    payments.append((on, amount if kind < 0.7 else amount // 2 + 1))
                    if kind > 0.8:
                        payments[-1] = (*payments[-1], on + timedelta(days=chance.choice([-1, 0, 1, 6])))
            ends: Row = {}
            if chance.random() < 0.1:
                name = chance.choice(["closed_on", "written_off_on"])
                ends = {name: date(2026, 1, 20) + timedelta(days=chance.randrange(80))}
            ledger += [loan(key, customer, dues, **ends), paid(key, *payments)]
            contract = Contract(
                dues=[Due(due, Decimal(amount), number=n) for n, (due, amount) in enumerate(dues)],
                payments=[Payment(each[0], Decimal(each[1]), each[2] if len(each) > 2 else None) for each in payments],
            )
            judged.setdefault(customer, []).append((contract, ends))
    return book(*ledger), judged


def _judged_cases(contracts: list[tuple[Contract, Row]]) -> list[tuple[date, date | None, date | None, date | None]]:
    """(entry, over, cured, rolled) of a customer's cases, day by day."""
    buckets: dict[date, int] = {}
    for contract, ends in contracts:
        for offset in range((LAST - date(2025, 11, 1)).days + 1):
            on = date(2025, 11, 1) + timedelta(days=offset)
            if any(end <= on for end in ends.values()):
                break
            aged = age(contract, on, Terms())
            if aged.days_past_due:
                buckets[on] = max(buckets.get(on, 0), min(7, -(-aged.delinquent_days // 30)))
    cases = []
    for on in sorted(buckets):
        if on - timedelta(days=1) in buckets:
            continue
        over = on
        while over in buckets:
            over += timedelta(days=1)
        higher = [each for each in buckets if on < each < over and buckets[each] > buckets[on]]
        over_on = None if over > LAST else over
        lost = over_on and any(on <= end <= over_on for _, ends in contracts for end in ends_of(ends, "written_off_on"))
        if on >= FROM:
            cases.append((on, over_on, None if lost else over_on, min(higher, default=None)))
    return cases


def ends_of(ends: Row, name: str) -> list[date]:
    return [ends[name]] if name in ends else []


def _judged_money(contracts: list[tuple[Contract, Row]], on: date) -> Decimal:
    """What the customer paid on a day, at most what was overdue when it began."""

    def counted(contract: Contract) -> list[Payment]:
        return [each for each in contract.payments if each.reversed_on is None or each.reversed_on > LAST]

    today = sum((p.amount for c, _ in contracts for p in counted(c) if p.value_date == on), Decimal(0))
    overdue = Decimal(0)
    for contract, _ in contracts:
        owed = sum((due.amount for due in contract.dues if due.due_date < on), Decimal(0))
        before = sum((each.amount for each in counted(contract) if each.value_date < on), Decimal(0))
        overdue += max(Decimal(0), owed - before)
    return min(today, overdue)


@pytest.mark.parametrize("seed", range(4))
def test_every_case_and_sum_is_what_the_judge_says(arms_of: Callable[..., dict[str, list[Row]]], seed: int) -> None:
    ledger, judged = _generated(seed)
    rows = arms_of(ledger)
    (trial,) = Experiments.model_validate(yaml.safe_load(DECLARED))
    expected = []
    totals: dict[tuple[date, str], list[Any]] = {}
    for customer, contracts in judged.items():
        for entered, over, cured, rolled in _judged_cases(contracts):
            arm = arm_of(trial, customer, entered)
            if arm == "none":
                continue
            shares = trial.shares_on(entered)
            assert shares is not None
            expected.append((customer, entered, arm, shares.valid_from, over, cured, rolled))
            last = entered + timedelta(days=DAYS)
            sums = totals.setdefault((shares.valid_from, arm), [0, 0, 0, 0, Decimal(0), Decimal(0)])
            sums[0] += 1
            if last < AS_OF:
                money = sum(
                    (_judged_money(contracts, entered + timedelta(days=n)) for n in range(DAYS + 1)), Decimal(0)
                )
                sums[1] += 1
                sums[2] += int(cured is not None and cured <= last)
                sums[3] += int(rolled is not None and rolled <= last)
                sums[4] += money
                sums[5] += money * money
    names = ("customer_id", "case_entered_on", "arm", "shares_from", "over_on", "cured_on", "rolled_on")
    got = [tuple(row[name] for name in names) for row in rows["arm_case"]]
    assert sorted(got, key=repr) == sorted(expected, key=repr)
    assert len(expected) > 40
    figures = ("cases", "matured_cases", "cured_cases", "rolled_cases", "recovered_amount", "recovered_squares")
    assert {(row["shares_from"], row["arm"]): [row[name] for name in figures] for row in rows["arm_result"]} == totals
    # the days add up: who entered, was over and paid on a day is in that day's row
    for row in rows["arm_day"]:
        own = [each for each in expected if each[2] == row["arm"]]
        live = [each for each in own if each[1] <= row["as_of"] and (each[4] is None or row["as_of"] <= each[4])]
        assert row["open_cases"] == len(live)
        assert row["entered_cases"] == sum(each[1] == row["as_of"] for each in own)
        assert row["cured_cases"] == sum(each[5] == row["as_of"] for each in own)
        assert row["rolled_cases"] == sum(each[6] == row["as_of"] for each in own)
        assert row["recovered_amount"] == sum(
            (_judged_money(judged[each[0]], row["as_of"]) for each in live), Decimal(0)
        )
    assert {row["as_of"] for row in rows["arm_day"]} == {AS_OF - timedelta(days=n) for n in range(1, 8)}

"""What an explanation says of worked contracts: figures, edges, near misses, and why there is no decision."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp
from tests.support.decided_days import (
    AS_OF,
    contract,
    decide,
    decide_published,
    dues,
    lender_tables,
    payment,
    rows,
    score,
)

from arrears.errors import LakeError, NotPublishedError, RulesError
from arrears.rules.conditions import parse_condition
from arrears.rules.policy import Verdict
from arrears.run import Run, open_run
from arrears.settings import Settings, load_settings
from arrears.strategy.compile import load_strategy
from arrears.strategy.explain import explain
from arrears.strategy.explain_rules import full_vocabulary
from arrears.strategy.explain_text import Teller, as_text
from arrears.strategy.explain_words import LANGUAGES, SAID
from arrears.strategy.explanation import Explanation, RuleView, TableView


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


SECRETS = {"name": "SECRET-NAME", "phone": "SECRET-PHONE", "email": "SECRET-EMAIL"}
LEDGER: dict[str, list[dict[str, Any]]] = {
    "contracts": [
        contract("DAY30"),
        contract("DAY31"),
        contract("CENT"),
        contract("SMALL"),
        contract("REPEATED"),
        contract("HELD"),
        contract("PAUSED"),
        contract("MILD", "K-BOTH"),
        contract("HARSH", "K-BOTH"),
        contract("PAID"),
        contract("CLOSED", closed_on=ago(3)),
        contract("LOSS", written_off_on=ago(2)),
        contract("TOMORROW", originated_on=AS_OF + timedelta(days=1)),
    ],
    "installments": rows(
        dues("DAY30", (ago(60), 1000), (ago(30), 1000)),
        dues("DAY31", (ago(61), 1000), (ago(31), 1000), (AS_OF, 1000)),
        dues("CENT", (ago(10), "49999.99")),
        dues("SMALL", (ago(10), 4000), (AS_OF, 100_000)),
        dues("REPEATED", (ago(100), 1000), (ago(20), 1000)),
        dues("HELD", (ago(40), 1000)),
        dues("PAUSED", (ago(40), 1000)),
        dues("MILD", (ago(5), 1000)),
        dues("HARSH", (ago(100), 60_000)),
        dues("PAID", (ago(10), 1000)),
        dues("CLOSED", (ago(10), 1000)),
        dues("LOSS", (ago(10), 1000)),
    ),
    "payments": [
        payment("DAY30", ago(60), 1000),
        payment("DAY31", ago(61), 1000),
        payment("DAY31", ago(31), 1000, returned=ago(29)),
        payment("REPEATED", ago(90), 1000),
        payment("PAID", ago(10), 1000),
    ],
    "charges": [],
    "holds": [
        {"contract_id": "HELD", "kind": "dispute", "start_date": ago(5), "end_date": None},
        {"contract_id": "PAUSED", "kind": "pause", "start_date": ago(40), "end_date": ago(25)},
    ],
    "customers": [{"customer_id": "K-DAY31", "birth_date": date(1980, 5, 17), "housing": "rented", **SECRETS}],
    "scores": [score("DAY31", "collection", 400, ago(3)), score("DAY31", "lost_contact", 700, ago(3))],
}


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake in which the ledger above was decided."""
    home = tmp_path_factory.mktemp("explained")
    settings = load_settings({"home": home, "duckdb_memory": "1GB", "clock": f"{AS_OF}T09:30:00"})
    with open_run(settings, AS_OF) as run:
        decide(run, LEDGER)
    return settings


def told(settings: Settings, contract_id: str) -> Explanation:
    return explain(settings, contract_id, AS_OF)


def sentences(settings: Settings, contract_id: str, language: Any = "en") -> str:
    return " ".join(Teller(language).ageing(told(settings, contract_id)))


def table(explanation: Explanation, name: str) -> TableView:
    return next(each for each in explanation.tables if each.name == name)


def rule(explanation: Explanation, table_name: str, rule_id: str) -> RuleView:
    return next(each for each in table(explanation, table_name).rules if each.id == rule_id)


# ---- from the ledger to the days


def test_day_30_is_the_last_of_its_bucket(decided: Settings) -> None:
    said = sentences(decided, "DAY30")
    assert "Days past due = 2026-11-20 − 2026-10-21 = 30." in said
    assert "Bucket M1, class low: 1 to 30 delinquent days. Day 30 is its last: a day more is M2." in said


def test_day_31_is_the_first_of_the_next(decided: Settings) -> None:
    said = sentences(decided, "DAY31")
    assert "Delinquent days = 31 − 0 grace − 0 paused = 31." in said
    assert "Bucket M2, class mid: 31 to 60 delinquent days. Day 31 is its first: a day less is M1." in said


def test_a_returned_payment_is_shown_as_such(decided: Settings) -> None:
    explanation = told(decided, "DAY31")
    assert explanation.ledger is not None
    assert [(each.amount, each.counts, each.reversed_on) for each in explanation.ledger.payments] == [
        (Decimal(1000), True, None),
        (Decimal(1000), False, ago(29)),
    ]
    assert "returned on 2026-10-22: does not count" in as_text(explanation, "en")
    assert [(each.met, each.due, each.oldest, each.bucket) for each in explanation.ledger.items] == [
        (True, True, False, None),
        (False, True, True, "M2"),
        (False, False, False, None),
    ]


def test_the_earlier_spell_is_named(decided: Settings) -> None:
    assert "In arrears since 2026-11-01. Repeated: the spell from 2026-08-13 until 2026-08-22 outlasted the grace." in (
        sentences(decided, "REPEATED")
    )
    assert "First delinquency" in sentences(decided, "CENT")


def test_paused_days_are_taken_off(decided: Settings) -> None:
    assert "Delinquent days = 40 − 0 grace − 15 paused = 25." in sentences(decided, "PAUSED")
    assert "Bucket M1" in sentences(decided, "PAUSED")


def test_grace_and_materiality_of_the_day_are_told(make_run: Any) -> None:
    with make_run(AS_OF, grace_days=45, materiality="10%,5.00") as run:
        decide(run, LEDGER)
        home = run.settings.home
    # whoever asks later has other settings
    explanation = explain(load_settings({"home": home, "duckdb_memory": "1GB"}), "DAY31", AS_OF)
    said = " ".join(Teller("en").ageing(explanation))
    assert "Delinquent days = 31 − 45 grace − 0 paused = 0 (not below 0)." in said
    assert "An item counts as met when at most 10 % of it or 5.00 is unpaid" in said
    assert [each.code for each in explanation.reasons] == ["in_grace"]
    assert table(explanation, "segment").matched == ("SEG2",)
    assert explanation.warnings == ()


# ---- rules


def test_the_rule_that_decided_is_shown_with_what_it_saw(decided: Settings) -> None:
    explanation = told(decided, "DAY31")
    score_view = rule(explanation, "score", "SCO1")
    assert score_view.outcome == "decides"
    assert {each.word: each.value for each in score_view.seen} == {
        "collection_band": "low",
        "lost_contact_band": "high",
    }
    assert table(explanation, "score").result == {"score_view": "agency"}


def test_scores_are_told_with_their_model(decided: Settings) -> None:
    said = list(Teller("en").scores(told(decided, "DAY31")))
    assert said == [
        "collection: 400.0, low; by the model collection",
        "lost_contact: 700.0, high; by the model lost_contact",
        "roll_rate: none that is fresh enough, unknown",
    ]


def test_a_cent_short_of_a_threshold_is_a_near_miss(decided: Settings) -> None:
    explanation = told(decided, "CENT")
    near = rule(explanation, "balance", "BAL1")
    assert (near.outcome, near.after_decision) == ("near", False)
    assert Teller("en").near(near) == (
        "fails: overdue_amount >= 50000; needs overdue_amount of at least 50000 (0.01 away)"
    )
    assert Teller("zh").near(near) == "不成立：overdue_amount >= 50000; 需要 overdue_amount ≥ 50000（相差 0.01）"


def test_a_near_miss_behind_the_decision_says_that_it_changes_nothing(decided: Settings) -> None:
    explanation = told(decided, "DAY31")
    near = rule(explanation, "segment", "SEG11")
    assert (near.outcome, near.after_decision) == ("near", True)
    assert [each.text for each in near.conjuncts if not each.holds] == ["class = 'high'"]


def test_a_rule_of_one_part_without_a_distance_is_no_near_miss(decided: Settings) -> None:
    treatment = table(told(decided, "DAY31"), "treatment")
    assert "TRE11" not in [each.id for each in treatment.of("near")], "another segment is not near"


def test_alternatives_are_all_told(decided: Settings) -> None:
    near = rule(told(decided, "SMALL"), "balance", "BAL5")
    assert near.outcome == "near"
    assert Teller("en").near(near).endswith("needs repeated = true or overdue_share of at least 0.20 (0.1615 away)")


def test_points_add_up_with_floor_and_cap(decided: Settings) -> None:
    points = table(told(decided, "DAY31"), "profile_points")
    assert [each.id for each in points.of("adds")] == ["PRO2"]
    assert Teller("en").summed(points).startswith("they add up to 1, not below 0, not above 3")


def test_a_missing_value_is_unknown_not_false(decided: Settings) -> None:
    employed = rule(told(decided, "DAY31"), "profile_points", "PRO1")
    assert [each.holds for each in employed.conjuncts] == [None]
    assert {each.word: each.value for each in employed.seen} == {"years_employed": None}


def test_places_are_the_lines_of_the_kept_files(decided: Settings) -> None:
    explanation = told(decided, "DAY31")
    kept = decided.lake_root / "_rules" / str(explanation.versions.rule_set_hash)
    for each in explanation.tables:
        for view in each.rules:
            file, _, line = view.place.partition(":")
            assert view.id in (kept / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_policy_verdicts_carry_their_approval(decided: Settings) -> None:
    views = {(each.rule, each.attribute): each for each in told(decided, "DAY31").policy}
    assert (views["PRO2", "housing"].verdict, views["PRO2", "housing"].approved_by) == ("review", "head of strategy")
    assert views["SCO1", "scores"].verdict == "allow"


def test_an_attribute_that_may_only_soften_is_told_as_such(make_run: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(load_settings().rules, rules)
    for file, old, new in (
        ("rule_set.yaml", "policy: cn", "policy: us_reg_f"),
        ("profile.yaml", "when: age_years >= 40 and overdue_amount >= 8000", "when: age_years >= 40"),
        (
            "profile.yaml",
            "then: {profile_points: 1}\n      approval: {role: head of strategy, approved_on: 2026-01-15, "
            "reason: Observed risk at the same amount is higher than at 30 to 35.}",
            "then: {profile_points: -1}",
        ),
    ):
        text = (rules / file).read_text(encoding="utf-8")
        assert old in text
        (rules / file).write_text(text.replace(old, new), encoding="utf-8")
    with make_run(AS_OF, rules=rules) as run:
        decide(run, LEDGER)
        explanation = told(run.settings, "DAY31")
    assert ("PRO3", "age", "soften") in {(each.rule, each.attribute, each.verdict) for each in explanation.policy}
    assert "PRO3 reads age (age_years): allowed to soften only\n" in as_text(explanation, "en")
    assert "PRO3 读取 age（age_years）：只可用于减轻\n" in as_text(explanation, "zh")


def test_planned_contacts_are_told_in_the_lenders_hours(make_run: Any) -> None:
    row = {
        "customer_id": "K-DAY31",
        "slot": "morning",
        "channel": "dialer",
        "window_opens_at": datetime(2026, 11, 20, 1, tzinfo=UTC),
        "window_closes_at": datetime(2026, 11, 20, 4, tzinfo=UTC),
        "verdict": "planned",
        "verdict_rule": None,
        "verdict_reason": None,
    }
    with make_run(AS_OF) as run:
        decide(run, LEDGER)
        path = run.lake.path("contact_plan", run.day)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row]), path)
        explanation = told(run.settings, "DAY31")
    assert "  morning dialer 09:00–12:00 (UTC+08:00): planned\n" in as_text(explanation, "en")
    assert '"window_opens_at":"2026-11-20T09:00:00+08:00"' in explanation.model_dump_json()


def test_every_verdict_has_its_word() -> None:
    assert set(get_args(Verdict)) <= set(SAID)


# ---- the case


def test_the_harshest_contract_leads_and_says_why(decided: Settings) -> None:
    explanation = told(decided, "MILD")
    assert explanation.case is not None
    assert explanation.case.lead_contract_id == "HARSH"
    assert [each.contract_id for each in explanation.case.contracts] == ["HARSH", "MILD"]
    assert "It is ahead of the next one in intensity." in as_text(explanation, "en")
    assert told(decided, "DAY30").case is not None


# ---- no decision


@pytest.mark.parametrize(
    ("contract_id", "status", "code"),
    [
        ("PAID", "current", "current"),
        ("CLOSED", "not_in_book", "closed"),
        ("LOSS", "not_in_book", "written_off"),
        ("TOMORROW", "not_in_book", "not_disbursed"),
        ("HELD", "decided", "held"),
    ],
)
def test_why_nothing_is_done(decided: Settings, contract_id: str, status: str, code: str) -> None:
    explanation = told(decided, contract_id)
    assert explanation.status == status
    assert [each.code for each in explanation.reasons] == [code]
    for language in LANGUAGES:
        assert Teller(language).reason(explanation.reasons[0]) in as_text(explanation, language)


def test_what_is_unpaid_within_the_materiality_is_current(make_run: Any) -> None:
    tables = {**LEDGER, "payments": [payment("DAY30", ago(60), 1995)]}
    with make_run(AS_OF, materiality="10.00") as run:
        decide(run, tables)
        explanation = explain(run.settings, "DAY30", AS_OF)
    assert (explanation.status, [each.code for each in explanation.reasons]) == ("current", ["immaterial"])


def test_a_quarantined_contract_says_by_which_rule(make_run: Any) -> None:
    with make_run(AS_OF) as run:
        decide(run, LEDGER)
        quarantine = duckdb.sql(
            "SELECT 'contracts_insane_dates' AS rule_id, 'blocking' AS severity, 'contracts' AS table_name, "
            "1 AS row_number, 'contract_id=BAD' AS key, 'BAD' AS contract_id, 'ends before it began' AS reason"
        )
        with run.lake.replace("quarantine", run.day) as aside:
            pq.write_table(quarantine.to_arrow_table(), aside)
        explanation = explain(run.settings, "BAD", AS_OF)
    assert explanation.status == "quarantined"
    assert "contracts_insane_dates (blocking) ends before it began" in as_text(explanation, "en")


def test_an_unknown_contract_is_not_repeated_in_the_error(decided: Settings) -> None:
    with pytest.raises(LakeError, match="none of this id among 13 contracts") as error:
        told(decided, "+86 138 0000 0000")
    assert "138" not in str(error.value)


def test_a_day_that_was_not_run_names_the_last_one_that_was(decided: Settings) -> None:
    with pytest.raises(NotPublishedError, match="the last day before it that was run is 2026-11-20"):
        explain(decided, "DAY31", AS_OF + timedelta(days=1))
    with pytest.raises(NotPublishedError, match="restated"):
        explain(decided, "DAY31", AS_OF, "restated")


def test_a_missing_partition_and_missing_rules_are_named(make_run: Any) -> None:
    with make_run(AS_OF) as run:
        decide(run, LEDGER)
        shutil.rmtree(run.lake.root / "_rules")
        with pytest.raises(RulesError, match="none under this hash"):
            told(run.settings, "DAY31")
        run.lake.path("decision", run.day).unlink()
        with pytest.raises(LakeError, match="a partition of decision"):
            told(run.settings, "DAY31")


# ---- as it was decided, and for whom


def test_rules_edited_since_do_not_change_what_is_told(make_run: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(load_settings().rules, rules)
    with make_run(AS_OF, rules=rules) as run:
        decide(run, LEDGER)
        before = told(run.settings, "CENT")
        balance = rules / "balance.yaml"
        balance.write_text(balance.read_text(encoding="utf-8").replace(">= 50000", ">= 1"), encoding="utf-8")
        assert told(run.settings, "CENT") == before


def test_nothing_personal_is_told_but_what_rules_read(decided: Settings) -> None:
    explanation = told(decided, "DAY31")
    everything = explanation.model_dump_json() + as_text(explanation, "en") + as_text(explanation, "zh")
    for secret in (*SECRETS.values(), "1980-05-17"):
        assert secret not in everything
    assert "rented" in everything


def test_both_languages_say_everything() -> None:
    for code, said in SAID.items():
        placeholders = [set(re.findall(r"{(\w+)}", each)) for each in said]
        assert placeholders[0] == placeholders[1], code
        assert all(said), code


GOLDEN = """\
Contract REPEATED on 2026-11-20 (frozen)
treatment reminder, intensity 1, queue reminder, priority 15

From the ledger to the days past due
  Due before the day 2,000.00 CNY, paid by the day 1,000.00; overdue 1,000.00, outstanding in all 1,000.00.
  Oldest item that is not met: instalment 2, due 2026-10-31, 1,000.00 unpaid.
  Days past due = 2026-11-20 − 2026-10-31 = 20.
  Delinquent days = 20 − 0 grace − 0 paused = 20.
  Bucket M1, class low: 1 to 30 delinquent days.
  In arrears since 2026-11-01. Repeated: the spell from 2026-08-13 until 2026-08-22 outlasted the grace.
  Items due:
    2026-08-12  instalment 1  1,000.00  Paid 1,000.00  Unpaid 0.00  met
    2026-10-31  instalment 2  1,000.00  Paid 0.00  Unpaid 1,000.00  not met, the oldest  (20 days, M1)
  Payments:
    2026-08-22  1,000.00  counts
  Spells of arrears:
    from 2026-08-13  until 2026-08-22  outlasted the grace
    from 2026-11-01  not over  outlasted the grace
"""


def test_the_whole_text_of_a_contract(decided: Settings) -> None:
    assert as_text(told(decided, "REPEATED"), "en").startswith(GOLDEN)


# ---- over a whole lender


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    home = tmp_path_factory.mktemp("explained-lender")
    settings = load_settings({"home": home, "duckdb_memory": "1GB", "clock": f"{AS_OF}T09:30:00"})
    with open_run(settings, AS_OF) as run:
        decide(run, lender_tables(home / "ledger", contracts=1_000))
        yield run


def test_explanations_agree_with_every_row(lender: Run) -> None:
    """The rules told are the ids on the row, and each printed condition holds of the printed values."""
    strategy = load_strategy(lender.rules)
    vocabulary = full_vocabulary(strategy)
    decisions = lender.lake.read("decision", lender.day).to_pylist()
    assert len(decisions) > 40
    for row in decisions:
        explanation = told(lender.settings, row["contract_id"])
        assert explanation.warnings == (), row["contract_id"]
        for each in explanation.tables:
            ids = [rule.id for rule in each.of("decides", "adds")]
            stored = row[f"{each.name}_rule"]
            assert ",".join(ids) == ("" if stored == "default" else stored)
            for view in each.rules:
                values = {seen.word: seen.value for seen in view.seen}
                condition = said_of(parse_condition(view.when, vocabulary), values)
                ((holds,),) = duckdb.sql(exp.select(condition).sql(dialect="duckdb")).fetchall()
                assert (holds is True) == (view.outcome in ("decides", "adds", "holds")), view.when


def said_of(condition: exp.Expr, values: dict[str, Any]) -> exp.Expr:
    """The condition with the values that were told in the place of its words."""
    return condition.transform(lambda node: exp.convert(values[node.name]) if isinstance(node, exp.Column) else node)


def test_every_contract_of_the_ledger_can_be_explained(lender: Run) -> None:
    contracts = lender.lake.read("contracts", lender.day, ["contract_id"])["contract_id"].to_pylist()[::29]
    for contract_id in contracts:
        explanation = told(lender.settings, contract_id)
        assert explanation.warnings == ()
        for language in LANGUAGES:
            assert contract_id in as_text(explanation, language)


def test_a_second_run_is_explained_the_same(lender: Run) -> None:
    (first, *_) = lender.lake.read("treatment", lender.day, ["contract_id"])["contract_id"].to_pylist()
    before = told(lender.settings, first)
    decide_published(lender)
    assert told(lender.settings, first) == before

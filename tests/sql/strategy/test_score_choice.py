"""Which score decides: of the stage's own model while new enough, then what scores.yaml names, then a band or none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.ledgers import partition, publish_ledger
from tests.support.rule_folders import copy_rules

from arrears.run import Run
from arrears.strategy.steps import age_contracts, apply_rules, publish_treatments, tier_balances

AS_OF = date(2026, 11, 20)
MODELS = """
- role: collection
  stage: M0M1
  model: collection
  max_age_days: 30
  instead:
    - {model: collection, of_stage: M1M4, max_age_days: 30}
    - {model: bureau, max_age_days: 90, bands: [{band: low, from_score: 0}, {band: high, from_score: 0.5}]}
  otherwise: medium
- {role: collection, stage: M1M4, model: collection, max_age_days: 30}
- {role: collection, stage: M4+, model: collection, max_age_days: 30}
"""
RunMaker = Callable[..., AbstractContextManager[Run]]


@pytest.fixture
def decide(make_run: RunMaker, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The treatment of one contract that is some days past due, with the scores given as (model, stage, age, score)."""
    rules = copy_rules(tmp_path / "rules")
    content = yaml.safe_load((rules / "scores.yaml").read_text(encoding="utf-8"))
    content["models"] = yaml.safe_load(MODELS)
    (rules / "scores.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def made(*scores: tuple[str, str | None, int, float], days: int = 10, **customer: Any) -> dict[str, Any]:
        due = AS_OF - timedelta(days=days)
        with make_run(AS_OF, rules=rules) as run:
            publish_ledger(
                run,
                {
                    "contracts": [
                        {
                            "contract_id": "C1",
                            "customer_id": "K1",
                            "product": "auto",
                            "originated_on": date(2025, 1, 1),
                            "principal": 1000,
                            "term_months": 36,
                        }
                    ],
                    "installments": [
                        {
                            "contract_id": "C1",
                            "installment_no": 1,
                            "due_date": due,
                            "amount_due": 100,
                            "principal_due": 100,
                            "interest_due": 0,
                            "fee_due": 0,
                        }
                    ],
                    "customers": [{"customer_id": "K1", **customer}],
                    "scores": [
                        {
                            "contract_id": "C1",
                            "model": model,
                            "stage": stage,
                            "score": score,
                            "scored_on": AS_OF - timedelta(days=age),
                        }
                        for model, stage, age, score in scores
                    ],
                },
            )
            for step in (age_contracts, tier_balances, apply_rules, publish_treatments):
                step(run)
            (decision,) = partition(run, "decision")
            (treatment,) = partition(run, "treatment")
            assert treatment.items() <= decision.items()
            return decision

    return made


def served(decision: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(decision[f"collection_{name}"] for name in ("score", "model", "choice", "stand_in", "band"))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        # the stage's own model while its score is new enough: on and above the age
        ([("collection", "M0M1", 30, 700)], (700, "collection", 0, False, "high")),
        ([("collection", "M0M1", 31, 700)], (None, None, None, True, "medium")),
        # the newest one, and not one from after the day
        ([("collection", "M0M1", 5, 300), ("collection", "M0M1", 1, 700)], (700, "collection", 0, False, "high")),
        ([("collection", "M0M1", 1, 700), ("collection", "M0M1", -1, 300)], (700, "collection", 0, False, "high")),
        # one of the very stage before one for all stages, of the same day
        ([("collection", None, 1, 300), ("collection", "M0M1", 1, 700)], (700, "collection", 0, False, "high")),
        ([("collection", None, 1, 300)], (300, "collection", 0, False, "low")),
        # an old one of its own is no match for a new one of another stage, which stands in
        (
            [("collection", "M0M1", 31, 700), ("collection", "M1M4", 30, 600)],
            (600, "collection", 1, True, "medium"),
        ),
        # its own first, however much newer the stand-in is
        ([("collection", "M0M1", 30, 700), ("bureau", None, 0, 0.1)], (700, "collection", 0, False, "high")),
        # another model, with bands of its own scale: below, on and above the edge
        ([("bureau", None, 90, 0.49)], (0.49, "bureau", 2, True, "low")),
        ([("bureau", None, 90, 0.5)], (0.5, "bureau", 2, True, "high")),
        ([("bureau", "M0M1", 0, 0.51)], (0.51, "bureau", 2, True, "high")),
        ([("bureau", "M1M4", 0, 0.51)], (None, None, None, True, "medium")),
        ([("bureau", None, 91, 0.5)], (None, None, None, True, "medium")),
        # nothing at all: the band that the rules give
        ([], (None, None, None, True, "medium")),
        # the same contract, model, stage and day twice: the lower one, whatever the order of rows
        ([("collection", "M0M1", 1, 700), ("collection", "M0M1", 1, 300)], (300, "collection", 0, False, "low")),
        ([("collection", "M0M1", 1, 300), ("collection", "M0M1", 1, 700)], (300, "collection", 0, False, "low")),
    ],
)
def test_the_first_model_with_a_score_that_is_new_enough_serves(
    decide: Callable[..., dict[str, Any]],
    scores: list[tuple[str, str | None, int, float]],
    expected: tuple[Any, ...],
) -> None:
    assert served(decide(*scores)) == expected


def test_a_stage_without_a_stand_in_is_unknown(decide: Callable[..., dict[str, Any]]) -> None:
    decision = decide(("collection", "M1M4", 31, 700), days=45)
    assert decision["score_stage"] == "M1M4"
    assert served(decision) == (None, None, None, False, "unknown")


def test_a_role_without_models_is_unknown(decide: Callable[..., dict[str, Any]]) -> None:
    decision = decide(("roll_rate", "M0M1", 1, 700))
    assert (decision["roll_rate_score"], decision["roll_rate_band"], decision["roll_rate_stand_in"]) == (
        None,
        "unknown",
        False,
    )


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (date(1986, 11, 20), 40),
        (date(1986, 11, 21), 39),
        (AS_OF, 0),
        (AS_OF + timedelta(days=1), None),
        (date(2126, 1, 1), None),
        (None, None),
    ],
)
def test_a_birth_date_in_the_future_is_an_unknown_age(
    decide: Callable[..., dict[str, Any]], born: date | None, age: int | None
) -> None:
    assert decide(birth_date=born)["age_years"] == age

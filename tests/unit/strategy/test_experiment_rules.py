"""`experiments.yaml`: what may be declared, and what a wrong declaration is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.rules.files import parse_rules
from arrears.rules.policy import PolicyPack
from arrears.rules.rule_set import RuleSet, load_rule_set, overlay_rule_set
from arrears.rules.vocabulary import Vocabulary
from arrears.settings import PROJECT
from arrears.strategy.experiment_arms import experiments_of
from arrears.strategy.experiment_exclusions import check_exclusions, exclusion_conditions
from arrears.strategy.experiment_rules import Experiments

RULES = PROJECT / "include" / "rules"
DECLARED = """\
experiments:
  - name: first_call
    hypothesis: A call beside the text cures more.
    owner: strategy management
    reason: Texts alone cure little.
    arms:
      champion: SMS and e-mail.
      challenger: A call as well.
    shares:
      - {valid_from: 2026-01-01, champion: 0.9, challenger: 0.1}
      - {valid_from: 2026-06-01, champion: 0.8, challenger: 0.2}
    metric: cure
    within_days: 30
    baseline: 0.55
    minimum_effect: 0.02
"""


def declared(folder: Path, *changes: tuple[str, str]) -> tuple[Experiments, RuleSet]:
    """The experiments of the file above with some of its text replaced, and the shipped rule set with that file."""
    text = DECLARED
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "experiments.yaml").write_text(text, encoding="utf-8")
    rules = overlay_rule_set(load_rule_set(RULES, date(2026, 11, 20)), folder)
    return experiments_of(rules), rules


def test_shares_are_those_of_the_entry_day(tmp_path: Path) -> None:
    experiments, _ = declared(tmp_path, ("    metric:", "    ends_on: 2026-09-30\n    metric:"))
    experiment = next(iter(experiments))
    shares = {
        day: None if (found := experiment.shares_on(day)) is None else found.arms["challenger"]
        for day in map(
            date.fromisoformat, ("2025-12-31", "2026-01-01", "2026-05-31", "2026-06-01", "2026-09-30", "2026-10-01")
        )
    }
    assert list(shares.values()) == [None, Decimal("0.1"), Decimal("0.1"), Decimal("0.2"), Decimal("0.2"), None]
    assert [(each.valid_from, before) for each, before in experiment.periods()] == [
        (date(2026, 1, 1), date(2026, 6, 1)),
        (date(2026, 6, 1), date(2026, 10, 1)),
    ]


WRONG = [
    ("shares above 1", ("challenger: 0.2", "challenger: 0.3"), 11, "add up to 1 at most, not to 1.1", ""),
    ("a share below 0", ("challenger: 0.1", "challenger: -0.1"), 10, "greater than or equal to 0", ""),
    ("no share at all", ("champion: 0.9, challenger: 0.1", "champion: 0"), 10, "a share above 0", ""),
    (
        "an arm that is none",
        ("challenger: 0.1}", "chalenger: 0.1}"),
        10,
        "not 'chalenger'",
        "Did you mean 'challenger'?",
    ),
    ("shares not ascending", ("2026-06-01", "2026-01-01"), 11, "2026-01-01 is not after 2026-01-01", ""),
    ("shares going back", ("2026-06-01", "2025-06-01"), 11, "2025-06-01 is not after 2026-01-01", ""),
    (
        "an end before the start",
        ("    metric:", "    ends_on: 2025-12-31\n    metric:"),
        12,
        "end on its first day",
        "",
    ),
    ("one arm", ("      challenger: A call as well.\n", ""), 6, "at least 2", ""),
    ("an arm called none", ("      challenger: A", "      none: A"), 8, "which is the word for a case in no arm", ""),
    ("an unknown key", ("    metric:", "    alpa: 0.05\n    metric:"), 12, "keys", "Did you mean 'alpha'?"),
    (
        "an unknown metric",
        ("metric: cure", "metric: cured"),
        12,
        "'cure', 'roll' or 'recovered'",
        "Did you mean 'cure'?",
    ),
    ("money without its spread", ("metric: cure", "metric: recovered"), 12, "standard_deviation", ""),
    ("a share of more than all", ("baseline: 0.55", "baseline: 0.99"), 14, "between 0 and 1", ""),
    ("a name that is no name", ("name: first_call", "name: First call"), 2, "match pattern", ""),
]


@pytest.mark.parametrize(
    ("change", "line", "expected", "action"), [each[1:] for each in WRONG], ids=[w[0] for w in WRONG]
)
def test_a_wrong_declaration_is_told_with_file_and_line(
    tmp_path: Path, change: tuple[str, str], line: int, expected: str, action: str
) -> None:
    with pytest.raises(RulesError) as error:
        declared(tmp_path, change)
    assert error.value.where.endswith(f"experiments.yaml:{line}")
    assert expected in error.value.expected
    assert action in error.value.action


def test_two_experiments_of_one_name_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "experiments.yaml"
    path.write_text(DECLARED + DECLARED.removeprefix("experiments:\n"), encoding="utf-8")
    with pytest.raises(RulesError, match="one experiment of a name; first_call comes again") as error:
        parse_rules(path, Experiments)
    assert error.value.where.endswith("experiments.yaml:16")


def test_no_experiment_is_legal(tmp_path: Path) -> None:
    path = tmp_path / "experiments.yaml"
    path.write_text("experiments: []\n", encoding="utf-8")
    assert list(parse_rules(path, Experiments)) == []


def excluding(folder: Path, exclusion: str) -> tuple[Experiments, RuleSet]:
    """The declaration with one exclusion, on line 13."""
    return declared(folder, ("    metric:", f"    exclude:\n      - {exclusion}\n    metric:"))


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return parse_rules(RULES / "vocabulary.yaml", Vocabulary)


@pytest.fixture(scope="module")
def policy() -> PolicyPack:
    return parse_rules(RULES / "policies" / "cn.yaml", PolicyPack)


def test_an_exclusion_reads_what_is_settled_before_the_case(tmp_path: Path, vocabulary: Vocabulary) -> None:
    when = "product = 'auto' and originated_on < DATE '2020-01-01' or currency <> 'CNY'"
    experiments, rules = excluding(tmp_path, f'{{when: "{when}", reason: Old cars.}}')
    assert [len(each) for each in exclusion_conditions(experiments, vocabulary, rules)] == [1]


@pytest.mark.parametrize(
    ("when", "expected", "found", "action"),
    [
        ("days_past_due > 3", "settled before a case begins", "reads days_past_due", "the case would leave its arm"),
        ("product = 'auto' and held", "settled before a case begins", "reads held", "the case would leave its arm"),
        ("gps_status = 'none'", "settled before a case begins", "reads gps_status", "the case would leave its arm"),
        ("vehicle_typ = 'bus'", "a name of the vocabulary", "vehicle_typ", "Did you mean 'vehicle_type'?"),
        ("principal", "true or false", "principal", "Compare it"),
        ("product in (select 1)", "an expression of", "select", "Write the condition"),
    ],
)
def test_an_exclusion_that_may_change_or_is_wrong_is_told_why(
    tmp_path: Path, vocabulary: Vocabulary, when: str, expected: str, found: str, action: str
) -> None:
    experiments, rules = excluding(tmp_path, f'{{when: "{when}", reason: None.}}')
    with pytest.raises(RulesError) as error:
        exclusion_conditions(experiments, vocabulary, rules)
    assert error.value.where.endswith("experiments.yaml:13")
    assert expected in error.value.expected
    assert found in error.value.found
    assert action in error.value.action


def test_an_exclusion_by_a_reviewed_attribute_needs_an_approval(tmp_path: Path, policy: PolicyPack) -> None:
    when = "when: region = 'North', reason: Pilot elsewhere."
    experiments, rules = excluding(tmp_path, f"{{{when}}}")
    with pytest.raises(RulesError, match="an approval on an exclusion that reads location") as error:
        check_exclusions(experiments, policy, rules)
    assert error.value.where.endswith("experiments.yaml:13")
    approval = "approval: {role: compliance, approved_on: 2026-01-02, reason: No proxy here.}"
    experiments, rules = excluding(tmp_path, f"{{{when}, {approval}}}")
    assert check_exclusions(experiments, policy, rules) == [
        "first_call: exclusion by location, approved by compliance on 2026-01-02"
    ]
    denied = policy.model_copy(
        update={
            "attributes": {
                **policy.attributes,
                "location": policy.attributes["location"].model_copy(update={"verdict": "deny"}),
            }
        }
    )
    with pytest.raises(RulesError, match="no exclusion that reads location, which the policy denies"):
        check_exclusions(experiments, denied, rules)

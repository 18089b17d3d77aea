"""What a strategy manager reads for a wrong rule of each kind, word for word."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arrears.errors import RulesError
from arrears.rules.commands import app
from arrears.rules.findings import Finding, counts, in_order, raise_errors
from arrears.rules.rule_set import latest_rule_set
from arrears.settings import PROJECT
from arrears.strategy.case_columns import CASE_COLUMNS, PERSONAL
from arrears.strategy.check import check_rules
from arrears.strategy.checked import TABLES, TIER_WORDS
from arrears.strategy.compile import load_strategy
from arrears.strategy.score_rules import band_columns

SHIPPED = PROJECT / "include" / "rules"

BALANCE = """\
tiers:
  name: balance
  outputs:
    balance_tier: {type: text, meaning: Tier., values: [small, medium, large]}
  rules:
    - {id: BAL1, when: overdue_amount >= 50000, then: {balance_tier: large}}
    - {id: BAL2, when: overdue_amount >= 8000, then: {balance_tier: medium}}
  default: {balance_tier: small}
"""
RULE = "    - {id: BAL3, when: WHEN, then: {balance_tier: medium}}\n"
AGE = "    - {id: PRO3, when: age_years >= 40, then: {profile_points: 1}APPROVAL}\n"
POINTS = """\
points:
  name: profile_points
  hit: collect
  floor: 0
  cap: 3
  outputs:
    profile_points: {type: number, meaning: Points.}
  rules:
    - {id: PRO4, when: payment_to_income >= 0.45, then: {profile_points: 1}}
EXTRA  default: {profile_points: 0}
band:
  name: profile
  outputs:
    profile_band: {type: text, meaning: Band., values: [low, medium, high]}
  rules:
    - {id: PRB1, when: profile_points >= MANY, then: {profile_band: high}}
  default: {profile_band: low}
"""
APPROVED = ", approval: {role: head, approved_on: 2026-01-15, reason: Risk.}"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "rules", ignore=shutil.ignore_patterns("changes"))
    return tmp_path / "rules"


def told(rules: Path, *codes: str) -> str:
    """What is said of the kinds `codes`, with the file names alone."""
    found = [each for each in check_rules(latest_rule_set(rules)) if each.code in codes]
    return "\n".join(str(each).replace(f"{rules}/", "") for each in found) + "\n"


def write(rules: Path, file: str, text: str) -> None:
    (rules / file).write_text(text, encoding="utf-8")


def edit(rules: Path, file: str, old: str, new: str) -> None:
    text = (rules / file).read_text(encoding="utf-8")
    assert old in text, old
    write(rules, file, text.replace(old, new, 1))


def order_of(rules: Path) -> str:
    """The rest of balance.yaml: whatever stands behind the tiers."""
    text = (rules / "balance.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("  default: {balance_tier: small}\n")
    assert head
    return rest


def balance(rules: Path, when: str, **replaced: str) -> None:
    text = BALANCE.replace("  default:", RULE.replace("WHEN", when) + "  default:")
    for old, new in replaced.items():
        text = text.replace({"default": "  default: {balance_tier: small}\n", "name": "  name: balance\n"}[old], new)
    write(rules, "balance.yaml", text + order_of(rules))


CONDITIONS = {
    "a name that does not exist, and another in the same condition": (
        "overdue_amout > 1 and repeted",
        ("unknown_name",),
        """\
balance.yaml:8: error: rule BAL3 of table balance: expected a name of the vocabulary, not 'overdue_amout' [unknown_name]
    do: Did you mean 'overdue_amount'?
balance.yaml:8: error: rule BAL3 of table balance: expected a name of the vocabulary, not 'repeted' [unknown_name]
    do: Did you mean 'repeated'?
""",
    ),
    "a value that does not exist": (
        "class = 'hgh'",
        ("unknown_value",),
        """\
balance.yaml:8: error: rule BAL3 of table balance: expected one of current, low, mid, high, not 'hgh' [unknown_value]
    do: Did you mean 'high'?
""",
    ),
    "a type that does not fit": (
        "overdue_amount > '50'",
        ("type",),
        """\
balance.yaml:8: error: rule BAL3 of table balance: expected values of one type compared, not number and text in \
"overdue_amount with '50'" [type]
    do: Dates are written DATE '2026-01-31', texts in single quotes, numbers without.
""",
    ),
    "whole days between 30 and 31": (
        "days_past_due > 30 and days_past_due < 31",
        ("never_matches",),
        """\
balance.yaml:8: error: rule BAL3 of table balance can never match: `days_past_due > 30` and `days_past_due < 31` \
exclude each other (whole numbers). Without `days_past_due < 31` there are cases [never_matches]
    for example: days_past_due = 31
    do: Correct the condition, or remove the rule.
""",
    ),
    "a share in percent": (
        "overdue_share >= 50",
        ("never_matches",),
        """\
balance.yaml:8: error: rule BAL3 of table balance can never match: `overdue_share >= 50` holds for no case, because \
`overdue_share BETWEEN 0 AND 1` (vocabulary.yaml:FACT). Without `overdue_share >= 50` there are cases [never_matches]
    for example: overdue_share = 0.0000
    do: Correct the condition, or remove the rule.
""",
    ),
    "a rule that an earlier one shadows": (
        "overdue_amount >= 9000 and repeated",
        ("shadowed",),
        """\
balance.yaml:8: error: rule BAL3 of table balance never decides: BAL2 takes every case first [shadowed]
    for example: overdue_amount = 9000.00, repeated = true
    do: Put it before BAL2, narrow that rule, or remove this one.
""",
    ),
    "a division by what may be 0": (
        "overdue_amount / outstanding_amount > 0.3",
        ("division_by_zero",),
        """\
balance.yaml:8: error: rule BAL3 of table balance may divide by 0: `outstanding_amount` may be 0, and the quotient is \
then NULL, with which no comparison holds [division_by_zero]
    for example: outstanding_amount = 0.00
    do: Multiply instead (a > 0.2 * b for a / b > 0.2), or divide by greatest(…, 1).
""",
    ),
}


@pytest.mark.parametrize(("when", "codes", "says"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_wrong_condition(rules: Path, when: str, codes: tuple[str, ...], says: str) -> None:
    facts = (rules / "vocabulary.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, each in enumerate(facts, start=1) if "overdue_share between" in each)
    balance(rules, when)
    assert told(rules, *codes) == says.replace("FACT", str(line))


def test_two_rules_that_shadow_a_third_together(rules: Path) -> None:
    balance(rules, "overdue_amount > 0")
    edit(rules, "balance.yaml", "when: overdue_amount >= 50000", "when: repeated")
    edit(rules, "balance.yaml", "when: overdue_amount >= 8000", "when: not repeated")
    assert told(rules, "shadowed", "unused_default").startswith(
        """\
balance.yaml:8: error: rule BAL3 of table balance never decides: BAL1 and BAL2 together take every case first [shadowed]
    for example: overdue_amount = 8000.00, repeated = false
    do: Put it before BAL2, narrow that rule, or remove this one.
"""
    )
    # the tables behind it are judged by what can still come
    assert "rule TRE3 of table treatment never decides: TRE2 takes every case first" in told(rules, "shadowed")
    assert "the default of table balance is never used" in told(rules, "unused_default")


def test_cases_that_no_rule_matches(rules: Path) -> None:
    balance(rules, "repeated", default="")
    assert told(rules, "unmatched") == (
        """\
balance.yaml:5: error: no rule of table balance matches some cases, and it has no default [unmatched]
    for example: overdue_amount = 0.00, repeated = false
    do: Add a rule for them, or a default.
"""
    )


def test_a_table_that_is_complete_needs_no_default(rules: Path) -> None:
    balance(rules, "overdue_amount < 8000", default="")
    assert told(rules, "unmatched", "not_decided", "shadowed") == "\n"


def test_an_overlap_where_it_is_forbidden(rules: Path) -> None:
    balance(rules, "overdue_amount < 8000", name="  name: balance\n  overlap: forbid\n")
    assert told(rules, "overlap") == (
        """\
balance.yaml:8: error: BAL1 and BAL2 of table balance overlap, which the table forbids [overlap]
    for example: overdue_amount = 50000.00
    do: Narrow one of the two.
"""
    )


def test_what_the_default_takes_is_a_note(rules: Path) -> None:
    balance(rules, "repeated")
    assert told(rules, "default").startswith(
        """\
balance.yaml:9: note: what no rule of table balance matches gets the default: balance_tier 'small' [default]
    for example: overdue_amount = 0.00, repeated = false
"""
    )


def test_a_bucket_and_a_class_that_do_not_meet(rules: Path) -> None:
    edit(rules, "treatments.yaml", "class = 'mid' and bucket_no = 3", "class = 'mid' and bucket_no = 5")
    assert "can never match: `class = 'mid'` and `bucket_no = 5` exclude each other, because" in told(
        rules, "never_matches"
    )


@pytest.mark.parametrize(
    ("ageing", "impossible", "possible"),
    [
        ("counting: days\nconvention: A", "delinquent_days = 60", "delinquent_days = 59"),
        ("counting: days\nconvention: B", "delinquent_days = 61", "delinquent_days = 60"),
        ("counting: months\nconvention: B", "delinquent_days = 63", "delinquent_days = 62"),
        ("counting: mba", "delinquent_days = 57", "delinquent_days = 58"),
        ("counting: ots", "delinquent_days = 58", "delinquent_days = 59"),
        ("counting: installments", "unmet_installments = 3", "unmet_installments = 2 and delinquent_days = 500"),
    ],
)
def test_what_a_bucket_holds_is_known_however_it_is_counted(
    rules: Path, ageing: str, impossible: str, possible: str
) -> None:
    path = rules / "ageing.yaml"
    text = path.read_text(encoding="utf-8").replace("\nconvention: B\n", "\n")
    path.write_text(text.replace("\ncounting: days\n", f"\n{ageing}\n"), encoding="utf-8")
    old = "class = 'mid' and bucket_no = 3 and score_view = 'rolling'"
    edit(rules, "treatments.yaml", old, f"bucket_no = 2 and {possible} and score_view = 'rolling'")
    assert told(rules, "never_matches") == "\n"
    edit(rules, "treatments.yaml", f"bucket_no = 2 and {possible}", f"bucket_no = 2 and {impossible}")
    assert "can never match" in told(rules, "never_matches")


def test_facts_of_many_lines_are_named_by_their_runs(rules: Path) -> None:
    edit(rules, "treatments.yaml", "class = 'mid' and bucket_no = 3", "class = 'mid' and delinquent_days > 95")
    said = told(rules, "never_matches")
    assert re.search(r"exclude each other, by what ageing\.yaml:\d+ to \d+ say\. Without", said), said


def test_a_value_that_no_rule_gives(rules: Path) -> None:
    edit(rules, "treatments.yaml", "segment = 'mid_phone'", "segment = 'mid_fone'")
    said = told(rules, "never_matches", "unused_value")
    assert (
        "rule TRE6 of table treatment can never match: `segment = 'mid_fone'` holds for no case; table segment" in said
    )
    assert "\n    do: Did you mean 'mid_phone'?\n" in said
    assert "gives segment 'mid_phone', which no later rule asks for" in said


@pytest.mark.parametrize(
    ("old", "new", "action"),
    [
        ("policy: cn", "policy: us_reg_g", "Did you mean 'us_reg_f'?"),
        ("policy: cn", "policy: [cn, jp]", "Name one that there is, or write policies/jp.yaml."),
    ],
)
def test_a_policy_that_is_in_no_file_is_told_and_not_passed_over(rules: Path, old: str, new: str, action: str) -> None:
    line = (rules / "rule_set.yaml").read_text(encoding="utf-8").split(old)[0].count("\n") + 1
    edit(rules, "rule_set.yaml", old, new)
    said = told(rules, "unknown_name")
    wrong = "us_reg_g" if "us_reg_g" in new else "jp"
    assert said == (
        f"rule_set.yaml:{line}: error: the policy {wrong} is in no file; "
        f"there are cn, in_rbi, uk_conc7, us_ma, us_reg_f [unknown_name]\n    do: {action}\n"
    )


def test_points_that_can_never_be_reached(rules: Path) -> None:
    write(rules, "profile.yaml", POINTS.replace("EXTRA", "").replace("MANY", "2"))
    said = told(rules, "never_matches")
    assert "profile.yaml:16: error: rule PRB1 of table profile can never match: `profile_points >= 2`" in said
    assert "table profile_points adds profile_points up from its rules" in said


def test_a_denied_attribute_read_directly_and_through_columns(rules: Path) -> None:
    write(rules, "profile.yaml", POINTS.replace("EXTRA", AGE.replace("APPROVAL", APPROVED)).replace("MANY", "1"))
    edit(rules, "policies/cn.yaml", "age: {verdict: review", "age: {verdict: deny")
    said = told(rules, "denied_attribute")
    assert (
        """\
profile.yaml:10: error: rule PRO3 of table profile_points reads age (age_years), which the policy denies \
[denied_attribute]
    for example: age_years = 40
    do: Remove the rule or the condition.
profile.yaml:17: error: rule PRB1 of table profile reads age, which the policy denies, through profile_points ← PRO3: \
age_years (age) [denied_attribute]
    for example: age_years = 40, profile_points = 1
    do: Remove the conditions, or the rule that brings the attribute in.
"""
        in said
    )
    assert "through profile_band ← profile_points ← PRO3: age_years (age)" in said
    # of several rules the example is of one that the attribute decides
    (_, *readers) = re.split(r"error: rules TRE1, ", said)
    assert len(readers) == 1
    by_age = "low_rising|low_watch|mid_firm|high_field"
    assert re.search(rf"for example: age_years = 40, .*segment = '({by_age})'", readers[0]), said


def test_an_attribute_under_review_without_its_approval(rules: Path) -> None:
    write(rules, "profile.yaml", POINTS.replace("EXTRA", AGE.replace("APPROVAL", "")).replace("MANY", "1"))
    assert told(rules, "missing_approval") == (
        """\
profile.yaml:10: error: rule PRO3 of table profile_points reads age (age_years), which the policy has under review, \
without approval [missing_approval]
    for example: age_years = 40
    do: Add approval: {role, approved_on, reason} to the rule, or change its condition.
"""
    )


@pytest.mark.parametrize(("points", "harder"), [(1, True), (-1, False)])
def test_an_attribute_that_may_only_soften(rules: Path, points: int, harder: bool) -> None:
    rule = AGE.replace("APPROVAL", "").replace("points: 1}", f"points: {points}}}")
    write(rules, "profile.yaml", POINTS.replace("EXTRA", rule).replace("MANY", "1"))
    edit(rules, "policies/cn.yaml", "age: {verdict: review", "age: {verdict: soften")
    said = told(rules, "harsher")
    assert ("rule PRO3 of table profile_points reads age, which the policy allows only to soften" in said) is harder
    assert ("for example: age_years = 40" in said) is harder


@pytest.mark.parametrize(
    ("policy", "approved", "codes"),
    [
        ("cn", False, {"missing_approval"}),
        ("cn", True, set()),
        ("us_reg_f", False, {"harsher"}),
        # what one pack has under review and another only softens needs the approval, and may only soften
        ("[us_reg_f, cn]", False, {"harsher", "missing_approval"}),
        ("[cn, us_reg_f]", True, {"harsher"}),
    ],
)
def test_of_several_packs_each_has_its_say(rules: Path, policy: str, approved: bool, codes: set[str]) -> None:
    approval = APPROVED if approved else ""
    write(rules, "profile.yaml", POINTS.replace("EXTRA", AGE.replace("APPROVAL", approval)).replace("MANY", "1"))
    edit(rules, "rule_set.yaml", "policy: cn", f"policy: {policy}")
    found = check_rules(latest_rule_set(rules))
    assert {each.code for each in found if "PRO3" in each.message and each.severity == "error"} == codes


@pytest.mark.parametrize(
    ("begins", "says"),
    [
        (
            3,
            "error: a gap: bucket_no 2 is in no stage; M1M4 should begin with 2 [bracket_gap]\n"
            "    for example: bucket_no = 2\n",
        ),
        (
            1,
            "error: an overlap: bucket_no 1 is in M0M1 and in M1M4, which should begin with 2 [bracket_overlap]\n"
            "    for example: bucket_no = 1\n",
        ),
    ],
)
def test_brackets_with_a_gap_or_an_overlap(rules: Path, begins: int, says: str) -> None:
    edit(rules, "scores.yaml", "from_bucket: 2", f"from_bucket: {begins}")
    said = told(rules, "bracket_gap", "bracket_overlap", "file")
    assert says in said
    assert said.count("error:") == 1


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("balance.yaml", "  default: {balance_tier: small}", "  default: {balance_tier: small}\n  default: {}"),
        ("scores.yaml", "view:", "view: *nowhere\nview2:"),
        ("profile.yaml", "band:", "band: ["),
        ("treatments.yaml", "segment:", "\tsegment:"),
        ("experiments.yaml", "challenger: 0.10", "challenger: 0.11"),
        ("experiments.yaml", "experiments:", "experiments: ["),
    ],
)
def test_a_file_that_cannot_be_read_brings_no_findings_about_its_names(
    rules: Path, file: str, old: str, new: str
) -> None:
    edit(rules, file, old, new)
    (error,) = [each for each in check_rules(latest_rule_set(rules)) if each.severity == "error"]
    assert error.code == "file"
    assert f"/{file}:" in error.where


def test_one_wrong_file_does_not_hide_what_is_wrong_in_another(rules: Path) -> None:
    edit(rules, "scores.yaml", "from_bucket: 2", "from_buckt: 2")
    write(rules, "kpi.yaml", "[")
    balance(rules, "overdue_amout > 1")
    edit(rules, "treatments.yaml", "segment = 'mid_phone'", "segment = 'mid_fone'")
    said = told(rules, "file", "unknown_name", "never_matches")
    assert "scores.yaml:7: error: expected one of the keys" in said
    assert "kpi.yaml" in said
    assert "'overdue_amout'" in said
    assert "'mid_fone'" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "  age_years: {",
            "  age_yeers: {",
            "error: no case has a column age_yeers [unknown_column]\n    do: Did you mean 'age_years'?\n",
        ),
        (
            "  held: {type: boolean",
            "  held: {type: text",
            "error: held is a boolean in the cases, not a text [type]\n    do: Write type: boolean.\n",
        ),
        (
            "whole years., attribute: age}",
            "whole years., attribute: balance}",
            "error: age_years tells the age of a customer, and the vocabulary calls that balance [attribute]\n"
            "    do: Write attribute: age, so that the policy's verdict reaches every rule that reads it.\n",
        ),
        (
            "Gender of the customer., attribute: gender}",
            "Gender of the customer.}",
            "error: gender tells the gender of a customer, and the vocabulary calls that nothing [attribute]\n",
        ),
    ],
)
def test_a_word_that_is_not_what_the_cases_have(rules: Path, old: str, new: str, says: str) -> None:
    text = (rules / "vocabulary.yaml").read_text(encoding="utf-8")
    line = next(number for number, each in enumerate(text.splitlines(), start=1) if old in each)
    edit(rules, "vocabulary.yaml", old, new)
    assert f"vocabulary.yaml:{line}: {says}" in told(rules, "unknown_column", "type", "attribute")


def test_the_columns_of_cases_are_what_the_models_give() -> None:
    from arrears.sqlmodel import load_model

    given = set(load_model(PROJECT / "include" / "sql", "strategy/facts").named_selects)
    bands = {each.alias for each in band_columns(load_strategy(latest_rule_set(SHIPPED)).scores)}
    keys = {"contract_id", "customer_id", "balance_tier", "balance_rule"}
    assert given | bands == set(CASE_COLUMNS) | keys
    assert set(PERSONAL) <= set(CASE_COLUMNS)


def test_facts_that_contradict_each_other(rules: Path) -> None:
    edit(rules, "vocabulary.yaml", "  - overdue_amount >= 0", "  - overdue_amount >= 0\n  - overdue_amount < 0")
    said = told(rules, "facts")
    assert "no case can be: these facts contradict each other: overdue_amount >= 0" in said


def test_the_command_shows_all_and_fails_on_an_error(rules: Path) -> None:
    good = CliRunner().invoke(app, ["check", "--rules", str(rules)])
    assert good.exit_code == 0
    assert good.output.startswith("rules: good")
    balance(rules, "overdue_amount >= 9000")
    wrong = CliRunner().invoke(app, ["check", "--rules", str(rules), "--no-notes"])
    assert wrong.exit_code == 1
    assert wrong.output.startswith("rules: not good")
    assert "BAL2 takes every case first [shadowed]" in wrong.output
    as_json = CliRunner().invoke(app, ["check", "--rules", str(rules), "--json"])
    assert as_json.exit_code == 1
    (error,) = [each for each in json.loads(as_json.output)["findings"] if each["severity"] == "error"]
    assert error["code"] == "shadowed"
    assert error["where"].endswith("balance.yaml:8")
    assert error["example"] == {"overdue_amount": "9000.00"}


def test_a_wrong_header_is_told_with_the_other_files(rules: Path) -> None:
    edit(rules, "rule_set.yaml", "version: 1", "verson: 1")
    edit(rules, "scores.yaml", "from_bucket: 2", "from_buckt: 2")
    result = CliRunner().invoke(app, ["check", "--rules", str(rules)])
    assert result.exit_code == 1
    assert "verson" in result.output
    assert "from_buckt" in result.output


def test_every_change_is_checked_and_what_it_shares_is_told_once(rules: Path) -> None:
    change = rules / "changes" / "2027-01-01"
    change.mkdir(parents=True)
    header = (rules / "rule_set.yaml").read_text(encoding="utf-8")
    write(change, "rule_set.yaml", header.replace("version: 1", "version: 2").replace("2015-01-01", "2027-01-01"))
    shutil.copy(rules / "balance.yaml", change / "balance.yaml")
    edit(change, "balance.yaml", "overdue_amount >= 8000", "overdue_amount >= 60000")
    result = CliRunner().invoke(app, ["check", "--rules", str(rules)])
    assert result.exit_code == 1
    first, _, second = result.output.partition("version 2")
    assert "rules: good" in first
    assert "shadowed" not in first
    assert "changes/2027-01-01/balance.yaml" in second
    assert result.output.count("[unused_value]") == len(set(_lines(result.output, "[unused_value]")))


def _lines(text: str, mark: str) -> list[str]:
    return [line for line in text.splitlines() if mark in line]


def test_every_kind_of_finding_is_in_the_manual() -> None:
    manual = (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8")
    code = PROJECT / "plugins" / "collections" / "arrears" / "strategy"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(code.glob("check*.py")))
    kinds = set(re.findall(r'"(?:error|warning|note)",\s*"([a-z_]+)"', text))
    kinds |= set(re.findall(r'_finding\(\w+, "([a-z_]+)"', text)) | set(re.findall(r'of_error\(\w+, "([a-z_]+)"', text))
    assert len(kinds) > 20
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in manual] == []


def test_errors_are_raised_together(rules: Path) -> None:
    one = Finding("error", "shadowed", "one is wrong", "b.yaml:2", "Do this.")
    two = Finding("error", "shadowed", "two is wrong", "a.yaml:3", "Do that.")
    note = Finding("note", "default", "a note", "a.yaml:1", "")
    found = in_order([note, one, two, one])
    assert found == [two, one, note]
    assert counts(found) == {"error": 2, "warning": 0, "note": 1}
    with pytest.raises(RulesError, match=r"a.yaml:3: .*2 errors: two is wrong; b.yaml:2: one is wrong"):
        raise_errors(found)
    raise_errors([note])


def test_the_shipped_rules_have_no_errors_and_no_warnings() -> None:
    found = check_rules(latest_rule_set(SHIPPED))
    assert [str(each) for each in found if each.severity != "note"] == []


def test_a_recovery_book_that_no_rule_tells_from_the_live_one(rules: Path) -> None:
    edit(rules, "ageing.yaml", "recovery_book: left", "recovery_book: worked")
    where = (rules / "ageing.yaml").read_text(encoding="utf-8").splitlines().index("recovery_book: worked") + 1
    assert told(rules, "recovery_unread", "never_matches") == (
        f"ageing.yaml:{where}: warning: the recovery book is worked, and no rule reads written_off: its contracts are "
        "treated like those of the book [recovery_unread]\n"
        "    do: Give them a segment of their own: a rule `when: written_off` in treatments.yaml, before the others.\n"
    )
    balance(rules, "written_off and overdue_amount > 5")
    assert told(rules, "recovery_unread", "never_matches") == "\n"


def test_a_rule_about_the_recovery_book_never_matches_while_that_is_left(rules: Path) -> None:
    where = (rules / "ageing.yaml").read_text(encoding="utf-8").splitlines().index("recovery_book: left") + 1
    balance(rules, "written_off and overdue_amount > 5")
    assert told(rules, "recovery_unread", "never_matches") == (
        "balance.yaml:8: error: rule BAL3 of table balance can never match: `written_off` holds for no case, because "
        f"`NOT written_off` (ageing.yaml:{where}). Without `written_off` there are cases [never_matches]\n"
        "    for example: overdue_amount = 8000.00, written_off = false\n"
        "    do: Correct the condition, or remove the rule.\n"
    )
    # rules that leave it alone may stand in either case
    balance(rules, "not written_off and overdue_amount > 5")
    assert told(rules, "recovery_unread", "never_matches") == "\n"


def test_the_tables_that_are_checked_are_those_that_decide() -> None:
    strategy = load_strategy(latest_rule_set(SHIPPED))
    assert tuple((each.file, each.section) for each in strategy.tables) == TABLES


def test_the_words_of_the_first_table_are_what_its_model_gives() -> None:
    from arrears.sqlmodel import load_model

    given = set(load_model(PROJECT / "include" / "sql", "strategy/delinquents").named_selects)
    assert given - {"contract_id"} == TIER_WORDS


@pytest.mark.parametrize(
    "when",
    [
        "lost_contact_score >= 650 and lost_contact_band = 'low'",
        "collection_score is null and collection_band = 'high'",
        "roll_rate_stand_in and roll_rate_model = 'another'",
        "score_stage = 'M0M1' and bucket_no = 2",
        "held and hold_kind = 'pause'",
    ],
)
def test_scores_bands_stages_and_holds_that_do_not_meet(rules: Path, when: str) -> None:
    edit(rules, "scores.yaml", "collection_band = 'low' and lost_contact_band = 'high'", when)
    assert "rule SCO1 of table score can never match" in told(rules, "never_matches")

"""Arms: which arm of each experiment a case is in, the same on every engine, process and day.

A customer's digest is the first 8 hexadecimal digits of the MD5 of `<experiment>:<customer>`, a number from 0 to
2^32 - 1 that another experiment draws anew. Each arm takes a range of digests as long as its share, in the order of
the arms. The ranges are worked out here, in whole numbers, and compared as text, which every engine does alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
from sqlglot import exp

from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.experiment_rules import FILE, NONE, Experiment, Experiments, Shares

ARMS = "arms"
"""Column of all arms of a case: `name=arm,…` in the order of the names, empty when it is in none."""
_DIGESTS = 2**32
_ARM_COLUMNS = {
    "as_of": "DATE",
    "customer_id": "VARCHAR",
    "case_entered_on": "DATE",
    "experiment": "VARCHAR",
    "arm": "VARCHAR",
    "shares_from": "DATE",
}
_SLICES = pa.schema(
    [
        pa.field("experiment", pa.string()),
        pa.field("shares_from", pa.date32()),
        pa.field("valid_before", pa.date32()),
        pa.field("arm", pa.string()),
        pa.field("from_digest", pa.string()),
        pa.field("to_digest", pa.string()),
    ]
)


@dataclass(frozen=True)
class Slice:
    """The digests of one arm under one period's shares, both ends included."""

    arm: str
    from_digest: str
    to_digest: str


def experiments_of(rules: RuleSet) -> Experiments:
    """The experiments of a rule set; none when it has no such file."""
    return rules.load(FILE, Experiments) if FILE in rules.files() else Experiments()


def digest(experiment: str, customer_id: str) -> str:
    """The 8 hexadecimal digits that sort a customer; what the SQL model does, in plain Python."""
    return hashlib.md5(f"{experiment}:{customer_id}".encode(), usedforsecurity=False).hexdigest()[:8]


def slices(experiment: Experiment, shares: Shares) -> Iterator[Slice]:
    """The arms' ranges of digests, one after the other. An arm without a share has none."""
    total = Decimal(0)
    start = 0
    for arm in experiment.arms:
        total += shares.arms.get(arm, Decimal(0))
        end = int((total * _DIGESTS).to_integral_value(ROUND_HALF_EVEN))
        if end > start:
            yield Slice(arm, f"{start:08x}", f"{end - 1:08x}")
        start = end


def arm_of(experiment: Experiment, customer_id: str, case_entered_on: date) -> str:
    """The arm of a case, exclusions aside; `none` for a case in no arm. The judge of the SQL model."""
    shares = experiment.shares_on(case_entered_on)
    if shares is None:
        return NONE
    drawn = digest(experiment.name, customer_id)
    return next((each.arm for each in slices(experiment, shares) if each.from_digest <= drawn <= each.to_digest), NONE)


def slice_relation(experiments: Experiments) -> pa.Table:
    """All ranges as the table `arm_slices` of the model `strategy/experiment_arm`."""
    rows = [
        {
            "experiment": experiment.name,
            "shares_from": shares.valid_from,
            "valid_before": before,
            "arm": each.arm,
            "from_digest": each.from_digest,
            "to_digest": each.to_digest,
        }
        for experiment in experiments
        for shares, before in experiment.periods()
        for each in slices(experiment, shares)
    ]
    return pa.Table.from_pylist(rows, schema=_SLICES)


def arm_words(experiments: Experiments) -> dict[str, Word]:
    """The words by which rules read the arms."""
    return {
        each.word: Word(
            type="text", meaning=f"Arm of the experiment {each.name}.", values=(*each.arms, NONE), nullable=False
        )
        for each in experiments
    }


def with_excluded(select: exp.Query, experiments: Experiments, conditions: Sequence[Sequence[exp.Expr]]) -> exp.Query:
    """`select` with the table `excluded` (experiment, customer_id, case_entered_on) in front of it.

    `conditions` are the parsed exclusions of each experiment, over the columns of `contracts`.
    """
    parts = [
        _excluded(experiment.name, condition)
        for experiment, each in zip(experiments, conditions, strict=True)
        for condition in each
    ]
    excluded: exp.Query = parts[0] if parts else _excluded("", exp.false())
    for part in parts[1:]:
        excluded = exp.union(excluded, part)
    return in_front(select, "excluded", excluded)


def arm_select(model: exp.Query, experiments: Experiments, conditions: Sequence[Sequence[exp.Expr]]) -> exp.Query:
    """The SELECT that makes `experiment_arm` over the model of that name; without experiments no rows, of no input."""
    if experiments.experiments:
        return with_excluded(model, experiments, conditions)
    nothing = [exp.cast(exp.null(), kind).as_(name) for name, kind in _ARM_COLUMNS.items()]
    return exp.select(*nothing).where(exp.false())


def _excluded(experiment: str, condition: exp.Expr) -> exp.Select:
    # the case's own columns go by other names, so that a condition's names can only be the contract's
    entered = exp.select(
        exp.column("customer_id").as_("entered_customer_id"), exp.column("case_entered_on").as_("entered_on")
    ).from_("case_entry")
    return (
        exp.select(
            exp.Literal.string(experiment).as_("experiment"),
            exp.column("entered_customer_id").as_("customer_id"),
            exp.column("entered_on").as_("case_entered_on"),
        )
        .distinct()
        .from_(entered.subquery("entered"))
        .join("contracts", on="contracts.customer_id = entered_customer_id AND contracts.originated_on <= entered_on")
        .where(condition.copy())
    )


def in_front(select: exp.Query, name: str, step: exp.Query) -> exp.Query:
    """`select` with `step` as its first table `name`: one statement, so that nothing in between is written."""
    whole = select.with_(name, as_=step)
    first = whole.ctes[-1]
    whole.args["with_"].set("expressions", [first, *whole.ctes[:-1]])
    return whole


def arm_columns(experiments: Experiments) -> list[str]:
    """The columns that `arm_layer` adds: a word for each experiment, and `arms`."""
    return [*(each.word for each in _by_name(experiments)), ARMS]


def _by_name(experiments: Experiments) -> list[Experiment]:
    return sorted(experiments, key=lambda each: each.name)


def arm_layer(experiments: Experiments, source: str) -> dict[str, exp.Select]:
    """The SELECTs, by name and in order, that give every row of `source` its arms: a word each, and `arms`.

    They read `experiment_arm`; the last one's rows are those of `source`.
    """
    if not experiments.experiments:
        return {"armed": exp.select(exp.Star(), exp.Literal.string("").as_(ARMS)).from_(source)}
    named = _by_name(experiments)
    own = [
        exp.Max(
            this=exp.case().when(
                exp.EQ(this=exp.column("experiment"), expression=exp.Literal.string(each.name)), exp.column("arm")
            )
        ).as_(each.word)
        for each in named
    ]
    by_customer = (
        exp.select(exp.column("customer_id").as_("armed_customer_id"), *own)
        .from_("experiment_arm")
        .group_by("customer_id")
    )
    words = [
        exp.Coalesce(this=exp.column(each.word, table="customer_arms"), expressions=[exp.Literal.string(NONE)]).as_(
            each.word
        )
        for each in named
    ]
    listed = [
        exp.case().when(
            exp.Not(this=exp.Is(this=exp.column(each.word, table="customer_arms"), expression=exp.null())),
            exp.Concat(expressions=[exp.Literal.string(f"{each.name}="), exp.column(each.word, table="customer_arms")]),
        )
        for each in named
    ]
    # skipping NULL is what the engines do; unless it is said, sqlglot makes the whole NULL
    arms = exp.ConcatWs(expressions=[exp.Literal.string(","), *listed], safe=True, coalesce=True).as_(ARMS)
    armed = (
        exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(source)), *words, arms)
        .from_(source)
        .join("customer_arms", on=f"{source}.customer_id = armed_customer_id", join_type="left")
    )
    return {"customer_arms": by_customer, "armed": armed}


def armed_vocabulary(vocabulary: Vocabulary, experiments: Experiments) -> Vocabulary:
    """The vocabulary with a word for every experiment's arm."""
    return vocabulary.extended(arm_words(experiments))

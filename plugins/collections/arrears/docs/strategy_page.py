"""The page `docs/strategy.md`: the shipped strategy as a strategy manager reads it, generated from the rule files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from arrears.docs.markdown import table
from arrears.docs.plain_words import days, number, percent, span
from arrears.docs.rule_tables import rules_table, vocabulary_of
from arrears.docs.strategy_experiments import experiments_part
from arrears.docs.strategy_policy import approvals, policy_part
from arrears.docs.treatment_matrix import Grid, Outcome, treatment_grid
from arrears.rules.policy import Policy, load_policy
from arrears.rules.rule_set import HEADER, RuleSetHeader, latest_rule_set, rule_set_versions
from arrears.strategy.ageing import ageing_rules, bucket_rows
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.compile import Strategy, load_strategy
from arrears.strategy.score_rules import Band, ScoreModel, ScoreRules

CLASSES = {"current": "current", "low": "low 低账龄", "mid": "mid 中账龄", "high": "high 高账龄"}
_ROLES = {
    "collection": "collection (who pays)",
    "lost_contact": "lost contact 失联 (who is hard to reach)",
    "roll_rate": "roll rate 滚动率 (who rolls on)",
}
_COUNTING = {
    "days": "delinquent days: days past due less grace and less the days of pause holds",
    "months": "calendar months begun since the oldest unmet due date, grace and pauses aside",
    "installments": "unmet instalments, once anything is delinquent",
    "mba": "whole months by the MBA method: the first is full at the end of the day before the next due date",
    "ots": "whole months by the OTS method: the first is full at the end of the next due date",
}
_UNITS = {"days": "delinquent days", "installments": "unmet instalments"}


def render(rules: Path) -> str:
    """The page for the rules folder `rules`, with every change in it."""
    rule_set = latest_rule_set(rules)
    strategy, policy = load_strategy(rule_set), load_policy(rule_set)
    grid = treatment_grid(strategy)
    parts = [
        "# The strategy",
        "What Arrears does with an overdue contract, and why: written from the rule files in "
        "[include/rules](../include/rules) by `make docs`. [rules.md](rules.md) tells how to change them, "
        "[ageing.md](ageing.md) how days and amounts come about.",
        *_rule_set(rules),
        *_ageing(ageing_rules(rule_set)),
        *_balance(strategy),
        *_scores(strategy),
        *_profile(strategy, policy),
        *_segments(strategy),
        *_treatments(strategy, grid),
        *_matrix(strategy, grid),
        *_priority(strategy),
        *experiments_part(strategy),
        *policy_part(strategy, policy),
    ]
    return "\n\n".join(parts) + "\n"


def _rule_set(rules: Path) -> Iterator[str]:
    versions = rule_set_versions(rules)
    rows = []
    for version in versions:
        header = version.load(HEADER, RuleSetHeader)
        rows.append((str(header.version), header.valid_from.isoformat(), header.owner, header.reason))
    name, policy = versions[-1].name, versions[-1].policy
    yield "## Rule set"
    yield f"The rule set `{name}` is used under the policy pack `{policy}`. This page shows its last version."
    yield table(("version", "valid from", "owner", "reason"), rows)


def _ageing(ageing: AgeingRules) -> Iterator[str]:
    share, amount = ageing.materiality.share, ageing.materiality.amount
    met = [
        f"{percent(share)} of the instalment" if share else "",
        f"{amount} in its currency" if amount else "",
    ]
    tolerated = " and ".join(each for each in met if each)
    yield "## Ageing 逾期账期"
    yield "\n".join(
        [
            f"- Counted are {_COUNTING[ageing.counting]}.",
            f"- Grace: {days(ageing.grace_days)}." if ageing.grace_days else "- Grace: none; the first day counts.",
            f"- An instalment is met when at most the larger of {tolerated} is unpaid."
            if tolerated.count(" and ")
            else f"- An instalment is met when at most {tolerated} is unpaid."
            if tolerated
            else "- An instalment is met when all of it is paid.",
            *(
                [f"- Convention {ageing.convention}: {_convention(ageing)}."]
                if ageing.convention and ageing.counting in ("days", "months")
                else []
            ),
            "- Nothing is done while a hold of these kinds is open, for all contracts of the customer, the strongest "
            "first: "
            f"{', '.join(name.replace('_', ' ') for name in ageing.stop_holds)}. A pause only stops the days.",
            "- Written-off contracts that still owe are worked; rules tell them by `written_off`."
            if ageing.recovery_book == "worked"
            else "- Written-off contracts are left: nothing is decided about them.",
        ]
    )
    unit = _UNITS.get(ageing.counting, "months")
    yield table(
        ("bucket", f"{unit}", "class 账龄"),
        [(each.bucket, span(each.first, each.last), CLASSES[each.class_]) for each in ageing.ranges],
    )


def _convention(ageing: AgeingRules) -> str:
    ends = ageing.ranges[1].last
    if ageing.counting == "months":
        return "whole months, plus 1" if ageing.convention == "A" else "months begun"
    how = "days / 30 rounded down, plus 1" if ageing.convention == "A" else "days / 30 rounded up"
    return f"{how}, so M1 ends with day {ends}"


def _balance(strategy: Strategy) -> Iterator[str]:
    yield "## Balance 逾期余额"
    yield "The first rule that holds gives the tier."
    yield rules_table(strategy.balance.tiers, strategy.vocabulary)


def _scores(strategy: Strategy) -> Iterator[str]:
    scores = strategy.scores
    buckets = bucket_rows(strategy.rules)
    yield "## Scores 模型评分"
    yield table(
        ("stage", "buckets", *(_ROLES[role] for role in scores.bands)),
        [
            (
                each.stage,
                span(
                    buckets[each.from_bucket]["bucket"],
                    None if each.to_bucket is None else buckets[min(each.to_bucket, len(buckets) - 1)]["bucket"],
                ),
                *(_model(scores, role, each.stage) for role in scores.bands),
            )
            for each in scores.stages
        ],
    )
    yield "A score is of the band whose lowest score it reaches:"
    yield table(
        ("score", "band by score"),
        [(_ROLES[role], _bands(bands)) for role, bands in scores.bands.items()],
    )
    yield (
        "What the scores say together: who is likely to pay and can be reached stays in-house, the opposite goes to an "
        "agency. The first rule that holds decides."
    )
    yield rules_table(scores.view, strategy.vocabulary)


def _model(scores: ScoreRules, role: str, stage: str) -> str:
    found = [each for each in scores.models if (each.role, each.stage) == (role, stage)]
    return _choices(found[0]) if found else "no model: unknown"


def _choices(model: ScoreModel) -> str:
    steps = [f"`{model.model}`, up to {days(model.max_age_days)} old"]
    for each in model.instead:
        whose = f" of stage {each.of_stage}" if each.of_stage else ""
        bands = f" with bands {_bands(each.bands)}" if each.bands else ""
        steps.append(f"`{each.model}`{whose}, up to {days(each.max_age_days)} old{bands}")
    return "<br>else ".join([*steps, f"band {model.otherwise}"])


def _bands(bands: Iterable[Band]) -> str:
    first, *others = bands
    return ", ".join([first.band, *(f"{each.band} from {number(f'{each.from_score:f}')}" for each in others)])


def _profile(strategy: Strategy, policy: Policy) -> Iterator[str]:
    points, vocabulary = strategy.profile.points, strategy.vocabulary
    yield "## Profile 客户画像"
    limits = [
        f"at least {points.floor}" if points.floor is not None else "",
        f"at most {points.cap}" if points.cap is not None else "",
    ]
    limited = " and ".join(each for each in limits if each)
    yield (
        f"Risk points add up{', ' + limited + ' in all' if limited else ''}: the cap is what a profile weighs at most. "
        "A fact that the ledger does not know gives no point."
    )
    yield rules_table(points, vocabulary)
    yield "The points make a band."
    yield rules_table(strategy.profile.band, vocabulary.extended(points.words()))
    approved = list(approvals(strategy, policy))
    if approved:
        yield "Rules that read an attribute which the policy puts under review, and who approved that:"
        yield table(("rule", "attribute", "approved by", "on", "because"), approved)


def _segments(strategy: Strategy) -> Iterator[str]:
    yield "## Segments"
    yield "Class, balance, scores and profile together make a segment. The first rule that holds decides."
    yield rules_table(strategy.treatments.segment, vocabulary_of(strategy, strategy.treatments.segment))


def _treatments(strategy: Strategy, grid: Grid) -> Iterator[str]:
    table_ = strategy.treatments.treatment
    yield "## Treatments"
    yield (
        f"From the segment to who does what, by which channels in order of preference, in which queue. "
        f"{table_.outputs['intensity'].meaning} The first rule that holds decides."
    )
    yield rules_table(table_, vocabulary_of(strategy, table_))
    yield "### From segment to treatment"
    segments = dict.fromkeys([str(rule.then["segment"]) for rule in strategy.treatments.segment.rules])
    rows = []
    for segment in segments:
        done = ("treatment", "placement", "channels", "queue", "intensity")
        found = grid.outcomes({"segment": segment}, done, grid.treatment_words)
        for position, outcome in enumerate(found):
            treatment, placement, channels, queue, intensity = (str(value) for value in outcome.result)
            rows.append(
                (
                    segment if position == 0 else "",
                    treatment,
                    outcome.when or ("otherwise" if len(found) > 1 else "always"),
                    placement.replace("_", "-"),
                    channels.replace(",", ", "),
                    queue,
                    intensity,
                )
            )
    yield table(("segment", "treatment", "when", "who", "channels", "queue", "intensity"), rows)


def _matrix(strategy: Strategy, grid: Grid) -> Iterator[str]:
    tiers = list(strategy.balance.tiers.outputs["balance_tier"].values)
    views = list(strategy.scores.view.outputs["score_view"].values)
    yield "## The matrix: ageing × balance × scores"
    yield (
        "What happens to a case of a bucket (rows), a tier of balance and a view of the scores (columns): the "
        "treatment and, in brackets, the queue where the work is done. Where more than these three decides, "
        "the cell says what. The rules themselves were run over every edge that a condition names, so the matrix "
        "is what they do."
    )
    for words, (treatment, _) in grid.always.items():
        yield f"A case that is {words} gets the treatment {treatment}, whatever else it is; it is left out below."
    merged: list[tuple[list[str], str, list[list[str]]]] = []
    for bucket in bucket_rows(strategy.rules):
        axes = {"bucket_no": bucket["bucket_no"]}
        cells = [[_cell(grid, {**axes, "balance_tier": tier, "score_view": view}) for view in views] for tier in tiers]
        if merged and merged[-1][1:] == (bucket["class"], cells):
            merged[-1][0].append(bucket["bucket"])
        else:
            merged.append(([bucket["bucket"]], bucket["class"], cells))
    rows = []
    for names, class_, cells in merged:
        heading = f"{CLASSES[class_]}: {', '.join(names)}"
        alike: list[tuple[list[str], list[str]]] = []
        for tier, row in zip(tiers, cells, strict=True):
            if alike and alike[-1][1] == row:
                alike[-1][0].append(tier)
            else:
                alike.append(([tier], row))
        for position, (these, row) in enumerate(alike):
            rows.append((heading if position == 0 else "", "any" if these == tiers else ", ".join(these), *row))
    yield table(("class and bucket 账龄", "balance", *(f"scores: {view.replace('_', '-')}" for view in views)), rows)


def _cell(grid: Grid, cell: dict[str, object]) -> str:
    found = grid.outcomes(cell, ("treatment", "queue"))
    return "<br>".join(_outcome(each, alone=len(found) == 1) for each in found) or "does not occur"


def _outcome(outcome: Outcome, *, alone: bool) -> str:
    treatment, queue = outcome.result
    done = f"**{treatment}**" + ("" if queue == "none" else f" ({queue})")
    if outcome.when:
        return f"{done} if {outcome.when}"
    return done if alone else f"otherwise {done}"


def _priority(strategy: Strategy) -> Iterator[str]:
    priority = strategy.balance.priority
    yield "## Order of work"
    yield "In each queue the case with more points is worked first; equal ones by overdue amount, the larger first."
    yield rules_table(priority, vocabulary_of(strategy, priority))

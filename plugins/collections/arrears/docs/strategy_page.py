"""The page `docs/strategy.md`: the shipped strategy as a strategy manager reads it, generated from the rule files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from arrears.docs.markdown import table
from arrears.docs.plain_words import in_words, number
from arrears.docs.treatment_matrix import Grid, Outcome, treatment_grid
from arrears.rules.conditions import parse_condition
from arrears.rules.decision_table import DecisionTable, Value, attributes_read
from arrears.rules.policy import PolicyPack, load_policy
from arrears.rules.rule_set import HEADER, RuleSetHeader, latest_rule_set, rule_set_versions
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.ageing import ageing_rules, bucket_rows
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.compile import Strategy, load_strategy
from arrears.strategy.experiment_arms import armed_vocabulary
from arrears.strategy.experiment_power import need
from arrears.strategy.experiment_rules import Experiment
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
_METRICS = {
    "cure": "the share of cases that end",
    "roll": "the share of cases that roll on",
    "recovered": "the money per case",
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
        *_experiments(strategy),
        *_policy(strategy, policy),
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
        f"{_percent(share)} of the instalment" if share else "",
        f"{amount} in its currency" if amount else "",
    ]
    tolerated = " and ".join(each for each in met if each)
    yield "## Ageing 逾期账期"
    yield "\n".join(
        [
            f"- Counted are {_COUNTING[ageing.counting]}.",
            f"- Grace: {_days(ageing.grace_days)}." if ageing.grace_days else "- Grace: none; the first day counts.",
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
        ]
    )
    unit = _UNITS.get(ageing.counting, "months")
    yield table(
        ("bucket", f"{unit}", "class 账龄"),
        [(each.bucket, _range(each.first, each.last), CLASSES[each.class_]) for each in ageing.ranges],
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
    yield _rules_table(strategy.balance.tiers, strategy.vocabulary)


def _scores(strategy: Strategy) -> Iterator[str]:
    scores = strategy.scores
    buckets = bucket_rows(strategy.rules)
    yield "## Scores 模型评分"
    yield table(
        ("stage", "buckets", *(_ROLES[role] for role in scores.bands)),
        [
            (
                each.stage,
                _range(
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
    yield _rules_table(scores.view, strategy.vocabulary)


def _model(scores: ScoreRules, role: str, stage: str) -> str:
    found = [each for each in scores.models if (each.role, each.stage) == (role, stage)]
    return _choices(found[0]) if found else "no model: unknown"


def _choices(model: ScoreModel) -> str:
    steps = [f"`{model.model}`, up to {_days(model.max_age_days)} old"]
    for each in model.instead:
        whose = f" of stage {each.of_stage}" if each.of_stage else ""
        bands = f" with bands {_bands(each.bands)}" if each.bands else ""
        steps.append(f"`{each.model}`{whose}, up to {_days(each.max_age_days)} old{bands}")
    return "<br>else ".join([*steps, f"band {model.otherwise}"])


def _bands(bands: Iterable[Band]) -> str:
    first, *others = bands
    return ", ".join([first.band, *(f"{each.band} from {number(f'{each.from_score:f}')}" for each in others)])


def _profile(strategy: Strategy, policy: PolicyPack) -> Iterator[str]:
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
    yield _rules_table(points, vocabulary)
    yield "The points make a band."
    yield _rules_table(strategy.profile.band, vocabulary.extended(points.words()))
    approved = list(_approvals(strategy, policy))
    if approved:
        yield "Rules that read an attribute which the policy puts under review, and who approved that:"
        yield table(("rule", "attribute", "approved by", "on", "because"), approved)


def _approvals(strategy: Strategy, policy: PolicyPack) -> Iterator[tuple[str, str, str, str, str]]:
    verdicts = policy.verdicts()
    for each, vocabulary in _with_vocabulary(strategy):
        reads: dict[int, set[str]] = {}
        for position, attribute in attributes_read(each, vocabulary):
            # what the pack does not name is under review
            if verdicts.get(attribute, "review") == "review":
                reads.setdefault(position, set()).add(attribute)
        for position, attributes in sorted(reads.items()):
            rule = each.rules[position]
            named = ", ".join(sorted(attributes)).replace("_", " ")
            if rule.approval is not None:
                said = rule.approval
                yield rule.id, named, said.role, said.approved_on.isoformat(), said.reason


def _with_vocabulary(strategy: Strategy) -> Iterator[tuple[DecisionTable, Vocabulary]]:
    vocabulary = armed_vocabulary(strategy.vocabulary, strategy.experiments)
    for placed in strategy.tables:
        yield placed.table, vocabulary
        vocabulary = vocabulary.extended(placed.table.words())


def _segments(strategy: Strategy) -> Iterator[str]:
    yield "## Segments"
    yield "Class, balance, scores and profile together make a segment. The first rule that holds decides."
    yield _rules_table(strategy.treatments.segment, _vocabulary_of(strategy, strategy.treatments.segment))


def _treatments(strategy: Strategy, grid: Grid) -> Iterator[str]:
    table_ = strategy.treatments.treatment
    yield "## Treatments"
    yield (
        f"From the segment to who does what, by which channels in order of preference, in which queue. "
        f"{table_.outputs['intensity'].meaning} The first rule that holds decides."
    )
    yield _rules_table(table_, _vocabulary_of(strategy, table_))
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
    yield _rules_table(priority, _vocabulary_of(strategy, priority))


def _experiments(strategy: Strategy) -> Iterator[str]:
    yield "## Experiments"
    experiments = list(strategy.experiments)
    if not experiments:
        yield "None is declared."
    for experiment in experiments:
        yield f"### {experiment.name}"
        yield f"{experiment.hypothesis} {experiment.reason} Owner: {experiment.owner}."
        yield table(
            ("arm", "what is done"),
            [
                (f"{arm} (the champion)" if arm == experiment.champion and arm != "champion" else arm, what)
                for arm, what in experiment.arms.items()
            ],
        )
        yield _shares(experiment)
        yield _power(experiment)
        if experiment.exclude:
            yield table(("left out are", "because"), [(f"`{each.when}`", each.reason) for each in experiment.exclude])


def _shares(experiment: Experiment) -> str:
    arms = list(experiment.arms)
    rows = [
        (
            shares.valid_from.isoformat(),
            "open" if before is None else before.isoformat(),
            *(f"{_percent(shares.arms.get(arm, Decimal(0)))}" for arm in arms),
            ", ".join(f"{arm} {cases:,}" for arm, cases in need(experiment, shares).required.items()),
        )
        for shares, before in experiment.periods()
    ]
    return table(("cases that enter from", "before", *(f"share of {arm}" for arm in arms), "cases needed"), rows)


def _power(experiment: Experiment) -> str:
    effect = experiment.minimum_effect
    return (
        f"Measured is {_METRICS[experiment.metric]} within {_days(experiment.within_days)} of entry. "
        f"The champion is expected to give {experiment.baseline}; with the cases above, a difference of {effect} is "
        f"found with a chance of {_percent(experiment.power)}, and one that is none is called with a chance of at most "
        f"{_percent(experiment.alpha)}. A case counts once its days have passed."
    )


def _policy(strategy: Strategy, policy: PolicyPack) -> Iterator[str]:
    yield f"## Policy: {policy.title}"
    yield f"The pack `{policy.pack}` says what a rule may read and when and how often anybody may be contacted."
    readers: dict[str, list[str]] = {}
    for each, vocabulary in _with_vocabulary(strategy):
        for position, attribute in attributes_read(each, vocabulary):
            rules = readers.setdefault(attribute, [])
            if each.rules[position].id not in rules:
                rules.append(each.rules[position].id)
    yield table(
        ("attribute", "verdict", "source", "read by"),
        [
            (name.replace("_", " "), said.verdict, said.source, _some(readers.get(name, [])))
            for name, said in policy.attributes.items()
        ],
    )
    hours = policy.hours
    yield table(
        ("contact", "limit", "what happens", "source"),
        [
            (
                "any channel",
                f"not from {hours.forbidden_from} to {hours.forbidden_to}, the debtor's local time",
                "block",
                hours.source,
            ),
            *(
                (
                    f"{limit.counts} calls",
                    f"at most {limit.most} a day per {limit.per}, all agencies included",
                    limit.verdict,
                    limit.source,
                )
                for limit in policy.limits
            ),
        ],
    )
    yield table(
        ("source", "what it is", "of", "dated"),
        [(key, each.title, each.publisher, each.dated.isoformat()) for key, each in policy.sources.items()],
    )


def _some(ids: list[str]) -> str:
    return ", ".join(ids) if len(ids) <= 5 else f"{', '.join(ids[:4])} and {len(ids) - 4} more"


def _rules_table(table_: DecisionTable, vocabulary: Vocabulary) -> str:
    """The rules of a table: what each gives, when in words, and the condition itself."""
    outputs = list(table_.outputs)
    notes = any(rule.note for rule in table_.rules)
    rows = []
    for rule in table_.rules:
        condition = parse_condition(rule.when, vocabulary)
        given = [_shown(rule.then[name]) for name in outputs]
        rows.append((rule.id, *given, in_words(condition), f"`{rule.when}`", *([rule.note or ""] if notes else [])))
    if table_.default is not None and table_.hit == "first":
        default = [_shown(table_.default[name]) for name in outputs]
        rows.append(("", *default, "otherwise", "", *([""] if notes else [])))
    heads = [name.replace("_", " ") for name in outputs]
    return table(("rule", *heads, "when", "condition", *(["note"] if notes else [])), rows)


def _vocabulary_of(strategy: Strategy, wanted: DecisionTable) -> Vocabulary:
    return next(vocabulary for table_, vocabulary in _with_vocabulary(strategy) if table_ is wanted)


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.replace(",", ", ") if isinstance(value, str) else str(value)


def _range(first: object, last: object) -> str:
    if last is None:
        return f"{first} and more"
    return str(first) if first == last else f"{first} to {last}"


def _percent(share: Decimal) -> str:
    return f"{float(share) * 100:.4g} %"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"

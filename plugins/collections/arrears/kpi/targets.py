"""`targets.yaml`: what is asked of collectors and teams on each day that they work, by queue, team and collector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from arrears.errors import RulesError
from arrears.rules.files import PlacedError, RuleModel
from arrears.rules.findings import Finding
from arrears.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from arrears.strategy.checked import Checked

FILE = "targets.yaml"

Share = Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)]
"""A share as a number, 0.35 for 35 %."""
Amount = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2)]

RATES = ("coverage", "connect_rate", "promise_rate", "kept_rate", "compliance")
"""The targets that are shares, each reached from below."""
EVERYBODY = ""
"""Name of the level of everybody."""
_CENT = Decimal("0.01")


class Targets(RuleModel):
    """What is asked; what is left out is taken from the next wider level."""

    recovered_amount: Amount | None = None
    """What a collector who is present is to recover on a day, in the ledger's currency."""
    recovered_share: Share | None = None
    """The same as a share of what his cases owe overdue; instead of recovered_amount."""
    coverage: Share | None = None
    """Touched cases / cases."""
    connect_rate: Share | None = None
    """Connected attempts / attempts."""
    promise_rate: Share | None = None
    """Promises / right-party contacts."""
    kept_rate: Share | None = None
    """Promises kept / promises due."""
    compliance: Share | None = None
    """Contacts that the policy did not block / contacts that the strategy wanted with own cases."""

    @model_validator(mode="after")
    def _recovered_in_one_way(self) -> Targets:
        if self.recovered_amount is not None and self.recovered_share is not None:
            raise PlacedError("recovered_amount or recovered_share, not both", "recovered_share")
        return self

    @property
    def recovers(self) -> bool:
        """Whether it names a target of recovered amounts."""
        return self.recovered_amount is not None or self.recovered_share is not None

    def recovered(self, owed: Decimal) -> Decimal | None:
        """What is to be recovered of cases that owe `owed` overdue."""
        return self.recovered_share * owed if self.recovered_share is not None else self.recovered_amount


class TargetRules(RuleModel):
    """`targets.yaml`. The nearest level that names a target decides: collector, team, queue, then everybody."""

    defaults: Targets = Targets()
    """For everybody."""
    queues: Mapping[str, Targets] = {}
    """For the cases of a queue; who has cases of several is asked for their mean, weighted by cases."""
    teams: Mapping[str, Targets] = {}
    """For each collector of a team."""
    collectors: Mapping[str, Targets] = {}
    """For one collector."""

    @model_validator(mode="after")
    def _process_beside_results(self) -> TargetRules:
        # a rule for credit cards, kept here for all: nobody is judged by what he recovered alone
        for level, name, targets in self.levels():
            asked = any(getattr(each, rate) for each in (targets, self.defaults) for rate in RATES)
            if targets.recovers and not asked:
                at = (level,) if level == "defaults" else (level, name)
                raise PlacedError("a target of process or compliance beside one of recovered amounts", *at)
        return self

    def levels(self) -> Iterator[tuple[str, str, Targets]]:
        """Key of the level, name within it (EVERYBODY for the defaults), and what is asked there."""
        yield "defaults", EVERYBODY, self.defaults
        for level in ("queues", "teams", "collectors"):
            named: Mapping[str, Targets] = getattr(self, level)
            for name, targets in named.items():
                yield level, name, targets

    def of_queue(self, queue: str) -> Targets:
        """What is asked for the cases of a queue: its own targets, the rest from the defaults."""
        own = self.queues.get(queue, Targets())
        wider = self.defaults.model_dump()
        if own.recovers:
            wider |= {"recovered_amount": None, "recovered_share": None}
        return Targets.model_validate({**wider, **own.model_dump(exclude_none=True)})


@dataclass(frozen=True)
class Asked:
    """What is asked of one collector on one day."""

    recovered: Decimal | None
    """Amount to recover; None: nothing is asked."""
    rates: Mapping[str, Decimal | None]
    """Each of RATES; None: nothing is asked."""


def target_rules(rules: RuleSet) -> TargetRules:
    """The targets of a rule set; one without the file asks for nothing."""
    return rules.load(FILE, TargetRules) if FILE in rules.files() else TargetRules()


def asked_of(
    rules: TargetRules, collector_id: str, team: str | None, in_queues: Mapping[str, tuple[int, Decimal]]
) -> Asked:
    """What the targets ask of a collector on a day; `in_queues` are his cases and what they owe overdue, by queue."""
    own = rules.collectors.get(collector_id, Targets())
    of_team = rules.teams.get(team, Targets()) if team is not None else Targets()
    cases = sum((count for count, _ in in_queues.values()), 0)
    owed = sum((overdue for _, overdue in in_queues.values()), Decimal(0))
    by_queue = [(count, overdue, rules.of_queue(queue)) for queue, (count, overdue) in in_queues.items()]
    recovered: Decimal | None = None
    for level in (own, of_team):
        if level.recovers:
            # without a case there is nothing to recover
            recovered = level.recovered(owed) if cases else None
            break
    else:
        parts = [
            queue.recovered_share * overdue
            if queue.recovered_share is not None
            else (queue.recovered_amount or Decimal(0)) * count / cases
            for count, overdue, queue in by_queue
            if queue.recovers
        ]
        recovered = sum(parts, Decimal(0)) if parts else None
    rates: dict[str, Decimal | None] = {}
    for rate in RATES:
        named = [each for each in (getattr(own, rate), getattr(of_team, rate)) if each is not None]
        if named:
            rates[rate] = named[0]
            continue
        weighed = [(count, getattr(queue, rate)) for count, _, queue in by_queue if getattr(queue, rate) is not None]
        weight = sum(count for count, _ in weighed)
        rates[rate] = (
            sum((count * share for count, share in weighed), Decimal(0)) / weight
            if weight
            else getattr(rules.defaults, rate)
        )
    return Asked(None if recovered is None else recovered.quantize(_CENT), rates)


def target_findings(checked: Checked) -> Iterator[Finding]:
    """Targets of queues that no treatment gives; the form of the file is not judged here."""
    rules = checked.rules
    try:
        targets = target_rules(rules)
    except RulesError:
        return
    queues = _queues(checked)
    for name in targets.queues:
        if queues and name not in queues:
            yield Finding(
                "warning",
                "target_queue",
                f"targets for the queue {name}, which no treatment gives",
                rules.place(FILE, ("queues", name)),
                f"The queues are {', '.join(sorted(queues))}.",
            )


def _queues(checked: Checked) -> set[str]:
    given: set[str] = set()
    for table in checked.tables:
        if table.section == "treatment" and table.table is not None:
            thens = [rule.then for rule in table.table.rules]
            if table.table.default is not None:
                thens.append(table.table.default)
            given |= {str(then["queue"]) for then in thens if "queue" in then}
    return given - {"none"}

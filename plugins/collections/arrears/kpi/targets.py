"""`targets.yaml`: what is asked of collectors and teams on each day that they work, by queue, team and collector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
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
_LEVELS = {"defaults": "everybody", "queues": "queue", "teams": "team", "collectors": "collector"}
_SHARE = pa.decimal128(9, 6)
_RELATION = pa.schema(
    [
        ("as_of", pa.date32()),
        ("level", pa.string()),
        ("name", pa.string()),
        ("recovered_amount", pa.decimal128(18, 2)),
        ("recovered_share", _SHARE),
        *((rate, _SHARE) for rate in RATES),
    ]
)


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

    def effective(self) -> Iterator[tuple[str, str, Targets]]:
        """As `levels`, in the singular; queues with everybody's target of recovered amounts where they have none."""
        wider = {"recovered_amount": self.defaults.recovered_amount, "recovered_share": self.defaults.recovered_share}
        for level, name, targets in self.levels():
            whole = targets
            if level == "queues" and not targets.recovers:
                whole = targets.model_copy(update=wider)
            yield _LEVELS[level], name, whole


def target_rules(rules: RuleSet) -> TargetRules:
    """The targets of a rule set; one without the file asks for nothing."""
    return rules.load(FILE, TargetRules) if FILE in rules.files() else TargetRules()


def target_relation(rules: Mapping[date, TargetRules]) -> pa.Table:
    """The targets of days as the models read them: as_of, level, name, and what is asked there; NULL: nothing.

    level: everybody, queue, team or collector. A queue without a target of recovered amounts has everybody's.
    """
    rows = [
        {"as_of": day, "level": level, "name": name, **asked.model_dump()}
        for day, of_day in rules.items()
        for level, name, asked in of_day.effective()
    ]
    return pa.Table.from_pylist(rows, schema=_RELATION)


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

"""One side of a preview: the day's book under one rule set, by the code of the day's own steps, in the shadow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from arrears.allocation.allocate import allocate
from arrears.allocation.roster import read_roster
from arrears.allocation.rules import FILE as ALLOCATION
from arrears.allocation.rules import AllocationRules
from arrears.lake import Lake
from arrears.outreach.ops_reads import known_until
from arrears.outreach.plan import build_contact_plan
from arrears.outreach.rules import ContactRules, load_contact_rules
from arrears.rules.rule_set import RuleSet, load_kept_rule_set
from arrears.run import Run
from arrears.shadow import ShadowRun, shadow_run
from arrears.strategy.age_book import TABLES as AGED
from arrears.strategy.ageing import FILE as AGEING_FILE
from arrears.strategy.record import AGEING, made_by
from arrears.strategy.steps import AREA, DECIDED, age_contracts, apply_rules, publish_treatments, tier_balances

LEDGER_READ = (
    "charges",
    "collectors",
    "consents",
    "contact_results",
    "contracts",
    "customers",
    "holds",
    "installments",
    "payments",
    "promises",
    "scores",
)
"""The tables of the published ledger that the steps of a side read."""


@dataclass(frozen=True)
class Side:
    """A computed side: its run, whose lake has the tables, and what its load is measured against."""

    run: ShadowRun
    contact: ContactRules
    roster: pa.Table
    """One row per queue and collector at work who is trained for it."""


def compute_side(run: Run, rules: RuleSet, root: Path) -> Side:
    """Decides, allocates and plans the day of `run` under `rules`, writing below `root` only.

    What the lake of `run` already has from the same ledger, rules, models, code and settings is taken as it is. When
    the day is the current one, `ops` is read for what the day's own steps read of it: the owners of the morning, and
    what was known of contacts when the day was first planned. The caller closes the side's run.
    """
    side = shadow_run(run, root, rules)
    try:
        if not treated(side):
            if not aged(side):
                age_contracts(side)
            tier_balances(side)
            apply_rules(side)
            publish_treatments(side)
        allocate(side)
        contact, policy = load_contact_rules(rules)
        build_contact_plan(side, contact, policy, known_until(side))
        return Side(side, contact, _roster(side))
    except BaseException:
        side.close()
        raise


def treated(run: Run) -> bool:
    """Whether the lake has the day's decisions from just what `run` would make them of."""
    return _published(run, AREA, DECIDED) and run.lake.record(AREA, run.day) == _record(run)


def aged(run: Run) -> bool:
    """Whether the lake has the day's ageing from just what `run` would make it of; of the rules, ageing.yaml counts."""
    record = run.lake.record(AGEING, run.day)
    if record is None or not _published(run, AGEING, AGED):
        return False
    kept = str(record.get("rule_set_hash"))
    if {**record, **_rule_set_of(run)} != _record(run):
        return False
    if kept == run.rules.hash:
        return True
    folder = run.lake.kept(f"_rules/{kept}")
    return folder.is_dir() and load_kept_rule_set(Lake(folder.parents[1]), kept).text(AGEING_FILE) == run.rules.text(
        AGEING_FILE
    )


def _record(run: Run) -> dict[str, object]:
    return made_by(run, run.lake.published("ledger", run.day) or {})


def _rule_set_of(run: Run) -> dict[str, object]:
    return {name: value for name, value in _record(run).items() if name.startswith("rule_set")}


def _published(run: Run, area: str, tables: tuple[str, ...]) -> bool:
    digests = run.lake.published(area, run.day)
    if digests is None or not all(run.lake.exists(table, run.day) for table in tables):
        return False
    return run.lake.digests(run.day, tables) == {table: digests.get(table) for table in tables}


def _roster(run: Run) -> pa.Table:
    cases = run.lake.read("cases", run.day, ["queue"])
    present = [queue for queue in cases["queue"].unique().to_pylist() if queue != "none"]
    return read_roster(run, run.rules.load(ALLOCATION, AllocationRules).in_order(present))

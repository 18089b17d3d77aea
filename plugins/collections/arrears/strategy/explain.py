"""Explains one contract's treatment on one day from what the lake keeps of that day, and from nothing else.

Ledger tables, snapshot, decision and cases are the day's stored partitions; the rules are those kept under the hash
on the contract's row. So a past day is explained as it was decided, whatever the rules say today. Errors and logs
never carry the contract's id: whoever asks knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from arrears.day import Basis, BusinessDay
from arrears.engines import Engine
from arrears.engines.duckdb import DuckDBEngine
from arrears.errors import LakeError, NotPublishedError
from arrears.lake import Lake
from arrears.rules.rule_set import RuleSet, load_kept_rule_set, load_rule_set
from arrears.settings import Settings
from arrears.strategy.ageing import ageing_rules
from arrears.strategy.compile import Strategy, load_strategy
from arrears.strategy.experiment_arms import digest, slices
from arrears.strategy.experiment_rules import NONE
from arrears.strategy.explain_ledger import ContractLedger, ageing_view, ledger_figures, read_contract, rows_where
from arrears.strategy.explain_rules import attribute_policy, policy_views, try_tables
from arrears.strategy.explanation import (
    ArmView,
    CaseContract,
    CaseView,
    ContactView,
    Explanation,
    QuarantineView,
    Reason,
    ScoreView,
    Status,
    Versions,
)
from arrears.strategy.record import AGEING, code_version

_TREATMENT = "treatment"
_AREAS = ("ledger", AGEING, _TREATMENT, "worklist")
_LEADING = ("intensity", "priority", "delinquent_days", "overdue_amount", "contract_id")
"""What makes a contract lead its case, in this order; the last one is smaller first. As in strategy/cases.sql."""


def explain(settings: Settings, contract_id: str, as_of: date, basis: Basis | None = None) -> Explanation:
    """Why the contract was treated as it was on the day; frozen before restated when `basis` is None.

    Raises NotPublishedError for a day that the strategy has not run, LakeError for a contract that the day's ledger
    does not know and for a missing partition, RulesError when the rules of the day are not kept.
    """
    lake = Lake(settings.lake_root)
    day = _day(lake, as_of, basis)
    with DuckDBEngine(memory=settings.duckdb_memory, threads=settings.duckdb_threads) as engine:
        return _Explainer(settings, lake, day, engine, contract_id).explain()


def _day(lake: Lake, as_of: date, basis: Basis | None) -> BusinessDay:
    bases: tuple[Basis, ...] = ("frozen", "restated") if basis is None else (basis,)
    for each in bases:
        day = BusinessDay(as_of, each)
        if lake.exists("snapshot", day):
            return day
    asked = BusinessDay(as_of, bases[0])
    before = lake.previous_day(_TREATMENT, asked)
    raise NotPublishedError(
        expected=f"a run of the strategy for {asked}",
        found="none" if before is None else f"none; the last day before it that was run is {before}",
        where=str(lake.path("snapshot", asked)),
        action="Ask for a day that was run, or run strategy_daily for this one.",
    )


@dataclass(frozen=True)
class _Explainer:
    settings: Settings
    lake: Lake
    day: BusinessDay
    engine: Engine
    contract_id: str

    def explain(self) -> Explanation:
        snapshot = self._one("snapshot")
        decision = self._decision(snapshot)
        row = decision.to_pylist()[0] if decision is not None else None
        warnings: list[Reason] = []
        rules = self._rules(row, warnings)
        settings = self._settings_of_the_day(warnings)
        ledger = read_contract(settings, self.engine, rules, self.lake, self.day, self.contract_id)
        quarantine = self._quarantine()
        status = _status(snapshot, row, ledger, quarantine)
        if status is None:
            raise self._unknown()
        customer_id = _first_of("customer_id", row, snapshot, ledger.contract)
        strategy = load_strategy(rules)
        policy = attribute_policy(rules)
        figures = ledger_figures(ledger) if ledger.contract else None
        ageing = ageing_view(snapshot, figures, ledger) if snapshot and figures else None
        tables = try_tables(strategy, self.engine, decision) if decision is not None else []
        if ageing is not None and not ageing.agrees:
            warnings.append(Reason(code="items_lead_elsewhere"))
        if not all(table.agrees for table in tables):
            names = ", ".join(table.name for table in tables if not table.agrees)
            warnings.append(Reason(code="rules_lead_elsewhere", values={"tables": names}))
        case = self._case(customer_id) if row is not None and customer_id else None
        return Explanation(
            contract_id=self.contract_id,
            customer_id=customer_id,
            as_of=self.day.as_of,
            basis=self.day.basis,
            status=status,
            reasons=tuple(self._reasons(status, snapshot, row, ledger, customer_id)),
            warnings=tuple(warnings),
            product=_first_of("product", snapshot, ledger.contract),
            ageing=ageing,
            ledger=figures,
            score_stage=row["score_stage"] if row else None,
            scores=tuple(_score(role, row) for role in sorted(strategy.scores.bands)) if row else (),
            tables=tuple(tables),
            policy=tuple(policy_views(strategy, policy, tables)),
            arms=tuple(self._arms(strategy, row)) if row is not None else (),
            case=case,
            contacts=tuple(self._contacts(customer_id)) if case and customer_id else (),
            quarantine=tuple(quarantine),
            versions=self._versions(rules),
        )

    def _rows(self, table: str, column: str, value: str) -> list[dict[str, Any]]:
        if not self.lake.exists(table, self.day):
            return []
        rows: list[dict[str, Any]] = rows_where(self.engine, self.lake, table, self.day, column, value).to_pylist()
        return rows

    def _one(self, table: str) -> dict[str, Any] | None:
        rows = self._rows(table, "contract_id", self.contract_id)
        return rows[0] if rows else None

    def _decision(self, snapshot: Mapping[str, Any] | None) -> pa.Table | None:
        if snapshot is None or snapshot["days_past_due"] == 0:
            return None
        # existing: a contract in arrears has a decision, or the day did not end
        self.lake.existing("decision", self.day)
        rows = rows_where(self.engine, self.lake, "decision", self.day, "contract_id", self.contract_id)
        if rows.num_rows == 0:
            raise LakeError(
                expected="a decision for every contract in arrears",
                found="none for this one: decisions and snapshot are of different runs",
                where=str(self.lake.path("decision", self.day)),
                action="Clear age_contracts of this day; the steps after it follow.",
            )
        return rows

    def _rules(self, row: Mapping[str, Any] | None, warnings: list[Reason]) -> RuleSet:
        record = self.lake.record(AGEING, self.day) or self.lake.record(_TREATMENT, self.day) or {}
        content = row["rule_set_hash"] if row else record.get("rule_set_hash")
        if content is None:
            warnings.append(Reason(code="rules_of_today"))
            return load_rule_set(self.settings.rules, self.day.as_of)
        return load_kept_rule_set(self.lake, content)

    def _settings_of_the_day(self, warnings: list[Reason]) -> Settings:
        """Settings whose ageing is that of the day, whatever the environment says today."""
        record = self.lake.record(AGEING, self.day)
        if record is None:
            warnings.append(Reason(code="settings_of_today"))
            return self.settings
        return self.settings.model_copy(update=dict(record["settings"]))

    def _quarantine(self) -> list[QuarantineView]:
        return [
            QuarantineView(
                rule=row["rule_id"],
                severity=row["severity"],
                table=row["table_name"],
                key=row["key"],
                reason=row["reason"],
            )
            for row in self._rows("quarantine", "contract_id", self.contract_id)
        ]

    def _unknown(self) -> LakeError:
        # the id is not repeated: what somebody typed may be a phone number
        return LakeError(
            expected=f"a contract of the ledger of {self.day}",
            found=f"none of this id among {self.lake.rows('contracts', self.day):,} contracts",
            where=str(self.lake.path("contracts", self.day)),
            action="Ids are compared letter by letter: look at case, spaces and leading zeros, or try a later day.",
        )

    def _reasons(
        self,
        status: Status,
        snapshot: Mapping[str, Any] | None,
        row: Mapping[str, Any] | None,
        ledger: ContractLedger,
        customer_id: str | None,
    ) -> list[Reason]:
        if status == "quarantined":
            return [Reason(code="quarantined")]
        if status == "not_in_book":
            return _not_in_book(ledger.contract or {}, self.day.as_of, bool(ledger.parameters["recovery_worked"]))
        if status == "current":
            small = snapshot is not None and snapshot["overdue_amount"] > 0
            return [Reason(code="immaterial" if small else "current"), *_recovery(snapshot, ledger.contract)]
        assert row is not None  # noqa: S101 - a decided contract has a row
        reasons = _recovery(snapshot, ledger.contract)
        if row["held"]:
            own = bool(snapshot and snapshot["hold_kind"] == row["hold_kind"])
            reasons.append(Reason(code="held" if own else "held_elsewhere", values={"kind": row["hold_kind"]}))
        if row["class"] == "current" and row["delinquent_days"] == 0:
            reasons.append(Reason(code="in_grace"))
        elif row["class"] == "current":
            counting = ageing_rules(ledger.rules).counting.upper()
            reasons.append(Reason(code="in_first_month", values={"counting": counting}))
        return reasons

    def _case(self, customer_id: str) -> CaseView | None:
        cases = self._rows("cases", "customer_id", customer_id)
        if not cases:
            return None
        case = cases[0]
        contracts = sorted(self._rows("treatment", "customer_id", customer_id), key=_harshness)
        return CaseView(
            entered_on=case["entered_on"],
            lead_contract_id=case["lead_contract_id"],
            leads_by=_first_difference(contracts),
            contracts=tuple(
                CaseContract(**{name: each[name] for name in CaseContract.model_fields}) for each in contracts
            ),
            queue=case["queue"],
            treatment=case["treatment"],
            work_order=case["work_order"],
        )

    def _contacts(self, customer_id: str) -> list[ContactView]:
        rows = self._rows("contact_plan", "customer_id", customer_id)
        zone = self.settings.zone

        def here(at: datetime | None) -> datetime | None:
            # the lake keeps moments in UTC, and nobody reads hours of the day in it
            return None if at is None else at.astimezone(zone)

        return [
            ContactView(
                slot=row["slot"],
                channel=row["channel"],
                window_opens_at=here(row["window_opens_at"]),
                window_closes_at=here(row["window_closes_at"]),
                verdict=row["verdict"],
                rule=row["verdict_rule"],
                reason=row["verdict_reason"],
            )
            for row in sorted(rows, key=lambda row: (row["window_opens_at"], row["slot"]))
        ]

    def _arms(self, strategy: Strategy, row: Mapping[str, Any]) -> list[ArmView]:
        entries = {each["customer_id"]: each for each in self._rows("case_entry", "customer_id", row["customer_id"])}
        entered = entries[row["customer_id"]]["case_entered_on"] if entries else None
        views: list[ArmView] = []
        for experiment in strategy.experiments:
            shares = experiment.shares_on(entered) if entered else None
            arm = row.get(experiment.word) or NONE
            own = next((each for each in slices(experiment, shares) if each.arm == arm), None) if shares else None
            views.append(
                ArmView(
                    experiment=experiment.name,
                    arm=arm,
                    entered_on=entered,
                    digest=digest(experiment.name, row["customer_id"]),
                    shares_from=shares.valid_from if shares else None,
                    shares=dict(shares.arms) if shares else {},
                    from_digest=own.from_digest if own else None,
                    to_digest=own.to_digest if own else None,
                )
            )
        return views

    def _versions(self, rules: RuleSet) -> Versions:
        record = self.lake.record(_TREATMENT, self.day)
        present = code_version(self.settings)["sources"]
        published = {area: self.lake.published(area, self.day) for area in _AREAS}
        return Versions(
            rule_set=rules.name,
            rule_set_version=rules.version,
            rule_set_hash=rules.hash,
            policy=rules.policy,
            code={**record["code"], "models": record["models"]} if record else {},
            code_is_present=record is not None and record["code"]["sources"] == present,
            published={area: tables for area, tables in published.items() if tables is not None},
        )


def _status(
    snapshot: Mapping[str, Any] | None,
    row: Mapping[str, Any] | None,
    ledger: ContractLedger,
    quarantine: Sequence[QuarantineView],
) -> Status | None:
    if row is not None:
        return "decided"
    if snapshot is not None:
        return "current"
    if ledger.contract is not None:
        return "not_in_book"
    return "quarantined" if quarantine else None


def _recovery(snapshot: Mapping[str, Any] | None, contract: Mapping[str, Any] | None) -> list[Reason]:
    """That the contract is worked as one of the recovery book, if it is; days of older models have none."""
    if snapshot is None or not snapshot.get("written_off"):
        return []
    return [Reason(code="recovery", values={"day": (contract or {}).get("written_off_on")})]


def _not_in_book(contract: Mapping[str, Any], as_of: date, recovery_worked: bool) -> list[Reason]:
    reasons = [
        Reason(code=code, values={"day": contract[column]})
        for code, column in (("not_disbursed", "originated_on"), ("not_covered", "ledger_from"))
        if contract.get(column) is not None and contract[column] > as_of
    ]
    reasons += [
        Reason(code=code, values={"day": contract[column]})
        for code, column in (
            ("closed", "closed_on"),
            ("settled" if recovery_worked else "written_off", "written_off_on"),
        )
        if contract.get(column) is not None and contract[column] <= as_of
    ]
    return reasons or [Reason(code="left_out")]


def _score(role: str, row: Mapping[str, Any]) -> ScoreView:
    return ScoreView(
        role=role,
        score=row[f"{role}_score"],
        band=row[f"{role}_band"],
        model=row.get(f"{role}_model"),
        stands_in=bool(row.get(f"{role}_stand_in")),
    )


def _first_of(column: str, *rows: Mapping[str, Any] | None) -> Any:
    return next((row[column] for row in rows if row), None)


def _harshness(row: Mapping[str, Any]) -> tuple[Any, ...]:
    *figures, last = _LEADING
    return (*(-row[name] for name in figures), row[last])


def _first_difference(contracts: Sequence[Mapping[str, Any]]) -> str | None:
    if len(contracts) < 2:
        return None
    return next(name for name in _LEADING if contracts[0][name] != contracts[1][name])

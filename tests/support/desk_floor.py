"""A desk on a real warehouse for tests: cases, pools and collectors are written straight into ops."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from arrears.desk.callers import Caller
from arrears.desk.desk import Desk
from arrears.run import Run
from arrears.settings import PROJECT, Settings
from arrears.warehouse.ops_allocation import COLLECTOR_SHARE
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, COLLECTOR
from arrears.warehouse.schema import metadata

TODAY = date(2026, 11, 20)
ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 9, 30, tzinfo=ZONE)

ALLOCATION = """
defaults:
  grab_batch: 5
  grab_batch_max: 30
  grabs_per_day: 50
  open_cases: 40
  lease_minutes: 60
  lease_renewals: 2
  give_back_reasons: [no_capacity, other]
queues: {field: {}, phone: {}, agency: {}, reminder: {respect_regions: false}}
"""


@dataclass
class MovingClock:
    """A clock that tests set forward."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def today(self) -> date:
        return self.at.date()

    def forward(self, **parts: float) -> None:
        self.at += timedelta(**parts)


def lead(name: str = "lina", teams: frozenset[str] | None = None) -> Caller:
    """A lead."""
    return Caller(name, "lead", teams=teams, via="airflow")


def collector(collector_id: str) -> Caller:
    """A collector's token."""
    return Caller(f"token-{collector_id}", "collector", collector_id, via="token")


def viewer() -> Caller:
    """Somebody who may only look."""
    return Caller("vera", "viewer", via="airflow")


@dataclass
class Floor:
    """A desk with its warehouse, its clock, and short ways to write and to look."""

    desk: Desk
    warehouse: sa.Engine
    settings: Settings
    clock: MovingClock = field(default_factory=MovingClock)

    def cases(self, number: int, *, first: int = 1, owner: str | None = None, **values: Any) -> list[str]:
        """Writes cases into the pool, or into the hands of `owner`; their ids, best first."""
        at = self.clock.now().astimezone(UTC)
        rows, intervals = [], []
        for i in range(first, first + number):
            customer = f"C{i:05d}"
            row = {
                "case_id": f"{customer}@{TODAY.isoformat()}",
                "customer_id": customer,
                "state": "pool" if owner is None else "owned",
                "collector_id": owner,
                "source": None if owner is None else "auto",
                "owned_from": None if owner is None else at,
                "pool_opened_at": at if owner is None else None,
                "opened_on": TODAY,
                "as_of": TODAY,
                "queue": "phone",
                "segment": "mid_phone",
                "treatment": "phone_pressure",
                "intensity": 3,
                "placement": "in_house",
                "priority": 50,
                "work_order": i,
                "contracts": 1,
                "contract_ids": f"K{i:05d}",
                "lead_contract_id": f"K{i:05d}",
                "region": None,
                "overdue_amount": Decimal("1000.00"),
                "outstanding_amount": Decimal("50000.00"),
                "days_past_due": 40,
                "bucket": "M2",
                "class": "mid",
                "rule_set": "shipped",
                "rule_set_version": 1,
                "rule_set_hash": "0" * 64,
                **values,
            }
            rows.append(row)
            intervals.append(
                {
                    "case_id": row["case_id"],
                    "interval_no": 1,
                    "collector_id": owner,
                    "source": "pool" if owner is None else "auto",
                    "queue": row["queue"],
                    "from_at": at,
                    "from_day": TODAY,
                    "reason": "test",
                }
            )
        with self.warehouse.begin() as connection:
            connection.execute(sa.insert(CASE), rows)
            connection.execute(sa.insert(CASE_ASSIGNMENT), intervals)
        return [row["case_id"] for row in rows]

    def collectors(self, *ids: str, **values: Any) -> None:
        """Writes collectors who are at work."""
        rows = [
            {
                "collector_id": each,
                "as_of": self.clock.today(),
                "team": "north",
                "skills": None,
                "regions": None,
                "languages": None,
                "seniority": None,
                "daily_quota": None,
                "capacity": None,
                "at_work": True,
                **values,
            }
            for each in ids
        ]
        with self.warehouse.begin() as connection:
            connection.execute(sa.insert(COLLECTOR), rows)

    def split(self, queue: str, cases: Mapping[str, int], limited_by: Mapping[str, str]) -> None:
        """Writes what the day's split of a queue is said to have given each collector, and what kept him from more."""
        mean = Decimal(sum(cases.values())) / len(cases)
        rows = [
            {
                "business_day": TODAY,
                "queue": queue,
                "collector_id": each,
                "at_work": limited_by[each] != "absent",
                "cases": number,
                "kept": 0,
                "given": number,
                "taken_back": 0,
                "overdue_amount": number * 1000,
                "expected_recovery": number * 100,
                "difficulty": Decimal(50) if number else None,
                "even_share": mean,
                "limited_by": limited_by[each],
            }
            for each, number in cases.items()
        ]
        with self.warehouse.begin() as connection:
            connection.execute(sa.insert(COLLECTOR_SHARE), rows)

    def case(self, case_id: str) -> sa.Row[Any]:
        """A case as it stands."""
        with self.warehouse.connect() as connection:
            return connection.execute(sa.select(CASE).where(CASE.c.case_id == case_id)).one()

    def intervals(self, case_id: str) -> list[tuple[Any, ...]]:
        """Owner, source and end reason of a case's intervals."""
        c = CASE_ASSIGNMENT.c
        select = sa.select(c.collector_id, c.source, c.end_reason).where(c.case_id == case_id).order_by(c.interval_no)
        with self.warehouse.connect() as connection:
            return [tuple(row) for row in connection.execute(select)]

    def rows(self, table: str) -> list[Mapping[str, Any]]:
        """All rows of a table of ops."""
        found = metadata.tables[f"ops.{table}"]
        with self.warehouse.connect() as connection:
            select = sa.select(found).order_by(*found.primary_key.columns)
            return [dict(row._mapping) for row in connection.execute(select)]

    def actions(self) -> list[str]:
        """The actions of the audit, in their order."""
        return [str(row["action"]) for row in self.rows("case_event")]


def empty_ops(url: str) -> None:
    """Empties the tables of ops, the append-only ones as well."""
    engine = sa.create_engine(url)
    tables = [table for table in reversed(metadata.sorted_tables) if table.schema == "ops"]
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in tables:
            connection.execute(sa.delete(table))
    engine.dispose()


def copy_rules(folder: Path, allocation: str = ALLOCATION) -> Path:
    """The shipped rules with another allocation.yaml."""
    shutil.copytree(PROJECT / "include" / "rules", folder)
    (folder / "allocation.yaml").write_text(allocation, encoding="utf-8")
    return folder


def add_contact_rules(rules: Path) -> None:
    """Adds the shipped rules of contact, which results and calls ask, to a folder of rules."""
    shipped = PROJECT / "include" / "rules"
    (rules / "policies").mkdir(exist_ok=True)
    for name in ("contact.yaml", "policies/cn.yaml"):
        shutil.copy(shipped / name, rules / name)


def grab_at_desk(run: Run, collector_id: str, batch: int) -> list[str]:
    """A lead grabs cases of `phone` for a collector on the run's day; their ids."""
    desk = Desk(run.warehouse, run.settings, run.clock)
    return [case.case_id for case in desk.grab(lead(), "phone", batch=batch, collector_id=collector_id).cases]

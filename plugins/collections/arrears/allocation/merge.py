"""The merge: applies the day's assignment to `ops` in one transaction, under the row locks of the cases concerned.

Rows that do not change are not touched, so a second run leaves `ops` row for row as it is. Nothing is deleted: a case
without work is closed with its reason, and one that was closed on the same day by mistake is opened again.

A case is left with whom it is, or in the pool, for the rest of a day on which a person decided about it (grab, manual)
or on which a contact with the customer was tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from arrears.allocation.fairness import SHARES
from arrears.allocation.roster import read_collectors
from arrears.allocation.rules import FILE, AllocationRules
from arrears.allocation.staging import refresh_statistics, stage, temporary_table
from arrears.errors import AllocationError
from arrears.run import Run, StepResult
from arrears.sqlmodel import fetch_model
from arrears.strategy.ageing import ageing_rules
from arrears.warehouse import locks
from arrears.warehouse.ops_allocation import COLLECTOR_SHARE
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, COLLECTOR, INSTANT
from arrears.warehouse.ops_contacts import ContactAttempt

_DECIDED = ("collector_id", "source", "reason", "released")
_FIGURES = (
    "as_of",
    "entered_on",
    "queue",
    "segment",
    "treatment",
    "intensity",
    "placement",
    "priority",
    "work_order",
    "contracts",
    "contract_ids",
    "lead_contract_id",
    "region",
    "language",
    "min_seniority",
    "excluded_collectors",
    "overdue_amount",
    "outstanding_amount",
    "days_past_due",
    "bucket",
    "class",
    "rule_set",
    "rule_set_version",
    "rule_set_hash",
)
"""Columns of a case that follow the strategy, whoever has the case."""


@dataclass(frozen=True)
class _Merge:
    connection: sa.Connection
    day: date
    now: datetime
    image: sa.Table
    ends: sa.Table

    def run(self) -> dict[str, int]:
        self._find_cases()
        self._note_buckets()
        cases = {
            "opened": self._open(),
            "refreshed": self._refresh(),
            "moved": self._move(),
            "closed": self._close(),
        }
        # a bulk of new rows that the planner knows nothing about makes it loop where it should hash
        if any(cases.values()):
            refresh_statistics(self.connection, CASE)
        intervals = {"intervals_ended": self._end_intervals(), "intervals_begun": self._begin_intervals()}
        if any(intervals.values()):
            refresh_statistics(self.connection, CASE_ASSIGNMENT)
        return {**cases, **intervals}

    def _find_cases(self) -> None:
        """Fills `case_id`, `known` and `final` of the image: which case it is, if there is one, and if it may move."""
        image, day = self.image.c, self.day
        found = (
            sa.select(CASE.c.case_id, CASE.c.customer_id, CASE.c.state, CASE.c.human_action_on)
            .where(sa.or_(CASE.c.state != "closed", CASE.c.closed_on == day, CASE.c.opened_on == day))
            .ext(postgresql.distinct_on(CASE.c.customer_id))
            .order_by(CASE.c.customer_id, CASE.c.state == "closed", CASE.c.opened_on.desc())
            .subquery()
        )
        tried = sa.exists().where(ContactAttempt.customer_id == found.c.customer_id, ContactAttempt.business_day == day)
        by_person = sa.func.coalesce(found.c.human_action_on == day, sa.false())
        final = sa.and_(found.c.state != "closed", sa.or_(by_person, tried))
        self._execute(
            sa.update(self.image)
            .where(image.customer_id == found.c.customer_id)
            .values(case_id=found.c.case_id, known=sa.true(), final=final)
        )
        new = image.customer_id.concat("@").concat(sa.literal(day.isoformat()))
        self._execute(
            sa.update(self.image).where(image.case_id.is_(None)).values(case_id=new, known=sa.false(), final=sa.false())
        )

    def _note_buckets(self) -> None:
        """Notes with intervals that began at the desk in which bucket that was: the case still has it."""
        interval = CASE_ASSIGNMENT.c
        self._execute(
            sa.update(CASE_ASSIGNMENT)
            .where(
                interval.case_id == CASE.c.case_id,
                interval.to_at.is_(None),
                interval.bucket.is_(None),
                CASE.c.as_of < self.day,
            )
            .values(bucket=CASE.c.bucket)
        )

    def _open(self) -> int:
        image = self.image.c
        given = {
            "case_id": image.case_id,
            "customer_id": image.customer_id,
            "opened_on": sa.literal(self.day),
            **self._owner(),
            **{name: image[name] for name in _FIGURES},
        }
        select = sa.select(*given.values()).where(sa.not_(image.known)).order_by(image.case_id)
        return self._execute(sa.insert(CASE).from_select(list(given), select))

    def _refresh(self) -> int:
        """Figures of known cases; as the strategy says, whoever has them."""
        image = self.image.c
        before = sa.tuple_(*[CASE.c[name] for name in _FIGURES])
        after = sa.tuple_(*[image[name] for name in _FIGURES])
        return self._execute(
            sa.update(CASE)
            .where(CASE.c.case_id == image.case_id, image.known, before.is_distinct_from(after))
            .values({name: image[name] for name in _FIGURES})
        )

    def _move(self) -> int:
        """Owners and pool of known cases that may move, and what was closed today by mistake."""
        image = self.image.c
        state = sa.case((image.collector_id.is_(None), "pool"), else_="owned")
        elsewhere = sa.or_(CASE.c.state != state, CASE.c.collector_id.is_distinct_from(image.collector_id))
        return self._execute(
            sa.update(CASE)
            .where(CASE.c.case_id == image.case_id, image.known, sa.not_(image.final), elsewhere)
            .values(**self._owner(), closed_on=None, close_reason=None)
        )

    def _owner(self) -> dict[str, Any]:
        pooled = self.image.c.collector_id.is_(None)
        now = sa.literal(self.now, INSTANT)
        return {
            "state": sa.case((pooled, "pool"), else_="owned"),
            "collector_id": self.image.c.collector_id,
            "source": sa.case((pooled, None), else_="auto"),
            "owned_from": sa.case((pooled, None), else_=now),
            "pool_opened_at": sa.case((pooled, now), else_=None),
            "lease_until": sa.null(),
            "lease_renewals": sa.literal(0),
        }

    def _close(self) -> int:
        ends = self.ends.c
        return self._execute(
            sa.update(CASE)
            .where(CASE.c.customer_id == ends.customer_id, CASE.c.state != "closed")
            .values(
                state="closed",
                collector_id=None,
                source=None,
                owned_from=None,
                pool_opened_at=None,
                lease_until=None,
                lease_renewals=0,
                closed_on=self.day,
                close_reason=ends.close_reason,
            )
        )

    def _end_intervals(self) -> int:
        interval, image = CASE_ASSIGNMENT.c, self.image.c
        closed = CASE.c.state == "closed"
        # what the rules took back this morning; intervals of today are those of an earlier run
        taken_back = sa.and_(image.released.is_not(None), sa.not_(image.final), interval.from_day < self.day)
        of_case = image.case_id == CASE.c.case_id
        released = sa.select(image.released).where(of_case, taken_back).correlate(CASE, CASE_ASSIGNMENT)
        again = sa.exists().where(of_case, taken_back).correlate(CASE, CASE_ASSIGNMENT)
        why = sa.case(
            (closed, CASE.c.close_reason),
            (interval.collector_id.is_(None), "given"),
            (CASE.c.collector_id.is_(None), "pooled"),
            else_="reassigned",
        )
        return self._execute(
            sa.update(CASE_ASSIGNMENT)
            .where(
                interval.case_id == CASE.c.case_id,
                interval.to_at.is_(None),
                sa.or_(closed, interval.collector_id.is_distinct_from(CASE.c.collector_id), again),
            )
            .values(
                # a clock that was set back must not end an interval before it began
                to_at=sa.func.greatest(interval.from_at, sa.literal(self.now, INSTANT)),
                to_day=self.day,
                end_reason=why,
                released=sa.case((closed, None), else_=released.scalar_subquery()),
            )
        )

    def _begin_intervals(self) -> int:
        earlier = CASE_ASSIGNMENT.alias("earlier")
        last = sa.select(sa.func.max(earlier.c.interval_no)).where(earlier.c.case_id == CASE.c.case_id)
        lasting = sa.exists().where(CASE_ASSIGNMENT.c.case_id == CASE.c.case_id, CASE_ASSIGNMENT.c.to_at.is_(None))
        given = {
            "case_id": CASE.c.case_id,
            "interval_no": sa.func.coalesce(last.scalar_subquery(), 0) + 1,
            "collector_id": CASE.c.collector_id,
            "source": sa.func.coalesce(CASE.c.source, "pool"),
            "queue": CASE.c.queue,
            "bucket": CASE.c.bucket,
            "from_at": sa.literal(self.now, INSTANT),
            "from_day": sa.literal(self.day),
            "reason": self.image.c.reason,
        }
        select = (
            sa.select(*given.values())
            .join_from(CASE, self.image, CASE.c.case_id == self.image.c.case_id)
            .where(CASE.c.state != "closed", sa.not_(lasting))
            .order_by(CASE.c.case_id)
        )
        return self._execute(sa.insert(CASE_ASSIGNMENT).from_select(list(given), select))

    def _execute(self, statement: sa.Executable) -> int:
        return _rows_of(self.connection, statement)


def apply_assignment(run: Run) -> StepResult:
    """Applies `assignment` of the current day to `ops.case`, `ops.case_assignment`, `ops.collector` and
    `ops.collector_share`.

    Raises AllocationError when the assignment is not the one of the day's published cases.
    """
    image = _read_image(run)
    queues = pc.unique(image["queue"]).to_pylist()
    collectors = read_collectors(run, run.rules.load(FILE, AllocationRules).in_order(queues))
    shares = run.lake.read(SHARES, run.day)
    day = run.day.as_of
    with run.warehouse.begin() as connection:
        # row locks alone would not keep two merges apart, for cases not opened yet
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(locks.CASES)))
        concerned = sa.or_(CASE.c.state != "closed", CASE.c.closed_on == day, CASE.c.opened_on == day)
        connection.execute(
            sa.select(CASE.c.case_id).where(concerned).order_by(CASE.c.case_id).with_for_update()
        ).close()
        ahead = connection.scalar(sa.select(sa.func.max(CASE.c.as_of)).where(CASE.c.state != "closed"))
        case_ends = fetch_model(
            run,
            "allocation/case_end",
            relations={"open_case": _open_customers(connection)},
            params={"recovery_worked": ageing_rules(run.rules).recovery_book == "worked"},
        )
        merge = _Merge(connection, day, run.clock.now(), *_stage_all(connection, image, case_ends))
        changes = merge.run()
        changes["collectors"] = _merge_collectors(connection, collectors)
        changes["shares"] = _merge_shares(connection, day, shares)
        figures = _figures(connection, merge, case_ends)
    warnings = []
    if ahead is not None and ahead > day:
        warnings.append(f"ops held cases of {ahead.isoformat()}, a later day: the clock of acting was set back")
    return StepResult(
        rows={
            "ops.case": changes["opened"] + changes["refreshed"] + changes["moved"] + changes["closed"],
            "ops.case_assignment": changes["intervals_ended"] + changes["intervals_begun"],
            "ops.collector": changes["collectors"],
            "ops.collector_share": changes["shares"],
        },
        figures={**figures, "changes": changes},
        warnings=warnings,
    )


def _read_image(run: Run) -> pa.Table:
    image = fetch_model(run, "allocation/case_image")
    stale = image["source"].null_count
    if stale or image.num_rows != run.lake.rows("assignment", run.day):
        raise AllocationError(
            expected=f"an assignment of the {image.num_rows} published cases of {run.day}",
            found=f"one of {run.lake.rows('assignment', run.day)} cases, without {stale} of these",
            where=str(run.lake.path("assignment", run.day)),
            action="Clear allocate_cases: the cases were published anew since it ran.",
        )
    return image


def _open_customers(connection: sa.Connection) -> pa.Table:
    ids = connection.scalars(sa.select(CASE.c.customer_id).where(CASE.c.state != "closed")).all()
    return pa.table({"customer_id": pa.array(ids, pa.string())})


def _stage_all(connection: sa.Connection, image: pa.Table, case_ends: pa.Table) -> tuple[sa.Table, sa.Table]:
    columns = [
        CASE.c.customer_id,
        *[CASE_ASSIGNMENT.c[name] for name in _DECIDED],
        *[CASE.c[name] for name in _FIGURES],
    ]
    flags = [CASE.c.case_id, sa.Column("known", sa.Boolean()), sa.Column("final", sa.Boolean())]
    staged_image = temporary_table("staged_case", "customer_id", [*columns, *flags])
    stage(connection, staged_image, image)
    staged_ends = temporary_table("staged_case_end", "customer_id", [CASE.c.customer_id, CASE.c.close_reason])
    stage(connection, staged_ends, case_ends)
    return staged_image, staged_ends


def _merge_collectors(connection: sa.Connection, collectors: pa.Table) -> int:
    staged = temporary_table("staged_collector", "collector_id", COLLECTOR.c)
    stage(connection, staged, collectors.select([column.name for column in COLLECTOR.c]))
    insert = postgresql.insert(COLLECTOR).from_select(
        [column.name for column in staged.c], sa.select(staged).order_by(staged.c.collector_id)
    )
    return _rows_of(connection, _where_different(COLLECTOR, insert))


def _merge_shares(connection: sa.Connection, day: date, shares: pa.Table) -> int:
    """Shares of the day; a collector who is in the split no more has nothing."""
    share = COLLECTOR_SHARE.c
    key = "staged_key"
    staged = temporary_table(
        "staged_share",
        key,
        [sa.Column(key, sa.BigInteger()), *[each for each in share if each is not share.business_day]],
    )
    rows = shares.drop_columns(["as_of"]).append_column(key, pa.array(range(shares.num_rows), pa.int64()))
    stage(connection, staged, rows)
    names = [column.name for column in share]
    values = [sa.literal(day) if name == "business_day" else staged.c[name] for name in names]
    insert = postgresql.insert(COLLECTOR_SHARE).from_select(names, sa.select(*values).order_by(staged.c[key]))
    written = _rows_of(connection, _where_different(COLLECTOR_SHARE, insert))
    still = sa.exists().where(staged.c.queue == share.queue, staged.c.collector_id == share.collector_id)
    nothing = {"at_work": sa.false(), "difficulty": sa.null(), "limited_by": sa.literal("absent")}
    nothing |= {name: sa.literal(0) for name in ("cases", "kept", "given", "overdue_amount", "expected_recovery")}
    gone = sa.update(COLLECTOR_SHARE).where(
        share.business_day == day, sa.not_(still), sa.or_(share.at_work, share.cases > 0)
    )
    return written + _rows_of(connection, gone.values(nothing))


def _where_different(table: sa.Table, insert: postgresql.Insert) -> postgresql.Insert:
    """The insert, which changes rows that are there where they differ and touches no other."""
    changing = [column.name for column in table.c if not column.primary_key]
    differs = sa.tuple_(*[table.c[name] for name in changing]).is_distinct_from(
        sa.tuple_(*[insert.excluded[name] for name in changing])
    )
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in changing},
        where=differs,
    )


def _rows_of(connection: sa.Connection, statement: sa.Executable) -> int:
    """Executes a statement; how many rows it wrote."""
    # without the option SQLAlchemy does not keep the count of an INSERT
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _figures(connection: sa.Connection, merge: _Merge, case_ends: pa.Table) -> dict[str, Any]:
    counts = connection.execute(
        sa.select(CASE.c.state, CASE.c.queue, sa.func.count())
        .where(CASE.c.state != "closed")
        .group_by(CASE.c.state, CASE.c.queue)
        .order_by(CASE.c.state, CASE.c.queue)
    ).all()
    pool = {queue: number for state, queue, number in counts if state == "pool"}
    left = connection.scalar(sa.select(sa.func.count()).select_from(merge.image).where(merge.image.c.final))
    ended = case_ends.group_by("close_reason").aggregate([([], "count_all")]).sort_by("close_reason")
    return {
        "owned": sum(number for state, _, number in counts if state == "owned"),
        "pool": sum(pool.values()),
        "pool_per_queue": pool,
        "left_as_touched_today": left,
        "closed": dict(zip(ended["close_reason"].to_pylist(), ended["count_all"].to_pylist(), strict=True)),
    }

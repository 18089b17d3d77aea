"""Merges the day's plan into the outbox in one transaction: what was tried stays, the rest becomes what is planned.

A slot with an attempt is final, and so is one that a person cancelled. Another one takes the new plan's attributes,
and asks for approval again when what was approved has changed. What the plan no longer wants is cancelled, never
deleted. Rows that are as planned are not touched.
"""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import psycopg.sql
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.states import REPLACEABLE, REPLANNED, State
from arrears.run import Run
from arrears.warehouse import locks
from arrears.warehouse.ops_contacts import ContactTask

_CONTENT = (
    "lead_contract_id",
    "contract_ids",
    "channel",
    "template",
    "language",
    "queue",
    "placement",
    "priority",
    "needs_approval",
    "window_opens_at",
    "window_closes_at",
    "policy",
    "policy_rule",
    "policy_source",
    "policy_flags",
)
_COLUMNS = ("task_key", "business_day", "customer_id", "slot", *_CONTENT)
_APPROVED_CONTENT = ("contract_ids", "channel", "placement", "needs_approval")
"""What an approval is about; other changes leave it standing."""
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]


def merge_plan(run: Run) -> dict[str, int]:
    """Merges `contact_plan` of the run's day into `ops.contact_task`; returns how many rows were changed, and how."""
    plan = pa.concat_tables(
        pq.read_table(part, columns=[*_COLUMNS, "verdict"]) for part in run.lake.files("contact_plan", run.day)
    )
    wanted = plan.filter(pc.equal(plan["verdict"], "planned")).select(list(_COLUMNS))
    with run.warehouse.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(locks.CONTACT_PLAN, run.day.as_of.toordinal())))
        staged = _stage(connection, wanted)
        return _merge(connection, staged, run.day.as_of, run.clock.now())


def _stage(connection: sa.Connection, wanted: pa.Table) -> sa.Table:
    staged = sa.Table(
        "contact_task_staged",
        sa.MetaData(),
        *[sa.Column(name, _TASK.c[name].type, primary_key=name == "task_key") for name in _COLUMNS],
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    staged.create(connection)
    rows = io.BytesIO()
    # every valid value is quoted, so an empty text and a NULL stay apart
    pa_csv.write_csv(wanted, rows, pa_csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    statement = psycopg.sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT csv)").format(
        table=psycopg.sql.Identifier(staged.name),
        columns=psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, _COLUMNS)),
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows.getbuffer())
    return staged


def _merge(connection: sa.Connection, staged: sa.Table, day: date, now: datetime) -> dict[str, int]:
    task = _TASK
    first_state = sa.case((staged.c.needs_approval, State.AWAITING_APPROVAL.value), else_=State.PLANNED.value)
    replaceable = sa.and_(
        task.c.business_day == day, task.c.attempts == 0, task.c.state.in_([state.value for state in REPLACEABLE])
    )
    changed = sa.or_(*[task.c[name].is_distinct_from(staged.c[name]) for name in _CONTENT])
    approval_stands = sa.and_(
        task.c.state == State.APPROVED.value,
        *[task.c[name].is_not_distinct_from(staged.c[name]) for name in _APPROVED_CONTENT],
    )
    replaced = connection.execute(
        sa.update(task)
        .where(
            task.c.task_key == staged.c.task_key,
            replaceable,
            sa.or_(changed, task.c.state == State.CANCELLED.value),
            # what a person cancelled stays cancelled
            sa.or_(task.c.state != State.CANCELLED.value, task.c.state_reason == REPLANNED),
        )
        .values(
            {name: staged.c[name] for name in _CONTENT}
            | {
                "state": sa.case((approval_stands, task.c.state), else_=first_state),
                "decided_by": sa.case((approval_stands, task.c.decided_by), else_=None),
                "decided_at": sa.case((approval_stands, task.c.decided_at), else_=None),
                "state_reason": None,
                "changed_at": now,
            }
        )
    ).rowcount
    cancelled = connection.execute(
        sa.update(task)
        .where(
            replaceable,
            task.c.state != State.CANCELLED.value,
            ~sa.exists().where(staged.c.task_key == task.c.task_key),
        )
        .values(state=State.CANCELLED.value, state_reason=REPLANNED, changed_at=now)
    ).rowcount
    added = connection.execute(
        insert(task)
        .from_select(
            [*_COLUMNS, "state", "attempts", "planned_at", "changed_at"],
            sa.select(
                *[staged.c[name] for name in _COLUMNS],
                first_state,
                sa.literal(0),
                sa.literal(now, task.c.planned_at.type),
                sa.literal(now, task.c.changed_at.type),
            ),
        )
        .on_conflict_do_nothing(index_elements=[task.c.task_key]),
        execution_options={"preserve_rowcount": True},
    ).rowcount
    return {"added": added, "replaced": replaced, "cancelled": cancelled}

"""Changes of who has a case: each case is locked, judged, and either moved with its intervals and audit, or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.clock import Clock
from arrears.desk.audit import Act, note
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.warehouse import locks
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, INSTANT
from arrears.warehouse.ops_desk import Action, CaseExclusion

MOST_CASES = 1000
"""Cases that one request may change."""

_EXCLUSION: sa.Table = CaseExclusion.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)

EndReason = Literal["given_back", "handed_over", "recalled", "absent"]


@dataclass(frozen=True)
class Move:
    """A case and who is to have it; None: the pool."""

    case: sa.Row[Any]
    to: str | None


def distinct_ids(case_ids: Collection[str], what: str) -> list[str]:
    """The cases of a request, each once, in its order. Raises Refusal for none or too many."""
    ids = list(dict.fromkeys(case_ids))
    if not 1 <= len(ids) <= MOST_CASES:
        raise Refusal(
            kind="invalid",
            rule="cases.number",
            expected=f"1 to {MOST_CASES} cases",
            found=str(len(ids)),
            where=what,
            action="Name the cases, in several requests if they are many.",
        )
    return ids


def wait_for_merge(connection: sa.Connection) -> None:
    """Waits while open_grab_pool applies a day, and keeps it waiting until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(locks.CASES)))


def lock_cases(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
    """Locks cases in one order, as every writer of several cases does."""
    return connection.execute(sa.select(CASE).where(where).order_by(CASE.c.case_id).with_for_update()).all()


def lock_named(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, sa.Row[Any]]:
    """Locks the cases of a request; those that there are not are left out."""
    # a text with a NUL is no text of the database's, and so no case
    some = [each for each in ids if "\x00" not in each]
    found = lock_cases(connection, CASE.c.case_id == sa.any_(sa.literal(some, _TEXTS)))
    return {row.case_id: row for row in found}


def move(
    connection: sa.Connection,
    caller: Caller,
    clock: Clock,
    moves: Sequence[Move],
    *,
    action: Action,
    end_reason: EndReason,
    reason: str,
    key: str | None = None,
    exclude: bool = True,
) -> None:
    """Moves locked cases: their owners, their intervals, the audit; their old owners do not grab them again today."""
    if not moves:
        return
    now, today = clock.now(), clock.today()
    wanted = (
        sa.func.unnest(
            sa.literal([each.case.case_id for each in moves], _TEXTS), sa.literal([each.to for each in moves], _TEXTS)
        )
        .table_valued(sa.column("case_id", sa.Text), sa.column("to_id", sa.Text), name="wanted")
        .render_derived()
    )
    pooled = wanted.c.to_id.is_(None)
    at = sa.literal(now, INSTANT)
    connection.execute(
        sa.update(CASE)
        .where(CASE.c.case_id == wanted.c.case_id)
        .values(
            state=sa.case((pooled, "pool"), else_="owned"),
            collector_id=wanted.c.to_id,
            source=sa.case((pooled, None), else_="manual"),
            owned_from=sa.case((pooled, None), else_=at),
            pool_opened_at=sa.case((pooled, at), else_=None),
            lease_until=None,
            lease_renewals=0,
            human_action_at=now,
            human_action_on=today,
        )
    )
    interval = CASE_ASSIGNMENT.c
    ended = (
        sa.update(CASE_ASSIGNMENT)
        .where(interval.case_id == wanted.c.case_id, interval.to_at.is_(None))
        .values(to_at=sa.func.greatest(interval.from_at, at), to_day=today, end_reason=end_reason)
        .returning(interval.case_id, interval.interval_no, interval.queue, wanted.c.to_id)
        .cte("ended")
    )
    begin: dict[str, Any] = {
        "case_id": ended.c.case_id,
        "interval_no": ended.c.interval_no + 1,
        "collector_id": ended.c.to_id,
        "source": sa.case((ended.c.to_id.is_(None), "pool"), else_="manual"),
        "queue": ended.c.queue,
        "from_at": at,
        "from_day": sa.literal(today),
        "reason": sa.literal(end_reason),
    }
    connection.execute(sa.insert(CASE_ASSIGNMENT).from_select(list(begin), sa.select(*begin.values())))
    if exclude:
        shut = [
            {
                "business_day": today,
                "collector_id": each.case.collector_id,
                "case_id": each.case.case_id,
                "rule": end_reason,
            }
            for each in moves
            if each.case.collector_id is not None
        ]
        if shut:
            connection.execute(insert(_EXCLUSION).on_conflict_do_nothing(), shut)
    note(
        connection,
        caller,
        clock,
        key,
        [
            Act(
                action,
                case_id=each.case.case_id,
                queue=each.case.queue,
                collector_id=each.case.collector_id,
                to_collector_id=each.to,
                reason=reason,
            )
            for each in moves
        ],
    )

"""Through the contact hours, every five minutes: send what has become due, and take in what providers report.

**Runs** every five minutes from 08:00 to 21:55 in the lender's zone, always for the current business day by the clock
of acting. Each run lets unanswered approvals of ended days lapse, takes in receipts first, so that an answer stops what
was planned, settles what a killed worker left behind, tries failed contacts again whose wait is over, and sends what
has become due since the last run. Beside it, `expire_leases` puts grabbed cases that nobody worked in time back into
the pool.

**Safe to clear:** its tasks, at any time, though the next run does the same. Pausing the Dag stops all sending that
`outreach_daily` and `approvals_daily` do not do themselves; what is due goes out once it is unpaused and its window is
still open.

**When `dispatch_contacts` fails,** a channel is down: the others went on. Mend the channel's connection
(`arrears_<channel>`) or wait for the provider; the next run tries again. A channel whose circuit breaker is open rests
and is named each time while something waits for it; clearing `push_contacts` of `outreach_daily` tries it at once.
Where the message names a partner's file, nothing of it was taken in: ask the partner for it again.
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag

from arrears.orchestration import CONTACT_HOURS, OWNER, STEADY, ZONE, DispatchOperator, ExpireLeasesOperator, Tag


@dag(
    dag_id="outreach_dispatch",
    schedule=CronTriggerTimetable(CONTACT_HOURS, timezone=ZONE),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    tags=[Tag.CONTINUOUS, Tag.OUTREACH],
    doc_md=__doc__,
)
def outreach_dispatch() -> None:
    ExpireLeasesOperator(task_id="expire_leases")
    DispatchOperator(task_id="dispatch_contacts")


outreach_dispatch()

"""By hand: show what changed rules would do to a day's book, before anybody is treated by them.

**DRY BY NATURE. It changes nothing**: no case, no owner, no contact, no table that others read, and nothing is sent. It
decides the day's published ledger twice, under the present rules and under the changed ones, allocates and plans both
in a place of its own, and writes one report. Approving a change is another step: put it into `changes/` of the rules
folder, under the day that it is to be valid from.

**Runs** only when it is triggered, with parameters. `change` is the name of a folder of changed rule files, below
`changes/` of the rules folder or below `previews/rules` of ARREARS_HOME (a name, not a path); or give `valid_on`, to
try the rules that are valid on another day. `as_of` is the business day; without one, the last day whose ledger is
published. *preview* under the task's *Details* opens the report; the Day page links to it as well.

**Safe to clear:** always. The same ledger and rules give the same documents, in the same place.

**When `preview_strategy` fails,** the changed rules are wrong, and the message names file and line: correct the files,
clear the task. If it names a ledger that is not published, run `ledger_daily` for that day first. Ask strategy
management about the rules, collections-ops about the ledger.
"""

from __future__ import annotations

from airflow.sdk import Param, dag

from arrears.orchestration import OWNER, STEADY, PreviewOperator, Tag


@dag(
    dag_id="strategy_preview",
    schedule=None,
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    params={
        "change": Param(
            None,
            type=["null", "string"],
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            title="Change",
            description="Name of a folder of changed rule files. A name, not a path.",
        ),
        "valid_on": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Rules valid on",
            description="Instead of a folder: try the rules that are valid on this day.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Business day",
            description="Whose published ledger is decided; empty is the last one.",
        ),
    },
    tags=[Tag.STRATEGY, Tag.MANUAL],
    doc_md=__doc__,
)
def strategy_preview() -> None:
    PreviewOperator(task_id="preview_strategy")


strategy_preview()

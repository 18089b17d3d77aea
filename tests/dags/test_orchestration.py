"""The glue between Airflow and the library: days, errors, documents, addresses, and a person's approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from arrears import errors
from arrears.run import Run, StepResult
from arrears.settings import load_settings
from arrears.steps import STEPS
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_contacts import ContactTask

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def dag_run(key: str | None = "2026-11-20", run_type: str = "manual") -> Any:
    return SimpleNamespace(dag_id="ledger_daily", partition_key=key, run_type=run_type)


class Ti:
    """A task instance as far as the operators use it."""

    def __init__(self) -> None:
        self.id = "ti"
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, *, task_ids: str, key: str) -> Any:
        del task_ids
        return self.xcoms.get(key)


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, pg_url: str) -> dict[str, Any]:
    """The context of a task on the current business day, on the test's warehouse."""
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
    ti = Ti()
    return {"dag_run": dag_run(), "ti": ti, "task_instance": ti}


# ---- the business day


def test_the_day_is_the_partition_key(glue: Any) -> None:
    assert glue.day.business_day(dag_run()) == DAY


@pytest.mark.parametrize("key", [None, ""])
def test_a_run_without_a_key_is_told_how_to_get_one(glue: Any, key: str | None) -> None:
    with pytest.raises(glue.Fail, match=r"ledger_daily: expected a partition key .*Trigger the Dag with"):
        glue.day.business_day(dag_run(key))


@pytest.mark.parametrize("key", ["20.11.2026", "2026-11-31", "today"])
def test_a_key_that_is_no_day_is_refused(glue: Any, key: str) -> None:
    with pytest.raises(glue.Fail, match="YYYY-MM-DD"):
        glue.day.business_day(dag_run(key))


def test_a_day_that_has_not_begun_fails_at_once(glue: Any, context: dict[str, Any]) -> None:
    with pytest.raises(glue.Fail, match="up to today"), glue.day.opened_run(dag_run("2026-11-21")):
        pass


def test_the_schedule_skips_days_outside_of_a_fixed_clock(glue: Any, context: dict[str, Any]) -> None:
    with pytest.raises(glue.Skip, match="fixed"), glue.day.opened_run(dag_run("2026-11-24", "scheduled")):
        pass
    with glue.day.opened_run(dag_run("2026-11-20", "scheduled")) as run:
        assert run.is_current


# ---- errors


def error(kind: type[errors.ArrearsError], cause: Exception | None = None) -> errors.ArrearsError:
    made = kind(expected="this", found="that", where="there", action="Do so.")
    made.__cause__ = cause
    return made


@pytest.mark.parametrize(
    "lasting",
    [
        error(errors.QualityError),
        error(errors.RulesError),
        error(errors.SettingsError),
        error(errors.NotPublishedError),
        error(errors.ModelError),
        error(errors.AllocationError),
        error(errors.LedgerError),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_no_retry_can_mend_fails_at_once_with_its_message(glue: Any, lasting: errors.ArrearsError) -> None:
    with pytest.raises(glue.Fail, match=r"there: expected this; found that\. Do so\."), glue.day.airflow_errors():
        raise lasting


@pytest.mark.parametrize(
    "passing",
    [
        error(errors.WarehouseError),
        error(errors.ChannelError),
        error(errors.LakeError),
        error(errors.OutOfOrderError),
        error(errors.LedgerError, ConnectionError()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_may_pass_is_left_to_the_retries(glue: Any, passing: errors.ArrearsError) -> None:
    with pytest.raises(type(passing)), glue.day.airflow_errors():
        raise passing


# ---- steps


def step_operator(glue: Any, name: str, **arguments: Any) -> Any:
    return glue.step.StepOperator(task_id=name, **arguments)


def test_a_task_hands_back_counts_and_paths_only(
    glue: Any, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = StepResult(rows={"snapshot": 7}, figures={"many": list(range(1000))}, warnings=["look"])
    monkeypatch.setattr("arrears.steps.run_step", lambda run, name, **kw: result)
    assert step_operator(glue, "age_contracts").execute(context) == {
        "basis": "frozen",
        "rows": {"snapshot": 7},
        "documents": {},
        "warnings": 1,
    }


def test_a_task_runs_the_step_of_its_name_with_its_arguments(
    glue: Any, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[Any] = []

    def run_step(run: Run, name: str, **arguments: Any) -> StepResult:
        called.append((run.day.key, name, arguments))
        return StepResult()

    monkeypatch.setattr("arrears.steps.run_step", run_step)
    step_operator(glue, "push_contacts", arguments={"channel": "sms"}).execute(context)
    resolver = glue.addresses.address_from_connection
    assert called == [("2026-11-20", "push_contacts", {"channel": "sms", "resolver": resolver})]


@pytest.mark.parametrize("failed", [[], ["push_contacts_1"]])
def test_a_step_after_failed_ones_does_its_work_and_fails_for_them(
    glue: Any, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, failed: list[str]
) -> None:
    done: list[str] = []

    def run_step(run: Run, name: str, **arguments: Any) -> StepResult:
        done.append(name)
        return StepResult()

    states = {f"push_contacts_{number}": "success" for number in range(3)} | dict.fromkeys(failed, "failed")
    context["dag_run"].run_id = "run"
    context["ti"].get_task_states = lambda dag_id, *, task_ids, run_ids: {"run": states}
    monkeypatch.setattr("arrears.steps.run_step", run_step)
    task = step_operator(glue, "reconcile_contacts", tells_failures=True)
    if failed:
        with pytest.raises(glue.Fail, match=r"1 of 3 tasks before it failed: push_contacts_1\. Mend"):
            task.execute(context)
    else:
        task.execute(context)
    assert done == ["reconcile_contacts"]


def test_the_report_of_a_shut_gate_is_linked_from_the_failed_task(
    glue: Any, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(run: Run, name: str, **arguments: Any) -> StepResult:
        page = run.settings.reports_root / "quality" / "2026-11-20" / "frozen" / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("bad rows", encoding="utf-8")
        raise error(errors.QualityError)

    monkeypatch.setattr("arrears.steps.run_step", shut)
    task = step_operator(glue, "check_quality", documents=["quality report", "report"])
    with pytest.raises(glue.Fail):
        task.execute(context)
    links = {link.name: link.get_link(task, ti_key=None) for link in task.operator_extra_links}
    assert links["quality report"].endswith("/arrears/documents/quality/2026-11-20/frozen/index.html")
    assert links["report"] == ""


def test_every_step_has_its_documentation(glue: Any) -> None:
    for name, step in STEPS.items():
        text = glue.docs.describe_step(name)
        assert step.does in text
        assert step.on_failure in text


# ---- the order of a backfill


def test_a_past_day_waits_for_one_that_is_pulled_and_not_checked(glue: Any, make_run: Callable[..., Any]) -> None:
    with (
        make_run(date(2026, 11, 18), today=DAY) as before,
        make_run(date(2026, 11, 19), today=DAY) as run,
        make_run(DAY) as current,
    ):
        glue.day_before.require_day_before(run)
        before.lake.publish("pulled", before.day, ())
        with pytest.raises(errors.OutOfOrderError, match=r"2026-11-18 .* to be checked before that of 2026-11-19"):
            glue.day_before.require_day_before(run)
        glue.day_before.require_day_before(current)
        before.lake.publish("quality", before.day, ())
        glue.day_before.require_day_before(run)


# ---- addresses


def test_a_channels_address_is_an_airflow_connection(glue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARREARS_SMS",
        '{"conn_type": "http", "host": "sms.example", "port": 8443, "password": "t0ken", "extra": {"sender": "ACME"}}',
    )
    address = glue.addresses.address_from_connection("sms")
    assert (address.host, address.port, address.text("sender", "")) == ("sms.example", 8443, "ACME")
    assert address.password.get_secret_value() == "t0ken"
    assert "t0ken" not in repr(address)


def test_a_channel_without_a_connection_is_named(glue: Any) -> None:
    with pytest.raises(errors.ChannelError, match="arrears_dialer"):
        glue.addresses.address_from_connection("dialer")


# ---- approval


@pytest.fixture
def outbox(pg_url: str) -> Iterator[Callable[..., None]]:
    """Puts a contact into the outbox, and empties it afterwards."""
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))

    def put(number: int, *, placement: str = "agency", state: str = "awaiting_approval") -> None:
        row = {
            "task_key": f"{number:064}",
            "business_day": DAY,
            "customer_id": f"C{number}",
            "slot": "morning",
            "lead_contract_id": f"L{number}",
            "contract_ids": f"L{number}",
            "channel": placement,
            "language": "zh",
            "queue": placement,
            "placement": placement,
            "priority": 1,
            "needs_approval": True,
            "window_opens_at": AT.replace(hour=8),
            "window_closes_at": AT.replace(hour=22),
            "state": state,
            "attempts": 0,
            "planned_at": AT,
            "changed_at": AT,
        }
        with engine.begin() as connection:
            connection.execute(sa.insert(ContactTask), row)

    yield put
    with engine.begin() as connection:
        connection.execute(sa.delete(ContactTask))
    engine.dispose()


def states(pg_url: str) -> dict[str, tuple[str, str | None]]:
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    with engine.connect() as connection:
        rows = connection.execute(sa.select(ContactTask.customer_id, ContactTask.state, ContactTask.decided_by)).all()
    engine.dispose()
    return {row.customer_id: (row.state, row.decided_by) for row in rows}


@pytest.fixture
def asked(glue: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The questions that were put to Airflow."""
    questions: list[dict[str, Any]] = []
    monkeypatch.setattr(glue.hitl, "upsert_hitl_detail", lambda **question: questions.append(question))
    return questions


def answer(option: str, *, by: str | None = "lin", timedout: bool = False) -> dict[str, Any]:
    user = {"id": by, "name": by} if by else None
    return {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": AT,
        "responded_by_user": user,
        "timedout": timedout,
    }


def ask(glue: Any, context: dict[str, Any]) -> Any:
    operator = glue.approval.ApprovalStepOperator(task_id="approve_sensitive")
    with pytest.raises(glue.Awaiting) as waiting:
        operator.execute(context)
    return operator, waiting.value.timeout


def test_the_question_has_counts_and_nothing_personal(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]]
) -> None:
    outbox(1)
    outbox(2)
    outbox(3, placement="legal")
    outbox(4, state="sent")
    with glue.day.opened_run(context["dag_run"]) as run, run.lake.replace("cases", run.day) as aside:
        treatments = {"C1": "agency_soft", "C2": "agency_hard", "C3": "legal_letter", "C4": "agency_soft"}
        pq.write_table(
            pa.table({"customer_id": list(treatments), "treatment": list(treatments.values()), "name": ["x"] * 4}),
            aside,
        )
    _, timeout = ask(glue, context)
    assert timeout == timedelta(hours=14, minutes=30)
    assert "**3** contacts" in asked[0]["body"]
    assert "| agency_soft | agency | 1 |\n| legal_letter | legal | 1 |" in asked[0]["body"]
    assert "| agency_hard | agency | 1 |" in asked[0]["body"]
    assert asked[0]["defaults"] == ["Reject"]
    assert "C1" not in str(asked)
    assert "L1" not in str(context["ti"].xcoms)


def test_approval_lets_the_contacts_go_and_says_who_answered(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    operator, _ = ask(glue, context)
    assert operator.execute_complete(context, answer("Approve")) == {"answer": "Approve"}
    assert states(pg_url) == {"C1": ("approved", "lin")}


def test_rejection_ends_them(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    operator, _ = ask(glue, context)
    assert operator.execute_complete(context, answer("Reject")) == {"answer": "Reject"}
    assert states(pg_url) == {"C1": ("rejected", "lin")}


def test_no_answer_sends_none_and_leaves_them_to_lapse(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    operator, _ = ask(glue, context)
    assert operator.execute_complete(context, answer("Reject", by=None, timedout=True)) == {"answer": "Reject"}
    assert states(pg_url) == {"C1": ("awaiting_approval", None)}


def test_an_answer_does_not_cover_contacts_that_were_not_asked_about(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    operator, _ = ask(glue, context)
    outbox(2)
    with pytest.raises(glue.Fail, match="planned anew"):
        operator.execute_complete(context, answer("Approve"))
    assert {state for state, _ in states(pg_url).values()} == {"awaiting_approval"}


def test_a_second_answer_changes_nothing(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    first, _ = ask(glue, context)
    second, _ = ask(glue, context)
    first.execute_complete(context, answer("Approve"))
    second.execute_complete(context, answer("Reject", by="wang"))
    assert states(pg_url) == {"C1": ("approved", "lin")}


def decide_on_the_page(pg_url: str, customer: str, state: str) -> None:
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    change = {"state": state, "decided_by": "wang", "decided_at": AT, "decision_reason": "one by one"}
    with engine.begin() as connection:
        connection.execute(sa.update(ContactTask).where(ContactTask.customer_id == customer).values(change))
    engine.dispose()


@pytest.fixture
def skipped(glue: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The tasks that an answer skipped."""
    found: list[Any] = []
    operator = glue.approval.ApprovalStepOperator
    monkeypatch.setattr(operator, "skip", lambda self, ti, tasks: found.extend(tasks))
    monkeypatch.setattr(operator, "downstream_task_ids", {"push_approved"}, raising=False)
    return found


def test_what_the_page_decided_stays_and_the_answer_takes_the_rest(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    for number in (1, 2, 3):
        outbox(number)
    operator, _ = ask(glue, context)
    decide_on_the_page(pg_url, "C1", "approved")
    decide_on_the_page(pg_url, "C2", "rejected")
    told = {**answer("Reject"), "params_input": {"reason": " not\nthis month "}}
    assert operator.execute_complete(context, told) == {"answer": "Reject"}
    assert states(pg_url) == {"C1": ("approved", "wang"), "C2": ("rejected", "wang"), "C3": ("rejected", "lin")}
    assert reasons(pg_url) == {"C1": "one by one", "C2": "one by one", "C3": "not this month"}


def reasons(pg_url: str) -> dict[str, str | None]:
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    with engine.connect() as connection:
        rows = connection.execute(sa.select(ContactTask.customer_id, ContactTask.decision_reason)).all()
    engine.dispose()
    return {row.customer_id: row.decision_reason for row in rows}


def test_a_rejection_of_the_rest_does_not_hold_up_what_the_page_approved(
    glue: Any,
    context: dict[str, Any],
    outbox: Callable[..., None],
    asked: list[dict[str, Any]],
    pg_url: str,
    skipped: list[Any],
) -> None:
    outbox(1)
    outbox(2)
    operator, _ = ask(glue, context)
    decide_on_the_page(pg_url, "C1", "approved")
    operator.execute_complete(context, answer("Reject"))
    assert skipped == []


def test_an_answer_after_the_page_decided_all_is_none(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]], pg_url: str
) -> None:
    outbox(1)
    operator, _ = ask(glue, context)
    decide_on_the_page(pg_url, "C1", "approved")
    assert operator.execute_complete(context, answer("Reject")) == {"answer": "Reject"}
    assert states(pg_url) == {"C1": ("approved", "wang")}


def test_a_question_leads_to_the_page_and_takes_a_reason(
    glue: Any, context: dict[str, Any], outbox: Callable[..., None], asked: list[dict[str, Any]]
) -> None:
    outbox(1)
    ask(glue, context)
    assert "(/arrears/approvals)" in asked[0]["body"]
    assert list(asked[0]["params"]) == ["reason"]


def test_a_day_without_sensitive_contacts_asks_nothing(
    glue: Any, context: dict[str, Any], asked: list[dict[str, Any]]
) -> None:
    operator = glue.approval.ApprovalStepOperator(task_id="approve_sensitive")
    assert operator.execute(context) == {"asked": 0}
    assert asked == []


def test_a_past_day_is_skipped(glue: Any, context: dict[str, Any], outbox: Callable[..., None]) -> None:
    outbox(1)
    operator = glue.approval.ApprovalStepOperator(task_id="approve_sensitive")
    with pytest.raises(glue.Skip, match="not the current business day"):
        operator.execute({**context, "dag_run": dag_run("2026-11-19")})


def test_the_day_ends_at_midnight(glue: Any) -> None:
    assert glue.approval.until_end_of_day(AT) == timedelta(hours=14, minutes=30)
    assert glue.approval.until_end_of_day(AT.replace(hour=23, minute=59, second=59)) == timedelta(seconds=1)


# ---- the dispatcher


def test_the_dispatcher_works_the_current_day(
    glue: Any, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    days: list[str] = []

    def dispatch(run: Run, resolver: Any) -> StepResult:
        days.append(run.day.key)
        return StepResult(rows={"ops.contact_task": 2})

    monkeypatch.setattr("arrears.outreach.steps.dispatch_contacts", dispatch)
    operator = glue.dispatch.DispatchOperator(task_id="dispatch_contacts")
    assert operator.execute({**context, "dag_run": dag_run(None, "scheduled")})["day"] == "2026-11-20"
    assert days == ["2026-11-20"]


# ---- the fork server


class Job:
    """Stands for Airflow's class of the same name."""


@pytest.mark.parametrize(
    ("component", "method", "starts"),
    [(Job(), "forkserver", 1), (Job(), "fork", 0), (Job(), None, 0), (object(), "forkserver", 0)],
)
def test_a_fork_server_is_warmed_up_where_there_is_one_and_never_by_a_task(
    glue: Any, monkeypatch: pytest.MonkeyPatch, component: object, method: str | None, starts: int
) -> None:
    started: list[int] = []
    monkeypatch.setattr(glue.warm_up.multiprocessing, "get_start_method", lambda allow_none: method)
    monkeypatch.setattr(glue.warm_up.forkserver, "ensure_running", lambda: started.append(1))
    glue.warm_up.on_starting(component)
    assert len(started) == starts

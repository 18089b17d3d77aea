"""Hand-over to an agency by SFTP: placed once, acknowledged by the right digest, results taken in, host key checked."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.serious_floor import put_cases

from arrears.desk.callers import Caller
from arrears.errors import ChannelError
from arrears.outreach.contact_history import read_history
from arrears.outreach.steps import approve, dispatch_contacts, push_approved, push_contacts, reconcile_contacts
from arrears.warehouse.ops_contacts import PartnerFile, UnmatchedReceipt
from arrears.warehouse.ops_desk import ContactResult

_LONGEST_SECONDS = 60
LEAD = Caller("team.lead", "lead", via="command")


@pytest.fixture
def agency(outreach: Any, gateway: Any) -> Path:
    """The agency's folder; two cases are planned for it and approved."""
    outreach.change_rules(channels__agency__handover="sftp")
    outreach.plan_many(2, "agency")
    with outreach.run() as run:
        assert approve(run, "approve", LEAD).figures["approved"] == 2
    folder: Path = gateway.home / "agency"
    return folder


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not what():
        assert time.monotonic() < deadline, "the agency does not answer"
        time.sleep(0.05)


def put_by_partner(folder: Path, name: str, content: bytes, manifest: dict[str, Any] | None = None) -> None:
    """Writes a file as a partner would, and its manifest."""
    (folder / "out" / name).write_bytes(content)
    if manifest is not None:
        (folder / "out" / name.replace(".csv", ".manifest.json")).write_text(json.dumps(manifest))


def test_a_placement_is_a_file_with_a_manifest_and_its_acknowledgement_settles_it(
    outreach: Any, gateway: Any, agency: Path
) -> None:
    # its results stay away, so that only what it acknowledged is there
    gateway.fault("agency", "late_receipts", seconds=600)
    with outreach.run() as run:
        assert push_approved(run).figures["sent"] == 2
        assert push_approved(run).figures["sent"] == 0
    (sent,) = outreach.rows(PartnerFile)
    content = (agency / "in" / sent["file"]).read_bytes()
    manifest = json.loads((agency / "in" / sent["file"].replace(".csv", ".manifest.json")).read_text())
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"] == sent["sha256"]
    assert {row["task_key"] for row in csv.DictReader(content.decode().splitlines())} == set(manifest["task_keys"])
    assert not list(agency.glob("in/*.part"))
    assert {task["provider_id"] for task in outreach.tasks()} == {sent["file"]}
    ack = agency / "out" / sent["file"].replace(".csv", ".ack.json")
    wait_for(ack.exists)
    with outreach.run() as run:
        reconcile_contacts(run)
        before = outreach.ops()
        reconcile_contacts(run)
    assert outreach.ops() == before
    assert {(task["state"]) for task in outreach.tasks()} == {"delivered"}
    assert [row["accepted"] for row in outreach.rows(PartnerFile) if row["kind"] == "placement"] == [True]


def test_an_acknowledgement_with_a_wrong_checksum_is_not_taken_in_and_a_right_one_later_is(
    outreach: Any, gateway: Any, agency: Path
) -> None:
    gateway.fault("agency", "late_receipts", seconds=600)
    gateway.fault("agency", "wrong_checksum", count=1, beside=True)
    with outreach.run() as run:
        push_approved(run)
    (sent,) = outreach.rows(PartnerFile)
    ack = agency / "out" / sent["file"].replace(".csv", ".ack.json")
    wait_for(ack.exists)
    told = json.loads(ack.read_text())
    with outreach.run() as run, pytest.raises(ChannelError) as raised:
        reconcile_contacts(run)
    assert raised.value.where == f"channel agency, file {ack.name}"
    assert raised.value.expected == f"the digest {sent['sha256'][:12]}… that was sent"
    assert raised.value.found == f"{told['sha256'][:12]}…"
    assert outreach.states() == {"sent": 2}
    assert outreach.rows(PartnerFile) == [sent]
    ack.write_text(json.dumps({**told, "sha256": sent["sha256"]}))
    with outreach.run() as run:
        reconcile_contacts(run)
    assert set(outreach.states()) == {"delivered"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"file": "another.csv"}, "one of another file"),
        ({"rows": 3}, "3"),
        ({"accepted": "yes"}, "something else"),
        (None, "something else"),
    ],
)
def test_an_acknowledgement_that_is_none_is_named(
    outreach: Any, gateway: Any, agency: Path, change: dict[str, Any] | None, found: str
) -> None:
    gateway.fault("agency", "lose")
    with outreach.run() as run:
        push_approved(run)
    (sent,) = outreach.rows(PartnerFile)
    told = {"file": sent["file"], "sha256": sent["sha256"], "rows": 2, "accepted": True}
    content = b"<html>It works!</html>" if change is None else json.dumps({**told, **change}).encode()
    (agency / "out" / sent["file"].replace(".csv", ".ack.json")).write_bytes(content)
    with outreach.run() as run, pytest.raises(ChannelError) as raised:
        reconcile_contacts(run)
    assert raised.value.found == found
    assert outreach.states() == {"sent": 2}


def test_a_refused_file_did_not_take_effect(outreach: Any, gateway: Any, agency: Path) -> None:
    gateway.fault("agency", "lose")
    with outreach.run() as run:
        push_approved(run)
    (sent,) = outreach.rows(PartnerFile)
    told = {"file": sent["file"], "sha256": sent["sha256"], "rows": 2, "accepted": False, "reason": "checksum"}
    (agency / "out" / sent["file"].replace(".csv", ".ack.json")).write_text(json.dumps(told))
    with outreach.run() as run:
        reconcile_contacts(run)
    assert {(task["state"], task["state_reason"]) for task in outreach.tasks()} == {
        ("dead", "provider.refused.checksum")
    }


def test_results_are_taken_in_once_and_only_with_the_right_digest(outreach: Any, gateway: Any, agency: Path) -> None:
    gateway.fault("agency", "lose")
    with outreach.run() as run:
        push_approved(run)
    first, second = (task["task_key"] for task in outreach.tasks())
    content = f"result_id,task_key,outcome,promised_days\nr1,{first},right_party,\nr2,{second},promise,7\n".encode()
    manifest = {"file": "x.results.csv", "rows": 2, "sha256": hashlib.sha256(content).hexdigest()}
    put_by_partner(agency, "x.results.csv", content + b"r3,x,y,\n", manifest)
    with outreach.run() as run, pytest.raises(ChannelError, match=r"x\.results\.csv: expected the digest"):
        reconcile_contacts(run)
    assert outreach.states() == {"sent": 2}
    put_by_partner(agency, "x.results.csv", content, manifest)
    with outreach.run() as run:
        receipts = reconcile_contacts(run).figures["receipts"]["agency"]
        assert receipts == {"taken": 2, "promised": 1}
        assert "agency" not in reconcile_contacts(run).figures["receipts"]
    assert {(task["state"], task["outcome"]) for task in outreach.tasks()} == {
        ("delivered", "right_party"),
        ("delivered", "promise"),
    }


RESULT_COLUMNS = "result_id,task_key,channel,outcome,attempted_at,promised_days\n"


def report(folder: Path, name: str, *rows: str) -> None:
    """A list of results with its manifest, as the partner puts it there."""
    content = (RESULT_COLUMNS + "".join(f"{row}\n" for row in rows)).encode()
    manifest = {"file": f"{name}.results.csv", "rows": len(rows), "sha256": hashlib.sha256(content).hexdigest()}
    put_by_partner(folder, f"{name}.results.csv", content, manifest)


@pytest.fixture
def placed(outreach: Any, gateway: Any) -> tuple[Path, dict[str, str]]:
    """Two cases at an agency that says nothing by itself: its folder, and the tasks' keys by customer."""
    outreach.change_rules(caps__contacts_per_customer=9, spacing_minutes=0)
    with outreach.run() as run:
        put_cases(run.warehouse, [1, 2])
    gateway.fault("agency", "lose")
    outreach.plan([outreach.builder.case(name, "agency") for name in ("C1", "C2")])
    with outreach.run() as run:
        approve(run, "approve", LEAD)
        assert push_approved(run).figures["sent"] == 2
    return gateway.home / "agency", {task["customer_id"]: task["task_key"] for task in outreach.tasks()}


def contacts(outreach: Any) -> list[tuple[Any, ...]]:
    names = ("customer_id", "channel", "outcome", "collector_id", "recorded_by", "task_key")
    return sorted(tuple(row[name] for name in names) for row in outreach.rows(ContactResult))


def test_what_an_agency_reports_is_a_contact_once_and_stands_in_the_history(
    outreach: Any, placed: tuple[Path, dict[str, str]]
) -> None:
    folder, keys = placed
    rows = [
        f"A-1,{keys['C1']},agency_call,no_answer,2026-11-20T09:05:00+08:00,",
        f"A-2,{keys['C1']},agency_call,right_party,2026-11-20T18:00:00+08:00,",
        f"A-2,{keys['C1']},agency_call,right_party,2026-11-20T18:00:00+08:00,",
        f",{keys['C2']},,promise,,3",
        f"A-4,{'0' * 64},agency_call,right_party,,",
    ]
    report(folder, "one", *rows)
    with outreach.run("2026-11-20 10:00:00") as run:
        told = reconcile_contacts(run).figures["receipts"]["agency"]
        assert told == {"taken": 2, "promised": 1, "contacts": 3, "unmatched": 1}
        assert "agency" not in reconcile_contacts(run).figures["receipts"]
    first = [
        ("C1", "agency_call", "no_answer", None, "agency", None),
        ("C1", "agency_call", "right_party", None, "agency", None),
        ("C2", "agency_call", "promise", None, "agency", None),
    ]
    assert contacts(outreach) == first
    # the same again in another file, and a key that stands for another contact by now
    report(folder, "two", *rows[:2], f"A-1,{keys['C2']},agency_call,busy,,")
    with outreach.run("2026-11-20 10:30:00") as run:
        assert reconcile_contacts(run).figures["receipts"]["agency"] == {"repeated": 1, "unmatched": 1}
        now = run.clock.now()
        with run.warehouse.connect() as connection:
            shown = read_history(connection, run.lake, "C1", now).contacts
    assert contacts(outreach) == first
    assert {(row["reason"], row["outcome"]) for row in outreach.rows(UnmatchedReceipt)} == {
        ("unknown_task", "right_party"),
        ("contradicts", "busy"),
    }
    made = [(each.state, each.channel, each.outcome) for each in shown if each.task_key is None]
    assert made == [("reported", "agency_call", "right_party"), ("reported", "agency_call", "no_answer")]
    # nothing that is reported lies ahead of the clock
    at = {row["outcome"]: row["attempted_at"] for row in outreach.rows(ContactResult)}
    assert at["right_party"] == at["promise"] == datetime.fromisoformat("2026-11-20T10:00:00+08:00")
    assert at["no_answer"] == datetime.fromisoformat("2026-11-20T09:05:00+08:00")


def test_contacts_of_an_agency_count_with_the_lenders_when_planning_and_when_sending(
    outreach: Any, placed: tuple[Path, dict[str, str]]
) -> None:
    folder, keys = placed
    spoken = [f"{{}}-{hour},{{}},agency_call,connected,2026-11-21T0{hour}:10:00+08:00," for hour in (7, 8, 9)]
    report(folder, "c1", *[row.format("C1", keys["C1"]) for row in spoken])
    with outreach.run("2026-11-21 09:20:00") as run:
        assert reconcile_contacts(run).figures["receipts"]["agency"]["contacts"] == 3
    # the next day both are the lender's own again; of C1 the plan knows, of C2 the gate
    outreach.plan([outreach.builder.case(name, "call") for name in ("C1", "C2")], at="2026-11-21 09:30:00")
    with outreach.run("2026-11-21 09:30:00") as run:
        plan = {row["customer_id"]: (row["verdict"], row["verdict_rule"]) for row in outreach.builder.plan_rows(run)}
    assert plan == {"C1": ("blocked", "cn.connected_calls"), "C2": ("planned", None)}
    report(folder, "c2", *[row.format("C2", keys["C2"]) for row in spoken])
    with outreach.run("2026-11-21 09:40:00") as run:
        dispatch_contacts(run)
    (task,) = [task for task in outreach.tasks() if task["business_day"].day == 21]
    assert (task["customer_id"], task["state"], task["state_reason"]) == ("C2", "blocked", "cn.connected_calls")


def test_results_after_an_acknowledgement_contradict_nothing(outreach: Any, gateway: Any) -> None:
    with outreach.run() as run:
        put_cases(run.warehouse, list(range(1, 9)))
    outreach.plan([outreach.builder.case(f"C{number}", "agency") for number in range(1, 9)])
    with outreach.run() as run:
        approve(run, "approve", LEAD)
        push_approved(run)
    (sent,) = outreach.rows(PartnerFile)
    listed = gateway.home / "agency" / "out" / sent["file"].replace(".csv", ".results.manifest.json")
    wait_for(listed.exists)
    with outreach.run() as run:
        told = reconcile_contacts(run).figures["receipts"]["agency"]
    assert told["contacts"] == len(contacts(outreach)) == 8
    assert outreach.rows(UnmatchedReceipt) == []
    assert {row["attempted_at"] for row in outreach.rows(ContactResult)} == {
        datetime.fromisoformat("2026-11-20T09:30:00+08:00")
    }, "the agency of the sandbox tells of the day's later hours, which are not over"


@pytest.mark.parametrize(
    "row",
    [
        "A-1,{key},agency_call,right_party,2026-11-20T09:05:00,",
        "A-1,{key},agency_call,right_party,yesterday,",
        "A-1,{key},agency_call,a sentence about somebody,,",
        "A 1,{key},agency_call,right_party,,",
        "A-1,{key},a channel,right_party,,",
        "A-1,{key},agency_call,promise,,-3",
        "A-1,{key},agency_call,promise,,soon",
        "A-1,{key}\0,agency_call,right_party,,",
        "A-1",
    ],
)
def test_a_list_with_a_row_that_is_none_is_named_and_not_taken_in(
    outreach: Any, placed: tuple[Path, dict[str, str]], row: str
) -> None:
    folder, keys = placed
    report(folder, "bad", f"A-0,{keys['C2']},agency_call,right_party,,", row.format(key=keys["C1"]))
    with outreach.run() as run, pytest.raises(ChannelError, match=r"bad\.results\.csv: expected task_key"):
        reconcile_contacts(run)
    assert contacts(outreach) == []
    assert outreach.states() == {"sent": 2}


def test_a_server_with_another_host_key_gets_nothing(
    outreach: Any, gateway: Any, agency: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncssh

    connection = json.loads(gateway.connections()["AIRFLOW_CONN_ARREARS_AGENCY"])
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    connection["extra"]["host_key"] = other
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_AGENCY", json.dumps(connection))
    with outreach.run() as run, pytest.raises(ChannelError, match=r"sftp\.host_key: 2"):
        push_contacts(run, "agency")
    del connection["extra"]["host_key"]
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_AGENCY", json.dumps(connection))
    with outreach.run() as run, pytest.raises(ChannelError, match="expected the partner's host key"):
        push_contacts(run, "agency")
    assert not list(agency.glob("in/*"))


@pytest.mark.parametrize("point", ["after_attempt", "before_record"])
def test_a_killed_hand_over_asks_the_folder_and_places_once(
    outreach: Any, gateway: Any, agency: Path, point: str
) -> None:
    gateway.fault("agency", "lose")
    assert outreach.worker("push_contacts:agency", point).wait(timeout=120) == -signal.SIGKILL
    placed = len(list(agency.glob("in/*.csv")))
    assert placed == (point == "before_record")
    with outreach.run() as run:
        assert push_contacts(run, "agency").figures["sent"] == 2
    assert outreach.states() == {"sent": 2}
    assert len(list(agency.glob("in/*.csv"))) == 1
    (sent,) = outreach.rows(PartnerFile)
    assert sent["sha256"] == hashlib.sha256((agency / "in" / sent["file"]).read_bytes()).hexdigest()

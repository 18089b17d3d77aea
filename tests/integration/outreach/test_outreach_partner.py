"""Hand-over to an agency by SFTP: placed once, acknowledged by the right digest, results taken in, host key checked."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arrears.desk.callers import Caller
from arrears.errors import ChannelError
from arrears.outreach.steps import approve, push_approved, push_contacts, reconcile_contacts
from arrears.warehouse.ops_contacts import PartnerFile

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
    gateway.fault("agency", "wrong_checksum", count=1)
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

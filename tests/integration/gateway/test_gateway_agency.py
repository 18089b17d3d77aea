"""The gateway's agency over SFTP: it checks what it is given, answers each file, reports results, and misbehaves."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest

TOKEN = "token-of-the-tests"
Work = Callable[[asyncssh.SFTPClient], Awaitable[Any]]


def connect(gateway: Any, work: Work, *, user: str = "agency", password: str = TOKEN, host_key: str = "") -> Any:
    """Does `work` on the agency's folder."""

    async def do() -> Any:
        key = host_key or gateway.identity.public_host_key
        known = asyncssh.import_known_hosts(f"[127.0.0.1]:{gateway.sftp_port} {key}\n")
        async with (
            asyncssh.connect(
                "127.0.0.1",
                gateway.sftp_port,
                username=user,
                password=password,
                known_hosts=known,
                client_keys=None,
                config=None,
                agent_path=None,
            ) as connection,
            connection.start_sftp_client() as files,
        ):
            return await work(files)

    return asyncio.run(do())


def content_of(keys: list[str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ("task_key", "business_day", "customer_id", "overdue_amount"), lineterminator="\n")
    writer.writeheader()
    for key in keys:
        row = {"task_key": key, "business_day": "2026-11-20", "customer_id": "C1", "overdue_amount": "12.50"}
        writer.writerow(row)
    return out.getvalue().encode()


def upload(gateway: Any, name: str, keys: list[str], **changed: Any) -> None:
    content = content_of(keys)
    manifest = {
        "kind": "placement",
        "business_day": "2026-11-20",
        "file": f"{name}.csv",
        "rows": len(keys),
        "sha256": hashlib.sha256(content).hexdigest(),
        **changed,
    }

    async def work(files: asyncssh.SFTPClient) -> None:
        for path, data in ((f"{name}.csv", content), (f"{name}.manifest.json", json.dumps(manifest).encode())):
            async with files.open(f"/in/{path}.part", "wb") as file:
                await file.write(data)
            await files.posix_rename(f"/in/{path}.part", f"/in/{path}")

    connect(gateway, work)


def wait_for(gateway: Any, name: str, seconds: float = 20) -> bytes:
    path = gateway.home / "agency" / "out" / name
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{name} did not come"
        time.sleep(0.02)
    content: bytes = path.read_bytes()
    return content


def wait_until_struck(gateway: Any, mode: str, seconds: float = 20) -> None:
    """An order holds until the next one comes: it must have struck before."""
    deadline = time.monotonic() + seconds
    while mode not in gateway.report("agency")["struck"]:
        assert time.monotonic() < deadline, f"{mode} did not strike"
        time.sleep(0.02)


def results_of(gateway: Any, name: str) -> list[dict[str, str]]:
    manifest = json.loads(wait_for(gateway, f"{name}.results.manifest.json"))
    content = wait_for(gateway, f"{name}.results.csv")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert manifest == {
        "file": f"{name}.results.csv",
        "rows": len(rows),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return rows


def test_a_placement_is_checked_acknowledged_and_worked(gateway: Any) -> None:
    keys = [f"task-{number:03}" for number in range(60)]
    upload(gateway, "p1", keys)
    ack = json.loads(wait_for(gateway, "p1.ack.json"))
    digest = hashlib.sha256(content_of(keys)).hexdigest()
    assert ack == {
        "kind": "placement",
        "business_day": "2026-11-20",
        "file": "p1.csv",
        "rows": 60,
        "sha256": digest,
        "accepted": True,
        "reason": None,
    }
    rows = results_of(gateway, "p1")
    assert [row["task_key"] for row in rows] == keys
    assert len({row["result_id"] for row in rows}) == 60
    assert all(row["attempted_at"].startswith("2026-11-20T1") for row in rows)
    assert {row["outcome"] for row in rows} >= {"no_answer", "right_party", "promise"}
    assert all(bool(row["promised_days"]) == (row["outcome"] == "promise") for row in rows)
    stats = {"given": 60, "messages": 60, "effects": 60, "repeats": 0, "most_effects": 1}
    assert gateway.stats("agency") == stats
    # handed over again, in another file: counted, and no second case
    upload(gateway, "p2", keys[:10])
    wait_for(gateway, "p2.ack.json")
    assert gateway.stats("agency") == stats | {"given": 70, "repeats": 10}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sha256": "0" * 64}, "checksum"),
        ({"rows": 3}, "rows"),
        ({"file": "other.csv"}, "missing"),
        ({"file": "../../gateway.json"}, "missing"),
        ({"rows": "many"}, "manifest"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(
    gateway: Any, changed: dict[str, Any], reason: str
) -> None:
    upload(gateway, "p", ["a", "b"], **changed)
    ack = json.loads(wait_for(gateway, "p.ack.json"))
    assert (ack["accepted"], ack["reason"]) == (False, reason)
    assert gateway.stats("agency")["given"] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"task_key,business_day\na,2026-11-20,more\n",
        b"task_key,business_day\na\n",
        b"task_key,business_day\na,someday\n",
        b"business_day\n2026-11-20\n",
        b"\xff\xfe\n1\n",
    ],
)
def test_a_file_that_is_no_list_of_cases_is_refused_and_the_next_one_taken(gateway: Any, content: bytes) -> None:
    folder = gateway.home / "agency" / "in"
    digest = hashlib.sha256(content).hexdigest()
    (folder / "bad.csv").write_bytes(content)
    (folder / "bad.manifest.json").write_text(json.dumps({"file": "bad.csv", "rows": 1, "sha256": digest}))
    assert json.loads(wait_for(gateway, "bad.ack.json"))["reason"] == "format"
    upload(gateway, "good", ["a"])
    assert json.loads(wait_for(gateway, "good.ack.json"))["accepted"]


def test_a_recall_is_acknowledged_and_not_worked(gateway: Any) -> None:
    upload(gateway, "r", ["a"], kind="recall")
    assert json.loads(wait_for(gateway, "r.ack.json"))["accepted"]
    assert gateway.stats("agency")["given"] == 0


def test_it_misbehaves_as_told(gateway: Any) -> None:
    gateway.fault("agency", "wrong_checksum", count=1)
    upload(gateway, "wrong", ["a"])
    assert json.loads(wait_for(gateway, "wrong.ack.json"))["sha256"] != hashlib.sha256(content_of(["a"])).hexdigest()
    gateway.fault("agency", "nonsense", count=1)
    upload(gateway, "junk", ["b"])
    assert wait_for(gateway, "junk.ack.json").startswith(b"<html>")
    gateway.fault("agency", "lose", count=1)
    upload(gateway, "lost", ["c"])
    wait_until_struck(gateway, "lose")
    gateway.fault("agency", "late_receipts", seconds=0.5)
    gateway.fault("agency", "duplicate_receipts", beside=True)
    started = time.monotonic()
    upload(gateway, "late", ["d"])
    wait_for(gateway, "late.ack.json")
    rows = results_of(gateway, "late")
    assert time.monotonic() - started > 0.5
    assert rows[: len(rows) // 2] == rows[len(rows) // 2 :]
    assert not (gateway.home / "agency" / "out" / "lost.ack.json").exists()
    gateway.fault("agency", "500", count=1)
    with pytest.raises(asyncssh.SFTPError):
        upload(gateway, "busy", ["e"])
    gateway.fault("agency", "refuse", count=1)
    with pytest.raises((asyncssh.SFTPError, asyncssh.Error, OSError)):
        upload(gateway, "gone", ["f"])
    struck = gateway.report("agency")["struck"]
    assert struck == {
        "wrong_checksum": 1, "nonsense": 1, "lose": 1, "late_receipts": 1, "duplicate_receipts": 1, "500": 1,
        "refuse": 1,
    }  # fmt: skip


def test_killed_before_it_had_answered_it_gives_the_same_answer_and_counts_the_file_once(gateway: Any) -> None:
    import signal

    upload(gateway, "p", ["a", "b"])
    before = wait_for(gateway, "p.ack.json"), results_of(gateway, "p")
    gateway.stop(signal.SIGKILL)
    for answer in ("p.ack.json", "p.results.manifest.json"):
        (gateway.home / "agency" / "out" / answer).unlink()
    gateway.start()
    assert (wait_for(gateway, "p.ack.json"), results_of(gateway, "p")) == before
    assert gateway.stats("agency")["given"] == 2


async def _nothing(files: asyncssh.SFTPClient) -> None:
    del files


@pytest.mark.parametrize(("user", "password"), [("agency", "wrong"), ("root", TOKEN), ("", TOKEN)])
def test_only_the_agencys_user_gets_in(gateway: Any, user: str, password: str) -> None:
    with pytest.raises((asyncssh.PermissionDenied, asyncssh.ConnectionLost)):
        connect(gateway, _nothing, user=user, password=password)


def test_there_is_no_way_out_of_the_folder_and_no_shell(gateway: Any) -> None:
    async def look(files: asyncssh.SFTPClient) -> list[str]:
        found = [name for name in await files.listdir("/../../..") if isinstance(name, str)]
        for attempt in (
            files.open("/../gateway.json", "rb"),
            files.symlink("/etc/passwd", "/in/link"),
            files.link("/in", "/out/link"),
        ):
            with pytest.raises(asyncssh.SFTPError):
                await attempt
        return sorted(found)

    assert connect(gateway, look) == [".", "..", "in", "out"]

    async def shell() -> None:
        async with asyncssh.connect(
            "127.0.0.1", gateway.sftp_port, username="agency", password=TOKEN, known_hosts=None, config=None
        ) as connection:
            await connection.run("id", check=True)

    with pytest.raises(asyncssh.Error):
        asyncio.run(shell())


def test_another_host_key_is_refused(gateway: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        connect(gateway, _nothing, host_key=other)

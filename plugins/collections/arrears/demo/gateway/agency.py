"""The gateway over SFTP: an agency that takes placements and recalls, answers each file, and reports results later.

The lender writes `/in/<name>.csv` and then `/in/<name>.manifest.json` (file, rows, sha256), both under another name
first. The agency reads what has a manifest and no answer yet, and writes `/out/<name>.ack.json`: accepted, or not and
why. Of what it accepted it writes `/out/<name>.results.csv` and its manifest. All of its state is in these files, so
it can be killed anywhere.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import hmac
import io
import json
import logging
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import asyncssh

from arrears.demo.gateway.faults import AT_THE_DOOR, Fault, Mode
from arrears.demo.gateway.identity import Identity
from arrears.demo.gateway.outcomes import Report
from arrears.demo.gateway.providers import Providers
from arrears.demo.gateway.store import AGENCY
from arrears.local import put_private

USER = "agency"
_POLL_SECONDS = 0.2
_MANIFEST = ".manifest.json"
_ANSWER: frozenset[Mode] = frozenset({"slow", "nonsense", "lose", "wrong_checksum"})
_LATE: frozenset[Mode] = frozenset({"late_receipts"})
_DUPLICATE: frozenset[Mode] = frozenset({"duplicate_receipts"})
_RESULTS = ("result_id", "task_key", "channel", "outcome", "attempted_at", "promised_days")
_NONSENSE = b"<html>It works!</html>"
_LARGEST_FILE = 64 * 1024 * 1024
_ZONE = timezone(timedelta(hours=8))
"""The agency writes its times as people in China do."""

log = logging.getLogger(__name__)


class _Server(asyncssh.SSHServer):
    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return hmac.compare_digest(username.encode(), USER.encode()) & hmac.compare_digest(
            password.encode(), self._token
        )


class _Files(asyncssh.SFTPServer):
    """The lender's view of the agency's folder, and no way out of it: no links are made."""

    def __init__(self, chan: Any, folder: Path, providers: Providers) -> None:
        super().__init__(chan, chroot=os.fsencode(folder))
        self._providers = providers

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_WRITE:
            fault = self._providers.strike(AGENCY, AT_THE_DOOR)
            if fault is not None and fault.mode == "hang":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.mode in {"hang", "refuse"}:
                self.connection.abort()
            if fault is not None:
                raise asyncssh.SFTPFailure("busy, try again later")
        return super().open(path, pflags, attrs)

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")


class Agency:
    """The agency's work on its folder."""

    def __init__(self, folder: Path, providers: Providers) -> None:
        self.folder = folder
        self._in, self._out = folder / "in", folder / "out"
        self._providers = providers
        self._until: dict[str, float] = {}
        self._judged: set[tuple[str, frozenset[Mode]]] = set()
        for place in (folder, self._in, self._out):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def listen(self, listener: socket.socket, identity: Identity, token: str) -> asyncssh.SSHAcceptor:
        """Serves the folder by SFTP, to one user with the gateway's token; nothing else that SSH can do."""
        return await asyncssh.listen(
            sock=listener,
            server_host_keys=[str(identity.host_key)],
            server_factory=lambda: _Server(token),
            sftp_factory=lambda chan: _Files(chan, self.folder, self._providers),
            process_factory=None,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,
            login_timeout=20,
        )

    async def work(self) -> None:
        """Answers what comes until it is cancelled."""
        while True:
            for manifest in sorted(self._in.glob(f"*{_MANIFEST}")):
                name = manifest.name.removesuffix(_MANIFEST)
                ack = self._out / f"{name}.ack.json"
                if not ack.exists():
                    self._answer(name, manifest, ack)
                elif not (self._out / f"{name}.results{_MANIFEST}").exists():
                    self._report(name, manifest, ack)
            await asyncio.sleep(_POLL_SECONDS)

    def _answer(self, name: str, manifest: Path, ack: Path) -> None:
        """Checks a file, takes its cases, and acknowledges it."""
        fault = self._struck(name, _ANSWER)
        if self._waits(name):
            return
        mode = fault.mode if fault else "ok"
        if mode in {"lose", "slow"} and fault is not None:
            self._wait(name, float("inf") if mode == "lose" else fault.seconds)
            return
        told, reason, rows = _checked(self._in, manifest)
        if reason is None and told.get("kind") != "recall":
            with self._providers.store.together():
                for row in rows if self._providers.store.is_new_file(name) else ():
                    content = json.dumps(row, ensure_ascii=False, sort_keys=True)
                    self._providers.take(AGENCY, row["task_key"], row.get("customer_id", ""), content)
        answer = {**told, "accepted": reason is None, "reason": reason}
        if mode == "wrong_checksum":
            answer["sha256"] = hashlib.sha256(b"another file").hexdigest()
        # last: what has an answer is done
        put_private(ack, _NONSENSE if mode == "nonsense" else _json(answer))

    def _report(self, name: str, manifest: Path, ack: Path) -> None:
        """Writes what came of the cases of a file that was accepted: an agency as quick as a demo wants it."""
        if self._waits(name) or not _accepted(ack):
            return
        late = self._struck(f"{name}.results", _LATE)
        if late is not None:
            self._wait(name, late.seconds)
            return
        _, _, rows = _checked(self._in, manifest)
        results = [
            _result(row, number, report)
            for row in rows
            for number, report in enumerate(self._providers.reports_of(AGENCY, row["task_key"]), start=1)
        ]
        if self._struck(f"{name}.results", _DUPLICATE) is not None:
            results += results
        out = io.StringIO()
        writer = csv.DictWriter(out, _RESULTS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)
        content = out.getvalue().encode()
        file = f"{name}.results.csv"
        digest = hashlib.sha256(content).hexdigest()
        put_private(self._out / file, content)
        put_private(
            self._out / f"{name}.results{_MANIFEST}", _json({"file": file, "rows": len(results), "sha256": digest})
        )

    def _struck(self, what: str, modes: frozenset[Mode]) -> Fault | None:
        """The fault that strikes a piece of work; each piece is struck once."""
        if (what, modes) in self._judged:
            return None
        self._judged.add((what, modes))
        return self._providers.strike(AGENCY, modes, what)

    def _wait(self, name: str, seconds: float) -> None:
        self._until[name] = asyncio.get_running_loop().time() + seconds

    def _waits(self, name: str) -> bool:
        return self._until.get(name, 0.0) > asyncio.get_running_loop().time()


def _result(row: Mapping[str, str], number: int, report: Report) -> dict[str, object]:
    day = row.get("business_day") or datetime.now(_ZONE).date().isoformat()
    at = datetime.fromisoformat(day).replace(hour=10, tzinfo=_ZONE) + timedelta(
        minutes=int(hashlib.sha256(row["task_key"].encode()).hexdigest()[:4], 16) % 480
    )
    return {
        "result_id": f"{row['task_key'][:24]}-{number}",
        "task_key": row["task_key"],
        "channel": "agency_call",
        "outcome": report.outcome,
        "attempted_at": at.isoformat(),
        "promised_days": report.promised_days,
    }


def _checked(folder: Path, manifest: Path) -> tuple[dict[str, Any], str | None, list[dict[str, str]]]:
    """What the manifest says, why the file is refused (None: it is not), and the file's rows."""
    try:
        told: dict[str, Any] = json.loads(manifest.read_bytes()[:_LARGEST_FILE])
        wanted, digest = int(told["rows"]), str(told["sha256"])
        path = folder / Path(str(told["file"])).name
        if not path.is_file() or path.is_symlink() or path.stat().st_size > _LARGEST_FILE:
            return _about(told), "missing", []
        content = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return {}, "manifest", []
    if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), digest):
        return _about(told), "checksum", []
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        return _about(told), "format", []
    if len(rows) != wanted:
        return _about(told), "rows", []
    return _about(told), None if all(map(_is_case, rows)) else "format", rows


def _is_case(row: Mapping[str | None, Any]) -> bool:
    """Whether a row has a key, a day that is one, and as many fields as the header names."""
    try:
        datetime.fromisoformat(row.get("business_day") or "2000-01-01")
    except ValueError:
        return False
    return bool(row.get("task_key")) and None not in row and None not in row.values()


def _accepted(ack: Path) -> bool:
    """Whether the agency said that it took a placement's cases."""
    try:
        said = json.loads(ack.read_bytes())
    except ValueError:
        return False
    return bool(said["accepted"]) and said.get("kind") != "recall"


def _about(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told.get(name) for name in ("kind", "business_day", "file", "rows", "sha256")}


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

"""Hand-over to a partner by SFTP: a CSV, and a manifest that says that it is whole.

Both are written as `.part` and renamed, the manifest last: the partner takes only what has one. So the folder itself
tells, after a crash, whether a file was handed over. The partner's host key is checked; without one nothing is sent.

    in/placement-2026-11-20-1a2b3c4d5e6f.csv             out/placement-….ack.json
    in/placement-2026-11-20-1a2b3c4d5e6f.manifest.json   out/….results.csv, out/….results.manifest.json

The partner moves a file away only after it acknowledged it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import asyncssh

from arrears.errors import ChannelError
from arrears.outreach.channels.address import ChannelAddress, connection_variable
from arrears.outreach.channels.base import Message, ReceiptPage, Repeats, SendResult
from arrears.outreach.channels.files import csv_of
from arrears.outreach.states import State

ACKNOWLEDGEMENT = ".ack.json"
RESULTS = ".results.csv"
MANIFEST = ".manifest.json"
LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a partner's file at most."""

_SHORT = 12
_Answer = TypeVar("_Answer")
Kind = Literal["placement", "recall"]


@dataclass(frozen=True)
class HandedOver:
    """A file that the partner's folder has, as its manifest says."""

    file: str
    kind: str
    sha256: str
    rows: int


class _UnsureError(Exception):
    """The connection broke when the manifest was being put in place."""


class SftpChannel:
    """A partner's SFTP server.

    The connection's host, port, login and password (or the extra `private_key`, as PEM text); the extra `host_key` is
    the server's public key in OpenSSH's form, `root` the folder of `in` and `out`, `timeout` seconds.
    """

    repeats: Repeats = "can_be_asked"
    largest_batch = 5_000

    def __init__(self, name: str, address: ChannelAddress, day: str) -> None:
        self.name = name
        self._address = address
        self._day = day
        self._root = address.text("root", "").rstrip("/")
        self._timeout = address.number("timeout", 10.0)
        self.handed_over: list[HandedOver] = []
        """Files that were handed over, or found to be, since this was last emptied."""
        if not address.extra.get("host_key"):
            raise ChannelError(
                expected="the partner's host key",
                found="none",
                where=connection_variable(name),
                action='Add the extra "host_key": "ssh-ed25519 AAAA…"; ask the partner for it.',
            )

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        if not messages:
            return []
        keys = sorted(message.key for message in messages)
        content = csv_of({message.key: dict(message.row) for message in messages}).encode()
        state, reason, file = self._hand_over("placement", keys, content)
        return [
            SendResult(message.key, state, provider_id=file if state == State.SENT else None, reason=reason)
            for message in messages
        ]

    def recall(self, keys: Sequence[str], content: bytes) -> str:
        """Hands over a list of placements that are taken back; gives the file's name. ChannelError when it cannot.

        The same keys make the same file: doing it again changes nothing.
        """
        state, reason, file = self._hand_over("recall", sorted(keys), content)
        if state != State.SENT:
            raise self._no_answer("the partner's server to take a recall", reason or "no answer")
        return file

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        asked = set(keys)
        found: dict[str, str] = {}

        async def look(sftp: asyncssh.SFTPClient) -> None:
            for name in sorted(await self._names(sftp, "in")):
                if not (name.startswith(f"placement-{self._day}-") and name.endswith(MANIFEST)):
                    continue
                manifest = json.loads(await self._read(sftp, f"in/{name}"))
                had = asked & set(manifest["task_keys"])
                if had:
                    found.update(dict.fromkeys(had, str(manifest["file"])))
                    self.handed_over.append(
                        HandedOver(manifest["file"], manifest["kind"], manifest["sha256"], manifest["rows"])
                    )

        self._run(look, "the partner's folder to show what it has")
        return found

    def receipts(self, cursor: str) -> ReceiptPage | None:
        del cursor
        return None

    def answers(self, ending: str) -> list[str]:
        """Names of the partner's files in `out` that end in `ending`, sorted; ChannelError when it cannot be asked."""

        async def look(sftp: asyncssh.SFTPClient) -> list[str]:
            return sorted(name for name in await self._names(sftp, "out") if name.endswith(ending))

        return self._run(look, "the partner's folder to show its answers")

    def fetch(self, *names: str) -> list[bytes]:
        """The partner's files `names` in `out`; ChannelError when one cannot be read."""

        async def get(sftp: asyncssh.SFTPClient) -> list[bytes]:
            return [await self._read(sftp, f"out/{name}") for name in names]

        return self._run(get, "the partner's folder to give its answers")

    def close(self) -> None:
        pass

    def _hand_over(self, kind: Kind, keys: Sequence[str], content: bytes) -> tuple[Any, str | None, str]:
        # the same tasks make the same file: what a killed push left half written is written over
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        stem = f"{kind}-{self._day}-{digest[:_SHORT]}"
        made = HandedOver(f"{stem}.csv", kind, hashlib.sha256(content).hexdigest(), len(keys))
        manifest = {
            "channel": self.name,
            "business_day": self._day,
            "kind": kind,
            "file": made.file,
            "rows": made.rows,
            "sha256": made.sha256,
            "task_keys": list(keys),
        }

        async def put(sftp: asyncssh.SFTPClient) -> None:
            await sftp.makedirs(self._path("in"), exist_ok=True)
            await self._put(sftp, f"in/{made.file}", content)
            try:
                await self._put(sftp, f"in/{stem}{MANIFEST}", json.dumps(manifest, indent=2).encode())
            except (OSError, asyncssh.Error, TimeoutError) as error:
                raise _UnsureError from error

        try:
            asyncio.run(self._connected(put))
        except _UnsureError:
            return State.FAILED, "sftp.no_answer", made.file
        except (OSError, asyncssh.Error, TimeoutError) as error:
            return State.FAILED, _code(error), made.file
        self.handed_over.append(made)
        return State.SENT, None, made.file

    async def _put(self, sftp: asyncssh.SFTPClient, path: str, content: bytes) -> None:
        part = self._path(f"{path}.part")
        async with sftp.open(part, "wb") as file:
            await file.write(content)
        await sftp.posix_rename(part, self._path(path))

    async def _names(self, sftp: asyncssh.SFTPClient, folder: str) -> list[str]:
        try:
            return [str(name) for name in await sftp.listdir(self._path(folder))]
        except asyncssh.SFTPNoSuchFile:
            return []

    async def _read(self, sftp: asyncssh.SFTPClient, path: str) -> bytes:
        async with sftp.open(self._path(path), "rb") as file:
            content = await file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise asyncssh.SFTPFailure("a file that is too large")
        return content if isinstance(content, bytes) else content.encode()

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if self._root else path

    def _run(self, work: Callable[[asyncssh.SFTPClient], Awaitable[_Answer]], expected: str) -> _Answer:
        try:
            return asyncio.run(self._connected(work))
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise self._no_answer(expected, _code(error)) from None
        except (ValueError, KeyError, TypeError):
            raise self._no_answer(expected, "a manifest that is none") from None

    async def _connected(self, work: Callable[[asyncssh.SFTPClient], Awaitable[_Answer]]) -> _Answer:
        address = self._address
        secret = address.password.get_secret_value()
        key = address.extra.get("private_key")
        trusted = asyncssh.import_known_hosts(f"* {str(address.extra['host_key']).strip()}\n")
        async with (
            asyncio.timeout(self._timeout * 6),
            asyncssh.connect(
                address.host,
                address.port or 22,
                username=address.login or "arrears",
                password=secret or None,
                client_keys=[asyncssh.import_private_key(key)] if key else None,
                known_hosts=trusted,
                connect_timeout=self._timeout,
                login_timeout=self._timeout,
                config=None,
                agent_path=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            return await work(sftp)

    def _no_answer(self, expected: str, found: str) -> ChannelError:
        return ChannelError(
            expected=expected,
            found=found,
            where=f"channel {self.name}",
            action=f"Look at the partner's server and at {connection_variable(self.name)}; it is asked again.",
        )


def _code(error: BaseException) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "sftp.host_key"
    if isinstance(error, asyncssh.PermissionDenied):
        return "sftp.login"
    if isinstance(error, asyncssh.SFTPError):
        return "sftp.refused"
    return "sftp.timeout" if isinstance(error, TimeoutError) else "sftp.connection"

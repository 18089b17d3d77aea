"""Lists as files: visits, agency placements and legal packs, one CSV and its manifest per channel and day.

Both are written aside and put in place in one step. The file holds the day's hand-overs so far, one row per task key:
handing a task over again gives the same file. They hold personal data, which the visitor needs, and lie in a folder
that only its owner may enter.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from arrears.errors import ChannelError
from arrears.local import put_private
from arrears.outreach.channels.base import Message, ReceiptPage, Repeats, SendResult, never_asked
from arrears.outreach.states import State

COLUMNS = (
    "task_key",
    "business_day",
    "priority",
    "customer_id",
    "name",
    "phone",
    "region",
    "lead_contract_id",
    "contract_ids",
    "product",
    "vehicle_type",
    "currency",
    "overdue_amount",
    "outstanding_amount",
    "days_past_due",
    "bucket",
    "treatment",
)


class FileChannel:
    """Hands contacts over as rows of `<folder>/<channel>/<day>.csv`."""

    repeats: Repeats = "dropped_by_key"
    largest_batch = 5_000

    def __init__(self, name: str, folder: Path, day: str) -> None:
        self.name = name
        self._folder = folder / name
        self._day = day

    @property
    def path(self) -> Path:
        """The day's list."""
        return self._folder / f"{self._day}.csv"

    @property
    def manifest(self) -> Path:
        """What the day's list holds: its digest and its number of rows."""
        return self._folder / f"{self._day}.manifest.json"

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        try:
            self._hand_over(messages)
        except OSError as error:
            reason = f"file.{error.errno or 'error'}"
            return [SendResult(message.key, State.FAILED, reason=reason) for message in messages]
        return [SendResult(message.key, State.SENT, provider_id=self.path.name) for message in messages]

    def recall(self, keys: Sequence[str], content: bytes) -> str:
        """Puts a list of hand-overs that are taken back beside the day's list; gives the file's name.

        The same keys make the same file: doing it again changes nothing. Raises ChannelError when it cannot.
        """
        digest = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
        path = self._folder / f"recall-{self._day}-{digest[:12]}.csv"
        manifest = {
            "channel": self.name,
            "business_day": self._day,
            "kind": "recall",
            "file": path.name,
            "rows": len(keys),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with FileLock(self._folder / ".lock", mode=0o600):
                put_private(path, content)
                put_private(
                    path.with_suffix(".manifest.json"), (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
                )
        except OSError as error:
            raise ChannelError(
                expected="to write a list of recalls",
                found=f"error {error.errno}",
                where=f"channel {self.name}",
                action="Mend the folder, then clear this step: what was written is not told again.",
            ) from None
        return path.name

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        return never_asked(self.name, keys)

    def receipts(self, cursor: str) -> ReceiptPage | None:
        del cursor
        return None

    def close(self) -> None:
        pass

    def _hand_over(self, messages: Iterable[Message]) -> None:
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with FileLock(self._folder / ".lock", mode=0o600):
            rows = self._present() | {message.key: dict(message.row) for message in messages}
            content = csv_of(rows).encode()
            manifest = {
                "channel": self.name,
                "business_day": self._day,
                "file": self.path.name,
                "rows": len(rows),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            put_private(self.path, content)
            put_private(self.manifest, (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode())

    def _present(self) -> dict[str, dict[str, str]]:
        if not self.path.exists():
            return {}
        with self.path.open(encoding="utf-8", newline="") as file:
            return {row["task_key"]: row for row in csv.DictReader(file)}


def csv_of(rows: Mapping[str, Mapping[str, str]]) -> str:
    """The list of `rows`, by task key, as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    # the most urgent first, whatever order they came in
    writer.writerows(rows[key] for key in sorted(rows, key=lambda key: (-int(rows[key]["priority"]), key)))
    return out.getvalue()

"""The lake: where a partition of a table is, how one is replaced, and how an area of a day is published.

Plain Parquet, one file a partition: `<root>/<table>/as_of=YYYY-MM-DD.parquet`, restated ones below
`<root>/<table>/basis=restated/`. A partition is written aside and put in place in one atomic step, so whoever is
killed leaves the old partition or the new one. Readers of a published area check the digests in its manifest, so
they see the tables of one publication or an error, never a mix.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from arrears.day import Basis, BusinessDay
from arrears.errors import LakeError, NotPublishedError

_LOCK_SECONDS = 600
_SUCCESS = "_SUCCESS"


@dataclass(frozen=True)
class Lake:
    """A lake on a file system that has an atomic rename."""

    root: Path

    def path(self, table: str, day: BusinessDay) -> Path:
        """Where the partition of `table` for `day` is, whether it exists or not."""
        return self._folder(table, day.basis) / f"as_of={day.key}.parquet"

    def exists(self, table: str, day: BusinessDay) -> bool:
        """Whether `table` has a partition for `day`. A folder counts once it carries its success marker."""
        path = self.path(table, day)
        return (path / _SUCCESS).exists() if path.is_dir() else path.exists()

    def existing(self, table: str, day: BusinessDay) -> Path:
        """The partition's path; LakeError if there is none."""
        if not self.exists(table, day):
            raise LakeError(
                expected=f"a partition of {table} for {day}",
                found="none",
                where=str(self.path(table, day)),
                action="Run the step that makes it, or clear it in Airflow.",
            )
        return self.path(table, day)

    def rows(self, table: str, day: BusinessDay) -> int:
        """Number of rows of a partition, from the Parquet footers."""
        return sum(pq.read_metadata(part).num_rows for part in self.files(table, day))

    def read(self, table: str, day: BusinessDay, columns: Sequence[str] | None = None) -> pa.Table:
        """A partition in memory, or some of its columns; for tables that are small by nature, and for counts."""
        # the days are in the names of files, not in partitions that a reader should make a column of
        return pq.ParquetDataset(self.files(table, day), partitioning=None).read(
            columns=None if columns is None else list(columns)
        )

    def files(self, table: str, day: BusinessDay) -> list[Path]:
        """The Parquet files of a partition: one, or a folder's parts in the order of their names."""
        path = self.existing(table, day)
        return sorted(path.glob("*.parquet")) if path.is_dir() else [path]

    @contextmanager
    def replace(self, table: str, day: BusinessDay) -> Iterator[Path]:
        """Gives a path to write the new partition to, and puts it in place when the block ends well.

        The writer holds the lock of the table and day. What an earlier, killed writer left aside is removed.
        """
        with self.lock(table, day), _put_aside(self.path(table, day)) as aside:
            yield aside

    def keep(self, folder: str, files: Mapping[str, bytes]) -> Path:
        """Keeps `files` together in `<root>/<folder>`, once: a folder that is there already is left as it is.

        For content that is named by its hash. Returns the folder.
        """
        path = self.kept(folder)
        if path.exists():
            return path
        with self._lock(folder.replace("/", ".")):
            if not path.exists():
                with _put_aside(path) as aside:
                    for name, content in files.items():
                        target = aside / name
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(content)
        return path

    def kept(self, folder: str) -> Path:
        """Where `keep` has put, or would put, `folder`."""
        return self.root / folder

    @contextmanager
    def lock(self, table: str, day: BusinessDay) -> Iterator[None]:
        """Holds the lock of `table` for `day`; the operating system frees it when the holder dies."""
        with self._lock(f"{table.replace('/', '.')}.{day.basis}.{day.key}"):
            yield

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        folder = self.root / "_locks"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.lock"
        try:
            with FileLock(path, timeout=_LOCK_SECONDS):
                yield
        except Timeout:
            raise LakeError(
                expected="to be the only writer",
                found=f"another writer for more than {_LOCK_SECONDS} seconds",
                where=str(path),
                action="Wait for the other run of this step, or stop it, then run this one again.",
            ) from None

    def publish(
        self, area: str, day: BusinessDay, tables: Sequence[str], record: Mapping[str, Any] | None = None
    ) -> None:
        """Publishes `tables` together as `area` of `day`: the manifest with their digests is the last thing written.

        `record` says what made them (JSON-safe, no time of day: a second run gives the same manifest).
        """
        manifest = {"area": area, "as_of": day.key, "basis": day.basis, "tables": self.digests(day, tables)}
        if record is not None:
            manifest["record"] = record
        text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
        with self.lock(f"_published/{area}", day), _put_aside(self._manifest(area, day)) as aside:
            aside.write_text(text, encoding="utf-8")

    def digests(self, day: BusinessDay, tables: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each table's partition."""
        return {table: _digest(self.files(table, day)) for table in sorted(tables)}

    def published(self, area: str, day: BusinessDay) -> dict[str, str] | None:
        """The digests that `area` of `day` was published with, or None."""
        manifest = self._read_manifest(area, day)
        return None if manifest is None else manifest["tables"]

    def record(self, area: str, day: BusinessDay) -> dict[str, Any] | None:
        """What `area` of `day` was published with as its record, or None."""
        manifest = self._read_manifest(area, day)
        return None if manifest is None else manifest.get("record")

    def _read_manifest(self, area: str, day: BusinessDay) -> dict[str, Any] | None:
        path = self._manifest(area, day)
        if not path.exists():
            return None
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest

    def require(self, area: str, day: BusinessDay, tables: Sequence[str]) -> None:
        """Checks that `tables` are those that `area` of `day` was published with.

        Raises NotPublishedError when the area is not published, or when a table was written anew since.
        """
        published = self.published(area, day)
        if published is None:
            raise NotPublishedError(
                expected=f"{area} of {day} to be published",
                found="no manifest",
                where=str(self._manifest(area, day)),
                action=f"Run the Dag that publishes {area} for this day first.",
            )
        changed = [
            table
            for table in tables
            if not self.exists(table, day) or published.get(table) != _digest(self.files(table, day))
        ]
        if changed:
            raise NotPublishedError(
                expected=f"{area} of {day} as it was published",
                found=f"other files for {', '.join(changed)}",
                where=str(self._manifest(area, day)),
                action=f"Clear the step that publishes {area} for this day.",
            )

    def previous_day(self, area: str, day: BusinessDay) -> BusinessDay | None:
        """The last day before `day` for which `area` is published; its frozen rows before its restated ones."""
        before = [each for each in self.published_days(area) if each.as_of < day.as_of]
        return before[-1] if before else None

    def published_days(self, area: str) -> list[BusinessDay]:
        """The days for which `area` is published, oldest first; of one day the restated rows before the frozen ones."""
        bases: tuple[Basis, ...] = ("restated", "frozen")
        found = [
            BusinessDay(date.fromisoformat(manifest.stem.removeprefix("as_of=")), basis)
            for basis in bases
            for manifest in self._folder(f"_published/{area}", basis).glob("as_of=*.json")
        ]
        return sorted(found, key=lambda day: day.as_of)

    def _folder(self, table: str, basis: Basis) -> Path:
        folder = self.root / table
        return folder if basis == "frozen" else folder / "basis=restated"

    def _manifest(self, area: str, day: BusinessDay) -> Path:
        return self._folder(f"_published/{area}", day.basis) / f"as_of={day.key}.json"


@dataclass(frozen=True, init=False)
class ShadowLake(Lake):
    """A lake over another one: what it lacks is read from `base`, and all that is written stays below its own root.

    For runs that must leave no trace where others read: previews, replays. Partitions, manifests, kept folders and
    locks of the base are never touched; a base may be a shadow itself.
    """

    base: Lake

    def __init__(self, base: Lake, root: Path) -> None:
        if root.resolve().is_relative_to(base.root.resolve()):
            raise LakeError(
                expected="a folder of its own for a shadow",
                found="a folder of the lake that it is the shadow of",
                where=str(root),
                action="Give the shadow another folder.",
            )
        super().__init__(root)
        object.__setattr__(self, "base", base)

    def exists(self, table: str, day: BusinessDay) -> bool:
        """Whether the shadow or its base has a partition of `table` for `day`."""
        return super().exists(table, day) or self.base.exists(table, day)

    def existing(self, table: str, day: BusinessDay) -> Path:
        """The shadow's partition, else the base's; LakeError if neither has one."""
        return super().existing(table, day) if super().exists(table, day) else self.base.existing(table, day)

    def kept(self, folder: str) -> Path:
        """The folder where the base keeps it already, else where the shadow does."""
        own = super().kept(folder)
        theirs = self.base.kept(folder)
        return theirs if theirs.exists() and not own.exists() else own

    def published_days(self, area: str) -> list[BusinessDay]:
        """The days for which the shadow or its base has `area` published, in the order of `Lake.published_days`."""
        days = {*super().published_days(area), *self.base.published_days(area)}
        return sorted(days, key=lambda day: (day.as_of, day.basis == "frozen"))

    def _read_manifest(self, area: str, day: BusinessDay) -> dict[str, Any] | None:
        own = super()._read_manifest(area, day)
        return self.base._read_manifest(area, day) if own is None else own


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


@contextmanager
def _put_aside(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and puts it in the place of `path` when the block ends well.

    The caller holds the lock of `path`, so what else lies aside was left by a killed writer: it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        _remove(leftover)
    aside = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        yield aside
        _sync(aside)
        _put_in_place(aside, path)
    finally:
        _remove(aside)


def _sync(path: Path) -> None:
    for part in path.rglob("*") if path.is_dir() else [path]:
        if part.is_dir():
            continue
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put_in_place(aside: Path, path: Path) -> None:
    # A folder cannot be replaced in one step where another stands; the marker it ends with goes first, so that a
    # reader meets a missing partition, never a mix of two.
    if path.is_dir():
        (path / _SUCCESS).unlink(missing_ok=True)
        shutil.rmtree(path)
    elif aside.is_dir() and path.exists():
        path.unlink()
    os.replace(aside, path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

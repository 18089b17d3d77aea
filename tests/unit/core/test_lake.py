"""The lake: partitions are replaced whole, published together, and never read half."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.day import BusinessDay
from arrears.errors import LakeError, NotPublishedError
from arrears.lake import Lake

DAY = BusinessDay(date(2026, 11, 20))
RESTATED = BusinessDay(date(2026, 11, 20), "restated")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def write(lake: Lake, table: str, day: BusinessDay, *values: int) -> None:
    with lake.replace(table, day) as aside:
        pq.write_table(pa.table({"x": list(values)}), aside)


def values(lake: Lake, table: str, day: BusinessDay) -> list[int]:
    found: list[int] = lake.read(table, day)["x"].to_pylist()
    return found


def test_a_partition_is_one_file_named_by_its_day(lake: Lake) -> None:
    write(lake, "snapshot", DAY, 1)
    assert lake.path("snapshot", DAY) == lake.root / "snapshot" / "as_of=2026-11-20.parquet"
    assert lake.path("snapshot", RESTATED) == lake.root / "snapshot" / "basis=restated" / "as_of=2026-11-20.parquet"
    assert lake.rows("snapshot", DAY) == 1


def test_frozen_and_restated_rows_lie_beside_each_other(lake: Lake) -> None:
    write(lake, "snapshot", DAY, 1)
    write(lake, "snapshot", RESTATED, 2, 3)
    assert values(lake, "snapshot", DAY) == [1]
    assert values(lake, "snapshot", RESTATED) == [2, 3]


def test_a_writer_that_fails_leaves_the_old_partition_and_nothing_aside(lake: Lake) -> None:
    write(lake, "snapshot", DAY, 1)
    with pytest.raises(FileNotFoundError), lake.replace("snapshot", DAY) as aside:
        (aside / "not a folder").write_bytes(b"half")
    assert values(lake, "snapshot", DAY) == [1]
    assert list(lake.root.rglob("*.tmp")) == []


def test_what_a_killed_writer_left_aside_goes_with_the_next_one(lake: Lake) -> None:
    code = (
        "import os, signal, sys\n"
        "from datetime import date\n"
        "from pathlib import Path\n"
        "from arrears.day import BusinessDay\n"
        "from arrears.lake import Lake\n"
        "with Lake(Path(sys.argv[1])).replace('snapshot', BusinessDay(date(2026, 11, 20))) as aside:\n"
        "    aside.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    write(lake, "snapshot", DAY, 1)
    killed = subprocess.run([sys.executable, "-c", code, str(lake.root)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(lake.root.rglob("*.tmp"))) == 1
    assert values(lake, "snapshot", DAY) == [1]
    write(lake, "snapshot", DAY, 2)
    assert values(lake, "snapshot", DAY) == [2]
    assert list(lake.root.rglob("*.tmp")) == []


def test_a_missing_partition_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(LakeError, match="expected a partition of tiers for 2026-11-20; found none") as error:
        lake.files("tiers", DAY)
    assert "clear it in Airflow" in error.value.action


def test_a_folder_is_a_partition_once_it_has_its_success_marker(lake: Lake) -> None:
    with lake.replace("snapshot", DAY) as aside:
        aside.mkdir()
        pq.write_table(pa.table({"x": [1]}), aside / "part-0.parquet")
        pq.write_table(pa.table({"x": [2, 3]}), aside / "part-1.parquet")
    assert not lake.exists("snapshot", DAY)
    (lake.path("snapshot", DAY) / "_SUCCESS").touch()
    assert values(lake, "snapshot", DAY) == [1, 2, 3]
    write(lake, "snapshot", DAY, 4)
    assert values(lake, "snapshot", DAY) == [4]


def test_readers_see_what_was_published_together_or_an_error(lake: Lake) -> None:
    write(lake, "treatment", DAY, 1)
    write(lake, "cases", DAY, 1)
    with pytest.raises(NotPublishedError, match="no manifest"):
        lake.require("treatment", DAY, ["cases"])
    lake.publish("treatment", DAY, ["treatment", "cases"])
    lake.require("treatment", DAY, ["treatment", "cases"])
    write(lake, "cases", DAY, 2)
    lake.require("treatment", DAY, ["treatment"])
    with pytest.raises(NotPublishedError, match="other files for cases"):
        lake.require("treatment", DAY, ["treatment", "cases"])
    lake.publish("treatment", DAY, ["treatment", "cases"])
    lake.require("treatment", DAY, ["treatment", "cases"])


def test_the_previous_day_is_the_last_published_one_frozen_before_restated(lake: Lake) -> None:
    def publish(day: BusinessDay) -> None:
        write(lake, "cases", day, 1)
        lake.publish("treatment", day, ["cases"])

    assert lake.previous_day("treatment", DAY) is None
    publish(BusinessDay(date(2026, 11, 17)))
    publish(BusinessDay(date(2026, 11, 18), "restated"))
    assert lake.previous_day("treatment", DAY) == BusinessDay(date(2026, 11, 18), "restated")
    publish(BusinessDay(date(2026, 11, 18)))
    publish(DAY)
    assert lake.previous_day("treatment", DAY) == BusinessDay(date(2026, 11, 18))
    assert lake.previous_day("treatment", BusinessDay(date(2026, 11, 17))) is None


def test_kept_files_are_written_once(lake: Lake) -> None:
    folder = lake.keep("_rules/abc", {"a.yaml": b"1", "policies/cn.yaml": b"2"})
    assert (folder / "policies" / "cn.yaml").read_bytes() == b"2"
    before = folder.stat().st_mtime_ns
    assert lake.keep("_rules/abc", {"a.yaml": b"1"}) == folder
    assert folder.stat().st_mtime_ns == before

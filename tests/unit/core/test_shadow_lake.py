"""The shadow lake: it reads what its base has, and leaves the base as it was, byte for byte."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.day import BusinessDay
from arrears.errors import LakeError, NotPublishedError
from arrears.lake import Lake, ShadowLake

DAY = BusinessDay(date(2026, 11, 20))
DAY_BEFORE = BusinessDay(date(2026, 11, 19))
RESTATED = BusinessDay(date(2026, 11, 20), "restated")


@pytest.fixture
def base(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def shadow(base: Lake, tmp_path: Path) -> ShadowLake:
    return ShadowLake(base, tmp_path / "shadow")


def write(lake: Lake, table: str, day: BusinessDay, *values: int) -> None:
    with lake.replace(table, day) as aside:
        pq.write_table(pa.table({"x": list(values)}), aside)


def values(lake: Lake, table: str, day: BusinessDay) -> list[int]:
    found: list[int] = lake.read(table, day)["x"].to_pylist()
    return found


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in root.rglob("*")
    }


def test_what_the_shadow_lacks_is_read_from_its_base(base: Lake, shadow: ShadowLake) -> None:
    write(base, "contracts", DAY, 1, 2)
    assert shadow.exists("contracts", DAY)
    assert shadow.rows("contracts", DAY) == 2
    assert values(shadow, "contracts", DAY) == [1, 2]
    assert shadow.files("contracts", DAY) == base.files("contracts", DAY)
    assert shadow.digests(DAY, ["contracts"]) == base.digests(DAY, ["contracts"])


def test_what_neither_has_is_missing(shadow: ShadowLake) -> None:
    assert not shadow.exists("contracts", DAY)
    with pytest.raises(LakeError, match="expected a partition of contracts"):
        shadow.files("contracts", DAY)


def test_what_is_written_goes_over_the_base_and_leaves_it_as_it_was(base: Lake, shadow: ShadowLake) -> None:
    for table in ("snapshot", "cases"):
        write(base, table, DAY, 1)
    write(base, "cases", RESTATED, 5)
    base.publish("treatment", DAY, ["snapshot", "cases"])
    base.keep("_rules/abc", {"rule_set.yaml": b"name: standard"})
    before = contents(base.root)

    write(shadow, "cases", DAY, 7, 8, 9)
    write(shadow, "cases", RESTATED, 6)
    shadow.publish("treatment", DAY, ["snapshot", "cases"], {"rule_set": "changed"})
    shadow.keep("_rules/def", {"rule_set.yaml": b"name: changed"})
    with shadow.lock("cases", DAY):
        pass

    assert values(shadow, "cases", DAY) == [7, 8, 9]
    assert values(shadow, "cases", RESTATED) == [6]
    assert values(base, "cases", DAY) == [1]
    assert values(base, "cases", RESTATED) == [5]
    assert contents(base.root) == before


def test_a_publication_of_the_base_counts_until_the_shadow_has_its_own(base: Lake, shadow: ShadowLake) -> None:
    write(base, "cases", DAY, 1)
    base.publish("treatment", DAY, ["cases"], {"rule_set": "present"})
    shadow.require("treatment", DAY, ["cases"])
    assert shadow.record("treatment", DAY) == {"rule_set": "present"}

    write(shadow, "cases", DAY, 2)
    with pytest.raises(NotPublishedError, match="other files for cases"):
        shadow.require("treatment", DAY, ["cases"])

    shadow.publish("treatment", DAY, ["cases"], {"rule_set": "changed"})
    shadow.require("treatment", DAY, ["cases"])
    base.require("treatment", DAY, ["cases"])
    assert shadow.record("treatment", DAY) == {"rule_set": "changed"}
    assert base.record("treatment", DAY) == {"rule_set": "present"}


def test_published_days_are_those_of_both(base: Lake, shadow: ShadowLake) -> None:
    for lake, day in ((base, DAY_BEFORE), (base, DAY), (shadow, DAY), (shadow, RESTATED)):
        write(lake, "contracts", day, 1)
        lake.publish("ledger", day, ["contracts"])
    assert shadow.published_days("ledger") == [DAY_BEFORE, RESTATED, DAY]
    assert base.published_days("ledger") == [DAY_BEFORE, DAY]
    assert shadow.previous_day("ledger", DAY) == DAY_BEFORE
    assert shadow.previous_day("ledger", BusinessDay(date(2026, 11, 21))) == DAY


def test_what_the_base_keeps_is_not_kept_again(base: Lake, shadow: ShadowLake) -> None:
    kept = base.keep("_rules/abc", {"rule_set.yaml": b"name: standard"})
    assert shadow.keep("_rules/abc", {"rule_set.yaml": b"name: standard"}) == kept
    assert shadow.kept("_rules/abc") == kept
    assert shadow.kept("_rules/def") == shadow.root / "_rules/def"
    assert not shadow.root.exists()


def test_a_shadow_may_stand_over_a_shadow(base: Lake, shadow: ShadowLake, tmp_path: Path) -> None:
    write(base, "contracts", DAY, 1)
    write(shadow, "snapshot", DAY, 2)
    second = ShadowLake(shadow, tmp_path / "second")
    write(second, "cases", DAY, 3)
    assert [values(second, table, DAY) for table in ("contracts", "snapshot", "cases")] == [[1], [2], [3]]
    assert not shadow.exists("cases", DAY)


@pytest.mark.parametrize("folder", ["lake", "lake/shadow"])
def test_a_shadow_does_not_lie_in_its_base(base: Lake, tmp_path: Path, folder: str) -> None:
    with pytest.raises(LakeError, match="a folder of its own"):
        ShadowLake(base, tmp_path / folder)

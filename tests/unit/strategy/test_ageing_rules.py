"""What `ageing.yaml` may say about buckets: conventions, other counts, own ranges, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.rules.files import parse_rules
from arrears.strategy.ageing_rules import AgeingRules

BUCKETS = """
buckets:
  - {bucket: M0, class: current}
  - {bucket: M1, class: low}
  - {bucket: M2, class: mid}
  - {bucket: M3+, class: high}
stop_holds: [deceased]
"""
RANGES = """
buckets:
  - {bucket: M0, class: current, from: 0, to: 0}
  - {bucket: M1, class: low, from: 1, to: 15}
  - {bucket: M2+, class: high, from: 16}
stop_holds: [deceased]
"""


def ranges(folder: Path, text: str) -> list[tuple[int, int | None]]:
    path = folder / "ageing.yaml"
    path.write_text(text, encoding="utf-8")
    return [(each.first, each.last) for each in parse_rules(path, AgeingRules).ranges]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", [(0, 0), (1, 30), (31, 60), (61, None)]),
        ("convention: B", [(0, 0), (1, 30), (31, 60), (61, None)]),
        ("convention: A", [(0, 0), (1, 29), (30, 59), (60, None)]),
        ("{counting: months, convention: A", [(0, 0), (1, 1), (2, 2), (3, None)]),
        ("counting: installments", [(0, 0), (1, 1), (2, 2), (3, None)]),
        ("counting: mba", [(0, 0), (1, 1), (2, 2), (3, None)]),
    ],
)
def test_a_convention_says_what_is_in_each_bucket(
    tmp_path: Path, said: str, expected: list[tuple[int, int | None]]
) -> None:
    text = said.removeprefix("{").replace(", ", "\n")
    assert ranges(tmp_path, text + BUCKETS) == expected


def test_buckets_may_say_their_own_ranges(tmp_path: Path) -> None:
    assert ranges(tmp_path, RANGES) == [(0, 0), (1, 15), (16, None)]


@pytest.mark.parametrize(
    ("old", "new", "expected", "line"),
    [
        ("from: 16", "from: 15", "no overlap between buckets: M2+ should begin with 16", 5),
        ("from: 16", "from: 17", "no gap between buckets: M2+ should begin with 16", 5),
        (", from: 16", "", "from in every bucket or in none; M2+ has none", 5),
        ("from: 1, to: 15", "from: 1", "to in every bucket but the last, not so at M1", 4),
        ("from: 1, to: 15", "from: 1, to: 0", "M1 to end with 1 or more", 4),
        ("from: 0, to: 0", "from: 0, to: 3", "no overlap between buckets", 4),
        ("class: current", "class: low", "the first bucket to be of class current", 3),
        ("\nbuckets", "convention: A\nbuckets", "either a convention or ranges", 1),
        ("\nbuckets", "counting: weeks\nbuckets", "'days', 'months', 'installments', 'mba' or 'ots'", 1),
        ("bucket: M1", "bucket: M0", "bucket names once each; M0 comes again", 4),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, expected: str, line: int) -> None:
    with pytest.raises(RulesError) as error:
        ranges(tmp_path, RANGES.replace(old, new, 1))
    assert expected in error.value.expected
    assert error.value.where.endswith(f"ageing.yaml:{line}")


def test_a_convention_needs_something_to_divide(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="no convention where ots is counted"):
        ranges(tmp_path, "counting: ots\nconvention: A" + BUCKETS)

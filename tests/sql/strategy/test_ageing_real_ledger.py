"""The real ledger: the known answer, and a bucket history that is the ageing of every month end."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from arrears.kpi.windows import month_ends
from arrears.strategy.age_ledger import AgedFiles, age_ledger

LAST = date(2018, 5, 31)


@pytest.mark.real_ledger
def test_the_known_answer_and_every_restated_month_end(real_ledger: Path, make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(ledger=str(real_ledger), materiality="10%")
    files = AgedFiles(
        snapshot=tmp_path / "last.parquet", history=tmp_path / "history.parquet", spells=tmp_path / "spells.parquet"
    )
    age_ledger(settings, LAST, files)
    history = pq.read_table(tmp_path / "history.parquet").to_pylist()
    ends = month_ends(date(2018, 6, 1), 12)
    assert (ends[0], ends[-1]) == (date(2017, 6, 30), LAST)
    for end in ends:
        then = {
            row["contract_id"]: (row["bucket"], row["oldest_due_date"])
            for row in history
            if row["from_day"] <= end <= row["to_day"]
        }
        age_ledger(settings, end, AgedFiles(snapshot=tmp_path / "snapshot.parquet"))
        aged = pq.read_table(tmp_path / "snapshot.parquet").to_pylist()
        assert then == {row["contract_id"]: (row["bucket"], row["oldest_due_date"]) for row in aged}
        if end == date(2017, 11, 30):
            bands = Counter(min(4, -(-row["days_past_due"] // 30)) for row in aged)
            assert len(aged) == 3148
            assert [bands[band] for band in range(5)] == [2703, 288, 93, 24, 40]


@pytest.mark.real_ledger
def test_first_or_repeated_and_entry_agree_with_the_spells(
    real_ledger: Path, make_settings: Any, tmp_path: Path
) -> None:
    settings = make_settings(ledger=str(real_ledger), materiality="10%")
    day = date(2017, 11, 30)
    files = AgedFiles(snapshot=tmp_path / "snapshot.parquet", spells=tmp_path / "spells.parquet")
    age_ledger(settings, day, files)
    spells: dict[str, list[dict[str, Any]]] = {}
    for spell in pq.read_table(tmp_path / "spells.parquet").to_pylist():
        spells.setdefault(spell["contract_id"], []).append(spell)
    late = [row for row in pq.read_table(tmp_path / "snapshot.parquet").to_pylist() if row["days_past_due"] > 0]
    assert len(late) == 445
    for row in late:
        *earlier, present = spells[row["contract_id"]]
        assert present["exited_on"] is None
        assert (row["spell_entered_on"], row["repeated"]) == (present["entered_on"], bool(earlier))

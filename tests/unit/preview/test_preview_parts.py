"""Parts of a preview: which folder a name may reach, what differs between rule sets, and the pictures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from arrears.errors import RulesError, SettingsError
from arrears.preview.change import change_folder, changed_rules, file_changes
from arrears.preview.flows import ABSENT, OTHERS, alluvial, flow_of, heat_cells
from arrears.preview.publish import _for_spreadsheets
from arrears.preview.report import most_changed, state_order
from arrears.preview.rules import FairnessRules, PreviewRules, age_band_relation, preview_rules
from arrears.rules.rule_set import load_rule_set
from arrears.settings import PROJECT, Settings

AS_OF = date(2026, 11, 20)


@pytest.fixture
def settings(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "include" / "rules", rules)
    return make_settings(rules=rules)


def draft(settings: Settings, name: str = "softer") -> Path:
    folder = settings.home / "previews" / "rules" / name
    folder.mkdir(parents=True)
    (folder / "kpi.yaml").write_text("month_ends: 6\n", encoding="utf-8")
    return folder


def test_a_name_reaches_the_drafts_and_the_changes_of_the_rules_folder(settings: Settings) -> None:
    folder = draft(settings)
    assert change_folder(settings, "softer") == folder
    dated = settings.rules / "changes" / "2027-01-01"
    dated.mkdir(parents=True)
    assert change_folder(settings, "2027-01-01") == dated


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../rules", "softer/..", "/etc", "a/b", "..\\up", "soft\0er", "-x", ".hidden", "nowhere", "x" * 65],
)
def test_a_name_reaches_nothing_else(settings: Settings, name: str) -> None:
    draft(settings)
    with pytest.raises(SettingsError, match="the name of a folder"):
        change_folder(settings, name)


def test_a_link_out_of_the_drafts_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("password: 1\n", encoding="utf-8")
    drafts = settings.home / "previews" / "rules"
    drafts.mkdir(parents=True)
    (drafts / "linked").symlink_to(outside)
    with pytest.raises(SettingsError):
        change_folder(settings, "linked")
    (draft(settings) / "treatments.yaml").symlink_to(outside / "secret.yaml")
    with pytest.raises(SettingsError):
        change_folder(settings, "softer")


def test_either_a_folder_or_a_day_is_tried(settings: Settings) -> None:
    for values in ({}, {"folder": draft(settings), "valid_on": AS_OF}):
        with pytest.raises(SettingsError, match="either a folder of changed rules"):
            changed_rules(settings, AS_OF, **values)  # type: ignore[arg-type]


def test_a_folder_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="no such folder"):
        changed_rules(settings, AS_OF, folder=tmp_path / "nowhere")


def test_a_change_lies_over_the_present_rules_and_its_diff_is_told(settings: Settings) -> None:
    folder = settings.home / "change"
    folder.mkdir(parents=True)
    text = (settings.rules / "preview.yaml").read_text(encoding="utf-8")
    (folder / "preview.yaml").write_text(text.replace("listed_cases: 50", "listed_cases: 9"), encoding="utf-8")
    present, changed = changed_rules(settings, AS_OF, folder=folder)
    assert present.hash != changed.hash
    (change,) = file_changes(present, changed)
    assert (change.name, change.state) == ("preview.yaml", "changed")
    assert [line for line in change.diff if line[0] in "+-"] == ["-  listed_cases: 50", "+  listed_cases: 9"]


def test_a_day_is_tried_with_the_rules_valid_on_it(settings: Settings) -> None:
    change = settings.rules / "changes" / "2027-01-01"
    change.mkdir(parents=True)
    header = (settings.rules / "rule_set.yaml").read_text(encoding="utf-8")
    header = re.sub(r"version: \d+", "version: 99", header)
    header = re.sub(r"valid_from: \S+", "valid_from: 2027-01-01", header)
    (change / "rule_set.yaml").write_text(header, encoding="utf-8")
    present, changed = changed_rules(settings, AS_OF, valid_on=date(2027, 1, 1))
    assert (present == load_rule_set(settings.rules, AS_OF), changed.version) == (True, 99)


# ---- preview.yaml


def test_the_shipped_rules_are_read(settings: Settings) -> None:
    rules = preview_rules(load_rule_set(settings.rules, AS_OF))
    bands = age_band_relation(rules).to_pylist()
    assert bands[0]["from_years"] == 0
    assert [band["to_years"] for band in bands] == [band["from_years"] for band in bands[1:]] + [None]


@pytest.mark.parametrize("ages", [[18], [0, 30, 30], [0, 40, 30]])
def test_age_bands_begin_at_0_and_follow_each_other(ages: list[int]) -> None:
    bands = [{"band": str(age), "from_years": age} for age in ages]
    with pytest.raises(ValueError, match="band"):
        PreviewRules(fairness=FairnessRules(age_bands=bands))  # type: ignore[arg-type]


# ---- pictures


def moves(*rows: tuple[str, str, int]) -> list[dict[str, object]]:
    return [{"before_state": start, "after_state": end, "cases": cases} for start, end, cases in rows]


def test_a_flow_keeps_one_order_and_counts_both_sides() -> None:
    flow = flow_of(moves(("soft", "soft", 5), ("soft", "firm", 3), ("firm", "firm", 2), ("firm", "", 1)), {}, 20)
    assert flow.states == ["soft", "firm", ABSENT]
    assert (flow.before("soft"), flow.after("soft"), flow.after("firm"), flow.after(ABSENT)) == (8, 5, 5, 1)
    assert flow.moving == ["soft", "firm", ABSENT]


def test_the_smallest_states_are_put_together() -> None:
    rows = moves(*((f"s{number}", f"s{number}", 100 - number) for number in range(10)))
    flow = flow_of(rows, {}, 4)
    assert flow.states == ["s0", "s1", "s2", OTHERS]
    assert flow.before(OTHERS) == sum(100 - number for number in range(3, 10))


def test_the_heat_map_shows_only_what_moves() -> None:
    cells, states = heat_cells(flow_of(moves(("a", "a", 9), ("a", "b", 1), ("b", "b", 4), ("c", "c", 50)), {}, 20))
    assert states == ["a", "b"]
    assert {(cell["before"], cell["after"], cell["moved"]) for cell in cells} == {
        ("a", "a", 0),
        ("a", "b", 1),
        ("b", "b", 0),
    }


def test_the_alluvial_has_room_for_its_longest_names() -> None:
    short = alluvial(flow_of(moves(("a", "b", 3)), {}, 20))
    long = alluvial(flow_of(moves(("a", "soft_reminder_call", 1_607), ("soft_reminder_call", "a", 352)), {}, 20))
    wide = alluvial(flow_of(moves(("催收", "早期电话提醒与短信跟进并升级", 123_456)), {}, 20))
    widths = [int(re.findall(r'viewBox="0 0 (\d+) ', each)[0]) for each in (short, long, wide)]
    assert widths[0] == 640
    assert widths == sorted(widths)
    assert widths[2] > 700
    # a text begins at its x and is no wider than what is left of the picture
    for picture, width in zip((short, long, wide), widths, strict=True):
        for x, text in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="start"[^>]*>([^<]+)<', picture):
            assert float(x) + sum(12 if ord(each) > 0x2E80 else 6.6 for each in text) <= width


def test_states_that_have_an_order_keep_it_whatever_their_size() -> None:
    rows = moves(("M10", "M9", 5), ("M2", "M10", 3), ("", "M11+", 1))
    assert state_order("bucket", rows) == ["M2", "M9", "M10", "M11+"]
    assert state_order("intensity", moves(("10", "2", 1))) == ["2", "10"]
    assert state_order("class", rows) == ("current", "low", "mid", "high")
    assert state_order("segment", rows) is None


def test_of_many_teams_those_are_shown_whose_load_changes_most() -> None:
    teams = [
        {"team": f"phone-{n}", "before_cases": 10 * n, "after_cases": 10 * n + (5 if n in (2, 10) else 0)}
        for n in range(1, 31)
    ] + [{"team": None, "before_cases": None, "after_cases": 3}]
    assert [row["team"] for row in most_changed(teams, 5)] == [None, "phone-2", "phone-10", "phone-29", "phone-30"]
    assert len(most_changed(teams, 40)) == 31


def test_the_alluvial_draws_every_flow_once_and_escapes_its_names() -> None:
    picture = alluvial(flow_of(moves(("a", "a", 9), ("a", "<b>", 1), ("<b>", "<b>", 4)), {}, 20))
    assert picture.count("<path") == 3
    assert "<b>" not in picture
    assert "a → &lt;b&gt;: 1" in picture
    assert "(-1)" in picture
    assert "(+1)" in picture


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    table = _for_spreadsheets(pa.table({"customer_id": ["=1+1", "@x", "A1"], "n": [-1, 2, 3]}))
    assert table.to_pydict() == {"customer_id": ["'=1+1", "'@x", "A1"], "n": [-1, 2, 3]}

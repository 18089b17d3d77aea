"""The task of strategy_preview: what its parameters reach, what it hands back, and how wrong rules end it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.contract_files import read_contract_files
from tests.support.ledgers import publish_ledger

from arrears.demo.lender import write_parquet
from arrears.run import open_run
from arrears.settings import PROJECT, load_settings

DAY = date(2026, 11, 20)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pg_url: str) -> Path:
    """A home whose last published ledger is that of yesterday, with a draft of changed rules."""
    home = tmp_path / "home"
    monkeypatch.setenv("ARREARS_HOME", str(home))
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-21T09:30:00")
    write_parquet(tmp_path / "lender", DAY, 800, 7)
    with open_run(load_settings({"clock": f"{DAY}T09:30:00"}), DAY) as run:
        publish_ledger(run, read_contract_files(tmp_path / "lender"))
    shipped = (PROJECT / "include" / "rules" / "treatments.yaml").read_text(encoding="utf-8")
    for name, new in (("wider", "score_view in ('rolling', 'agency', 'neutral')"), ("wrong", "scor_view = 'rolling'")):
        draft = home / "previews" / "rules" / name
        draft.mkdir(parents=True)
        text = shipped.replace("score_view in ('rolling', 'agency')", new)
        (draft / "treatments.yaml").write_text(text, encoding="utf-8")
    return home


def task(glue: Any) -> Any:
    return glue.preview.PreviewOperator(task_id="preview_strategy")


def context(**params: str | None) -> dict[str, Any]:
    return {"params": {"change": None, "valid_on": None, "as_of": None, **params}}


def test_it_hands_back_counts_and_the_path_of_a_report_that_is_linked(glue: Any, home: Path) -> None:
    operator = task(glue)
    result = operator.execute(context(change="wider"))
    assert result["day"] == "2026-11-20"
    assert 0 < result["moved"]["segment"] <= result["changed_cases"] < result["cases"]
    path = result["documents"]["preview"]
    assert (home / "reports" / path).is_file()
    (link,) = operator.operator_extra_links
    assert link.get_link(operator, ti_key=None).endswith(f"/arrears/documents/{path}")


def test_rules_of_a_day_can_be_tried_instead_of_a_folder(glue: Any, home: Path) -> None:
    result = task(glue).execute(context(valid_on="2026-11-20", as_of="2026-11-20"))
    assert result["changed_cases"] == 0


def test_wrong_rules_fail_at_once_with_their_place(glue: Any, home: Path) -> None:
    with pytest.raises(glue.Fail, match=r"treatments\.yaml:\d+: .*scor_view"):
        task(glue).execute(context(change="wrong"))


@pytest.mark.parametrize("params", [{}, {"change": "wider", "valid_on": "2026-11-20"}])
def test_it_asks_for_exactly_one_of_folder_and_day(glue: Any, home: Path, params: dict[str, str]) -> None:
    with pytest.raises(glue.Fail, match="either a folder of changed rules"):
        task(glue).execute(context(**params))


@pytest.mark.parametrize("name", ["../rules", "/etc", "wider/../wrong", "nowhere"])
def test_a_parameter_names_no_path(glue: Any, home: Path, name: str) -> None:
    with pytest.raises(glue.Fail, match="the name of a folder"):
        task(glue).execute(context(change=name))


def test_a_day_without_a_ledger_fails_at_once(glue: Any, home: Path) -> None:
    with pytest.raises(glue.Fail, match="the ledger of 2026-11-18 to be published"):
        task(glue).execute(context(change="wider", as_of="2026-11-18"))

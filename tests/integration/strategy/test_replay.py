"""Replaying a day: the same decisions from what is stored, and exactly what differs when something was changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.decided_days import AS_OF, decide, lender_tables
from typer.testing import CliRunner

from arrears.cli import app
from arrears.errors import LakeError, NotPublishedError, RulesError
from arrears.run import open_run
from arrears.settings import Settings, load_settings
from arrears.strategy.replay import KEYS, Replay, replay
from arrears.strategy.replay_text import as_text


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    return lender_tables(tmp_path_factory.mktemp("lender"), contracts=600)


@pytest.fixture
def decided(make_settings: Callable[..., Settings], ledger: dict[str, pa.Table]) -> Callable[..., Settings]:
    """Decides the demo lender's day in the test's lake under the given settings."""

    def run(**values: Any) -> Settings:
        settings = make_settings(clock=f"{AS_OF}T09:30:00", **values)
        with open_run(settings, AS_OF) as opened:
            decide(opened, ledger)
        return settings

    return run


def partition(settings: Settings, table: str) -> Path:
    return settings.lake_root / table / f"as_of={AS_OF}.parquet"


def differing(result: Replay) -> dict[str, int]:
    return {each.table: each.different for each in result.tables if not each.rows_equal}


def rewrite(path: Path, sql: str) -> None:
    """Replaces the rows of a file by those of a SELECT over `stored`, as somebody with access to the lake could."""
    with duckdb.connect() as connection:
        connection.register("stored", pq.read_table(path))
        changed = connection.sql(sql).to_arrow_table()
    path.unlink()
    pq.write_table(changed, path)


def test_an_untouched_day_is_replayed_the_same(decided: Callable[..., Settings]) -> None:
    settings = decided()
    before = {path: path.stat().st_mtime_ns for path in settings.lake_root.rglob("*.parquet")}
    result = replay(settings, AS_OF)
    assert result.same
    assert [each.table for each in result.tables] == list(KEYS)
    assert all(each.as_published and each.equal == each.stored_rows == each.replayed_rows for each in result.tables)
    assert not result.other_code
    assert as_text(result).endswith("the same: every row of every table\n")
    after = {path: path.stat().st_mtime_ns for path in settings.lake_root.rglob("*.parquet")}
    assert after == before, "a replay leaves the lake alone"


def test_a_restated_day_is_replayed_beside_the_frozen_one(
    decided: Callable[..., Settings], ledger: dict[str, pa.Table]
) -> None:
    settings = decided()
    later = settings.model_copy(update={"clock": load_settings({"clock": "2026-11-23T09:30:00"}).clock})
    with open_run(later, AS_OF) as run:
        assert run.day.basis == "restated"
        decide(run, {**ledger, "payments": ledger["payments"].slice(0, 100)})
    frozen, restated = replay(later, AS_OF), replay(later, AS_OF, "restated")
    assert (frozen.basis, restated.basis) == ("frozen", "restated")
    assert frozen.same
    assert restated.same
    assert frozen.tables[-1].stored_rows < restated.tables[-1].stored_rows


def test_rules_edited_since_do_not_matter(decided: Callable[..., Settings], tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(load_settings().rules, rules)
    settings = decided(rules=rules)
    balance = rules / "balance.yaml"
    balance.write_text(balance.read_text(encoding="utf-8").replace(">= 50000", ">= 1"), encoding="utf-8")
    result = replay(settings, AS_OF)
    assert result.same


def test_settings_of_the_day_are_used_not_those_of_today(decided: Callable[..., Settings]) -> None:
    settings = decided(materiality="20%,50.00", grace_days=7)
    today = settings.model_copy(update={"materiality": None, "grace_days": 2})
    result = replay(today, AS_OF)
    assert result.same
    assert result.settings == {"materiality": "20%,50.00", "grace_days": 7}
    assert "settings of the day over the rules: grace_days 7, materiality 20%,50.00" in as_text(result) or (
        "settings of the day over the rules: materiality 20%,50.00, grace_days 7" in as_text(result)
    )


def test_one_changed_value_is_found_by_key_and_column(decided: Callable[..., Settings]) -> None:
    settings = decided()
    rewrite(
        partition(settings, "snapshot"),
        "SELECT * REPLACE (CASE WHEN contract_id = (SELECT MIN(contract_id) FROM stored) "
        "THEN overdue_amount + 0.01 ELSE overdue_amount END AS overdue_amount) FROM stored",
    )
    result = replay(settings, AS_OF)
    assert not result.same
    assert differing(result) == {"snapshot": 1}, "what was decided before the file was touched stands"
    snapshot = next(each for each in result.tables if each.table == "snapshot")
    assert snapshot.columns == {"overdue_amount": 1}
    assert snapshot.as_published is False
    (difference,) = snapshot.first
    assert difference.column == "overdue_amount"
    assert Decimal(str(difference.stored)) - Decimal(str(difference.replayed)) == Decimal("0.01")
    assert "the stored file is not the one that was published" in as_text(result)


def test_rows_taken_away_and_added_are_found(decided: Callable[..., Settings]) -> None:
    settings = decided()
    rewrite(
        partition(settings, "treatment"),
        "SELECT * FROM stored WHERE contract_id <> (SELECT MIN(contract_id) FROM stored) "
        "UNION ALL SELECT * REPLACE ('MADE-UP' AS contract_id) FROM stored "
        "WHERE contract_id = (SELECT MAX(contract_id) FROM stored)",
    )
    treatment = next(each for each in replay(settings, AS_OF).tables if each.table == "treatment")
    assert (treatment.only_stored, treatment.only_replayed, treatment.different) == (1, 1, 0)
    assert {each.only for each in treatment.first} == {"stored", "replayed"}


def test_a_damaged_file_is_named(decided: Callable[..., Settings]) -> None:
    settings = decided()
    path = partition(settings, "snapshot")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 64] = bytes(64)
    path.unlink()
    path.write_bytes(content)
    result = replay(settings, AS_OF)
    assert not result.same
    snapshot = next(each for each in result.tables if each.table == "snapshot")
    assert snapshot.as_published is False
    assert snapshot.unreadable or snapshot.different
    assert all(each.same for each in result.tables if each.table != "snapshot")


def test_a_missing_table_is_named(decided: Callable[..., Settings]) -> None:
    settings = decided()
    partition(settings, "cases").unlink()
    result = replay(settings, AS_OF)
    assert not result.same
    assert "there is no such partition" in as_text(result)


def test_a_ledger_that_was_changed_is_named_with_what_it_changes(decided: Callable[..., Settings]) -> None:
    settings = decided()
    rewrite(partition(settings, "payments"), "SELECT * REPLACE (amount - 100 AS amount) FROM stored")
    result = replay(settings, AS_OF)
    assert result.changed_inputs == ("payments",)
    assert not result.same
    assert {"balances", "snapshot", "treatment"} <= set(differing(result))
    assert all(each.as_published for each in result.tables), "the decisions themselves are as they were published"
    assert "ledger tables that are not the files that the day read: payments" in as_text(result)


def test_a_ledger_that_cannot_be_read_any_more_says_so(decided: Callable[..., Settings]) -> None:
    settings = decided()
    rewrite(partition(settings, "payments"), "SELECT 1 AS nothing")
    result = replay(settings, AS_OF)
    assert not result.same
    assert result.failure is not None
    assert result.tables == ()
    assert "the day cannot be computed" in as_text(result)


@pytest.fixture
def other_models(tmp_path: Path) -> Path:
    """Models of which one is written otherwise."""
    sql = tmp_path / "sql"
    shutil.copytree(load_settings().sql, sql)
    model = sql / "strategy" / "delinquents.sql"
    text = model.read_text(encoding="utf-8")
    assert "    overdue_amount,\n" in text
    model.write_text(text.replace("    overdue_amount,\n", "    overdue_amount * 100 AS overdue_amount,\n"), "utf-8")
    return sql


def test_models_of_the_day_run_unless_the_present_ones_are_asked_for(
    decided: Callable[..., Settings], other_models: Path
) -> None:
    settings = decided().model_copy(update={"sql": other_models})
    stored = replay(settings, AS_OF)
    assert stored.same
    assert stored.changed_models == ("strategy/delinquents.sql",)
    present = replay(settings, AS_OF, code="present")
    assert not present.same
    assert "tiers" in differing(present)
    assert "SQL models that read otherwise today: strategy/delinquents.sql" in as_text(present)


def test_what_is_not_kept_is_named(decided: Callable[..., Settings]) -> None:
    settings = decided()
    shutil.rmtree(settings.lake_root / "_sql")
    with pytest.raises(LakeError, match="--code present"):
        replay(settings, AS_OF)
    assert replay(settings, AS_OF, code="present").same
    shutil.rmtree(settings.lake_root / "_rules")
    with pytest.raises(RulesError, match="none under this hash"):
        replay(settings, AS_OF, code="present")


def test_a_day_that_was_not_published_is_refused(decided: Callable[..., Settings]) -> None:
    with pytest.raises(NotPublishedError, match="the last day before it that was published is 2026-11-20"):
        replay(decided(), date(2026, 11, 22))


def test_other_code_is_told(decided: Callable[..., Settings]) -> None:
    settings = decided()
    manifest = settings.lake_root / "_published" / "treatment" / f"as_of={AS_OF}.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["record"]["code"]["sources"] = "0" * 64
    manifest.write_text(json.dumps(content), encoding="utf-8")
    result = replay(settings, AS_OF)
    assert result.same, "equal rows are equal, whoever made them"
    assert "made by other code: arrears" in as_text(result)


def test_an_empty_book_is_replayed(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(clock=f"{AS_OF}T09:30:00")
    with open_run(settings, AS_OF) as run:
        decide(run, {})
    assert replay(settings, AS_OF).same


# ---- from the command line


def command(settings: Settings, *arguments: str) -> Any:
    return CliRunner(env={"ARREARS_HOME": str(settings.home), "ARREARS_CLOCK": f"{AS_OF}T09:30:00"}).invoke(
        app, list(arguments)
    )


def test_replay_ends_with_0_only_when_all_is_equal(decided: Callable[..., Settings]) -> None:
    settings = decided()
    good = command(settings, "replay", "--as-of", str(AS_OF))
    assert (good.exit_code, good.stderr) == (0, "")
    assert "the same: every row of every table" in good.stdout
    rewrite(partition(settings, "cases"), "SELECT * REPLACE ('nobody' AS queue) FROM stored")
    bad = command(settings, "replay", "--as-of", str(AS_OF), "--json")
    assert bad.exit_code == 1
    cases = next(each for each in json.loads(bad.stdout)["tables"] if each["table"] == "cases")
    assert set(cases["columns"]) == {"queue"}
    assert len({tuple(each["key"].values()) for each in cases["first"]}) == 5


def test_explain_speaks_both_languages_and_json(decided: Callable[..., Settings]) -> None:
    settings = decided()
    contract_id = pq.read_table(partition(settings, "treatment"))["contract_id"][0].as_py()
    asked = ("explain", contract_id, "--as-of", str(AS_OF))
    assert "Decision tables, in order" in command(settings, *asked).stdout
    assert "规则判定" in command(settings, *asked, "--lang", "zh").stdout
    told = json.loads(command(settings, *asked, "--json").stdout)
    assert told["contract_id"] == contract_id
    assert told["status"] == "decided"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--as-of", str(AS_OF), "--code", "mine"], "stored or present"),
        (["replay", "--as-of", str(AS_OF), "--basis", "melted"], "frozen or restated"),
        (["explain", "C1", "--as-of", str(AS_OF), "--lang", "fr"], "zh or en"),
        (["explain", "C1", "--as-of", str(AS_OF)], "a run of the strategy"),
    ],
)
def test_a_wrong_question_is_a_message(make_settings: Callable[..., Settings], arguments: list[str], said: str) -> None:
    result = command(make_settings(), *arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output

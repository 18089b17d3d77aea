"""The `arrears` command: quick to help, plain about errors, honest about what a step cost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from arrears import cli, offline
from arrears.errors import RulesError, SettingsError
from arrears.offline import StepCall, StepReport
from arrears.run import StepResult
from arrears.settings import PROJECT, Settings
from arrears.steps import STEPS, Step

DAY = date(2026, 11, 20)


def test_help_names_every_area_and_loads_no_heavy_module() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from arrears.cli import app\n"
        "print(CliRunner().invoke(app, ['--help']).output)\n"
        "heavy = {'duckdb', 'pyarrow', 'sqlalchemy', 'airflow', 'pandas', 'great_expectations', 'numpy'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "loaded: []" in said
    for name in (*cli.AREAS, "day", "step", "age"):
        assert f" {name} " in said


@pytest.mark.parametrize("area", cli.AREAS)
def test_every_area_brings_its_commands(area: str) -> None:
    module, _ = cli.AREAS[area]
    assert isinstance(import_module(module).app, typer.Typer)
    assert CliRunner().invoke(cli.app, [area, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["step", "age_contract"], "age_contracts"),
        (["step", "push_contacts"], "--channel"),
        (["step", "age_contracts", "--channel", "sms"], "--channel"),
        (["day", "--as-of", "2026-02-30"], "YYYY-MM-DD"),
        (["day", "--materiality", "a bit"], "ARREARS_MATERIALITY"),
    ],
)
def test_an_error_is_a_message_and_exit_code_1(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_debug_shows_where_an_error_comes_from() -> None:
    result = CliRunner().invoke(cli.app, ["--debug", "step", "age_contract"])
    assert isinstance(result.exception, SettingsError)


def test_a_rules_folder_that_is_not_there_is_named() -> None:
    result = CliRunner().invoke(cli.app, ["rules", "check", "--rules", "no/such/folder"])
    assert result.exit_code == 1
    assert "no/such/folder/rule_set.yaml: error:" in result.stdout


def test_a_wrong_rule_file_is_named_with_its_line(tmp_path: Path) -> None:
    shipped = (PROJECT / "include" / "rules" / "rule_set.yaml").read_text(encoding="utf-8").splitlines()
    (tmp_path / "rule_set.yaml").write_text("\n".join([*shipped, "resaon: a typo"]), encoding="utf-8")
    result = CliRunner().invoke(cli.app, ["rules", "check", "--rules", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{tmp_path / 'rule_set.yaml'}:{len(shipped) + 1}: error:" in result.stdout
    assert "Did you mean 'reason'?" in result.stdout


def _succeed(run: object, **arguments: str) -> StepResult:
    ballast = bytearray(200_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    return StepResult(rows={"snapshot": 3}, figures=dict(arguments))


def _refuse(run: object) -> StepResult:
    raise RulesError(expected="a rule", found="none", where="rules.yaml:3", action="Write one.")


def _die(run: object) -> StepResult:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    raise AssertionError


@pytest.fixture
def run_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs one of the functions above as a step in a process of its own, without a warehouse."""

    def run(function: str, **arguments: str) -> StepReport:
        step = Step("probe", "no_dag", f"{__name__}:{function}", "", (), (), "")
        monkeypatch.setattr(offline, "run_step", lambda opened, name, **more: globals()[function](opened, **more))
        settings = Settings(home=tmp_path, clock=f"{DAY}T09:30:00")  # type: ignore[arg-type]
        context = multiprocessing.get_context("fork")
        return offline._in_own_process(context, settings, DAY, StepCall(step.name, arguments.get("channel")))

    return run


def test_a_step_reports_rows_and_the_peak_memory_of_its_own_process(run_call) -> None:
    report = run_call("_succeed", channel="sms")
    assert report.failure is None
    assert report.result == StepResult(rows={"snapshot": 3}, figures={"channel": "sms"})
    assert report.measure.peak_bytes > 200_000_000
    assert report.measure.seconds > 0


def test_a_step_that_refuses_reports_the_librarys_message(run_call) -> None:
    report = run_call("_refuse")
    assert report.result is None
    assert report.failure.message == "rules.yaml:3: expected a rule; found none. Write one."


def test_a_step_that_is_killed_is_named_as_such(run_call) -> None:
    report = run_call("_die")
    assert report.result is None
    assert "SIGKILL" in report.failure.message


def test_a_day_without_push_sends_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    pushed = [call.name for call in offline.whole_day(settings, DAY, push=True).calls]
    unpushed = [call.name for call in offline.whole_day(settings, DAY, push=False).calls]
    assert list(dict.fromkeys(pushed)) == list(STEPS)
    assert set(pushed) - set(unpushed) == {"push_contacts", "reconcile_contacts", "push_approved"}
    assert unpushed == [name for name in STEPS if name in unpushed]

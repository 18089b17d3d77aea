"""`arrears token`: issue, list, rotate with an overlap, revoke; nothing secret is kept or shown twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import Result
from tests.support.desk_floor import empty_ops
from typer.testing import CliRunner

from arrears import cli
from arrears.api import tokens
from arrears.desk.callers import Caller

Run = Callable[..., Result]


@pytest.fixture
def run(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    empty_ops(pg_url)
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    return lambda *arguments: CliRunner().invoke(cli.app, ["token", *arguments])


@pytest.fixture
def caller(pg_url: str) -> Callable[..., Caller | None]:
    def check(text: str, after: timedelta = timedelta(0)) -> Caller | None:
        engine = sa.create_engine(pg_url)
        with engine.connect() as connection:
            found = tokens.check_token(connection, text, tokens.now() + after)
        engine.dispose()
        return found

    return check


def test_a_token_is_shown_once_and_kept_as_a_hash(run: Run, caller: Callable[..., Caller | None], pg_url: str) -> None:
    issued = run("issue", "desk-17", "--collector", "C017", "--days", "2")
    token = issued.stdout.strip()
    assert "roster does not have this collector" in issued.stderr
    assert caller(token) == Caller("desk-17", "collector", "C017", via="token")
    assert caller(token, timedelta(days=2, seconds=-60)) is not None
    assert caller(token, timedelta(days=2, seconds=60)) is None
    secret = token.split("_", 2)[2]
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        kept = str(connection.execute(sa.text("SELECT to_jsonb(t) FROM ops.api_token t")).all())
    engine.dispose()
    assert secret not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    listed = run("list").stdout
    assert "desk-17  collector C017  live" in listed
    assert secret not in listed


def test_rotation_overlaps(run: Run, caller: Callable[..., Caller | None]) -> None:
    old = run("issue", "lead-north", "--lead", "--team", "north", "--team", "east").stdout.strip()
    new = run("rotate", "lead-north", "--overlap", "2").stdout.strip()
    lead = Caller("lead-north", "lead", teams=frozenset({"north", "east"}), via="token")
    assert caller(old) == caller(new) == lead
    assert caller(old, timedelta(hours=2, minutes=1)) is None
    assert caller(new, timedelta(hours=2, minutes=1)) == lead
    newest = run("rotate", "lead-north", "--overlap", "0").stdout.strip()
    assert [caller(each) for each in (old, new, newest)] == [None, None, lead], "an overlap of nothing ends all at once"


def test_a_revoked_token_ends_at_once_with_its_rotations(run: Run, caller: Callable[..., Caller | None]) -> None:
    old = run("issue", "prometheus", "--viewer").stdout.strip()
    new = run("rotate", "prometheus").stdout.strip()
    assert run("revoke", "prometheus").stdout == "2 revoked\n"
    assert caller(old) is None
    assert caller(new) is None
    assert run("list").stdout.count("revoked") == 2
    one = run("issue", "prometheus", "--viewer").stdout.strip()
    assert run("revoke", one.split("_")[1]).exit_code == 0, "a single one goes by its id"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("issue", "x"), "--collector ID, --lead and --viewer"),
        (("issue", "x", "--lead", "--viewer"), "2 of them"),
        (("issue", "x", "--collector", "C1", "--team", "north"), "teams for a lead or viewer"),
        (("issue", "<b>x", "--lead"), "a name of letters"),
        (("issue", "x", "--lead", "--team", "a,b"), "without commas"),
        (("rotate", "nobody"), "a token that works"),
        (("revoke", "nobody"), "a token that works"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert run("list").stdout == "no tokens\n"


def test_a_name_has_one_token_that_works(run: Run) -> None:
    run("issue", "x", "--lead")
    again = run("issue", "x", "--lead")
    assert again.exit_code == 1
    assert "arrears token rotate" in again.stderr

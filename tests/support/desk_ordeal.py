"""A day at the desk on which everything goes wrong: `python -m tests.support.desk_ordeal` has it at full size.

Callers empty a pool over HTTP while they are killed, the server is killed and started again, and the morning's steps
`allocate_cases` and `open_grab_pool` run again and again. Nothing may be lost, no case be given twice, and nobody get
more than he may.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa
from tests.support.api_load import Journal, Served, served, wait_until
from tests.support.desk_floor import TODAY, Floor, empty_ops
from tests.support.ledgers import contract_table

from arrears.run import Run, open_run
from arrears.settings import PROJECT
from arrears.steps import run_step
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT

PLAYERS = 3
SMALL = 40
"""Cases that every tenth collector may have in hand, fewer than his share: he is full before the pool is empty."""
_BREATH = 0.5
_LONGEST = 1800
MORNING = ("allocate_cases", "open_grab_pool")


@dataclass
class Told:
    """What came of it."""

    cases: int
    grabs: int
    seconds: float
    reruns: int
    kills: int
    most: int
    """Cases that one collector has at the end; at most what he may."""
    full: int
    """Collectors who came to their small capacity."""

    def __str__(self) -> str:
        return (
            f"{self.cases} cases in {self.grabs} grabs over HTTP in {self.seconds:.0f} s, with {self.kills} kills and "
            f"{self.reruns} runs of {' and '.join(MORNING)} meanwhile: each case once; {self.full} collectors full"
        )


def rules_for(cases: int, callers: int) -> str:
    """All to the pool, and limits of a quarter more than an even share."""
    most = cases * 5 // (callers * 4)
    return (
        f"defaults: {{mode: quota, grab_batch: 20, grab_batch_max: 30, lease_minutes: 600, open_cases: {most}, "
        f"grabs_per_day: {most}}}\nqueues: {{phone: {{}}}}\n"
    )


def publish_day(run: Run, cases: int, collectors: list[str]) -> None:
    """Writes the run's day as the strategy leaves it: so many cases of one queue, and the collectors."""
    number = pa.array(range(1, cases + 1), pa.int64())
    text = pc.utf8_lpad(pc.cast(number, pa.string()), 6, "0")
    customer, contract = pc.binary_join_element_wise("C", text, ""), pc.binary_join_element_wise("K", text, "")

    def all_of(value: object, kind: pa.DataType) -> pa.Array:
        return pa.array([value] * cases, kind)

    whole, money = pa.int32(), pa.decimal128(18, 2)
    columns = {
        "as_of": all_of(run.day.as_of, pa.date32()),
        "customer_id": customer,
        "entered_on": all_of(None, pa.date32()),
        "contracts": all_of(1, whole),
        "contract_ids": contract,
        "lead_contract_id": contract,
        "region": all_of(None, pa.string()),
        "language": all_of(None, pa.string()),
        "product": all_of("commercial_vehicle", pa.string()),
        "overdue_amount": all_of(1000, money),
        "outstanding_amount": all_of(50_000, money),
        "days_past_due": all_of(40, whole),
        "bucket": all_of("M2", pa.string()),
        "class": all_of("mid", pa.string()),
        "segment": all_of("mid_phone", pa.string()),
        "treatment": all_of("phone_pressure", pa.string()),
        "intensity": all_of(3, whole),
        "placement": all_of("in_house", pa.string()),
        "channels": all_of("dialer", pa.string()),
        "queue": all_of("phone", pa.string()),
        "priority": all_of(50, whole),
        "held": all_of(False, pa.bool_()),
        "rule_set": all_of("standard", pa.string()),
        "rule_set_version": all_of(1, whole),
        "rule_set_hash": all_of("0" * 64, pa.string()),
    }
    treated = {"contract_id": contract, "customer_id": customer, "collection_band": all_of(None, pa.string())}
    staff = [
        {"collector_id": name, "team": "north", "skills": "phone", "capacity": None if place % 10 else SMALL}
        for place, name in enumerate(collectors)
    ]
    tables = {
        "collectors": contract_table("collectors", staff),
        **{name: contract_table(name, ()) for name in ("contracts", "contact_results", "payments", "promises")},
        "cases": pa.table(columns),
        "treatment": pa.table(treated),
    }
    for name, table in tables.items():
        with run.lake.replace(name, run.day) as aside:
            pq.write_table(table, aside)
    run.lake.publish("ledger", run.day, [name for name in tables if name not in ("cases", "treatment")])
    run.lake.publish("treatment", run.day, ["cases", "treatment"])


@contextmanager
def again_and_again(floor: Floor) -> Iterator[list[int]]:
    """Runs the morning's steps twice a second until it is left; the list grows by one with each time."""
    runs: list[int] = []
    failed: list[BaseException] = []
    end = threading.Event()

    def work() -> None:
        try:
            with open_run(floor.settings, TODAY, floor.settings.acting_clock()) as run:
                while not end.is_set():
                    for step in MORNING:
                        run_step(run, step)
                    runs.append(len(runs) + 1)
                    end.wait(_BREATH)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield runs
    finally:
        end.set()
        thread.join()
    if failed:
        raise failed[0]


def ordeal(url: str, folder: Path, *, cases: int, callers: int) -> Told:
    """Goes through it, and checks what must hold."""
    empty_ops(url)
    journals = folder / "journals"
    journals.mkdir()

    def play(number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.api_load", "--play", str(folder / f"part{number}.json")]
        return subprocess.Popen(command, cwd=PROJECT)

    def opened(api: Served) -> None:
        with open_run(api.floor.settings, TODAY, api.floor.settings.acting_clock()) as run:
            publish_day(run, cases, list(api.tokens))
            for step in MORNING:
                run_step(run, step)

    with served(url, folder, cases=0, callers=callers, rules=rules_for(cases, callers), before=opened) as api:
        tokens = list(api.tokens.items())
        for number in range(PLAYERS):
            part = {"url": api.url, "pause": 0.02, "journals": str(journals), "tokens": dict(tokens[number::PLAYERS])}
            (folder / f"part{number}.json").write_text(json.dumps(part), encoding="utf-8")
        begun = time.monotonic()
        players = [play(number) for number in range(PLAYERS)]
        kills = 0
        try:
            with again_and_again(api.floor) as reruns:
                for share in (0.15, 0.6):
                    _wait_for(api.floor, int(cases * share))
                    api.kill()
                    players[0].kill()
                    players[0].wait()
                    api.start()
                    players[0] = play(0)
                    kills += 2
                    if share < 0.5:
                        for number in range(1, PLAYERS):
                            players[number].kill()
                            players[number].wait()
                            players[number] = play(number)
                            kills += 1
                assert [player.wait(_LONGEST) for player in players] == [0] * PLAYERS
                seconds = time.monotonic() - begun
                done = len(reruns)
                # one whole run more when all is given
                wait_until(lambda: len(reruns) >= done + 2, 120)
        finally:
            for player in players:
                player.kill()
                player.wait()
        return _checked(api.floor, journals, cases, callers, Told(cases, 0, seconds, done, kills, 0, 0))


def _wait_for(floor: Floor, number: int, seconds: float = _LONGEST) -> None:
    """Waits until so many cases were given."""
    owned = sa.select(sa.func.count()).where(CASE.c.state == "owned")
    deadline = time.monotonic() + seconds
    while True:
        with floor.warehouse.connect() as connection:
            if (connection.scalar(owned) or 0) >= number:
                return
        assert time.monotonic() < deadline, f"{number} cases were not given in time"
        time.sleep(0.1)


def _checked(floor: Floor, journals: Path, cases: int, callers: int, told: Told) -> Told:
    kept = {path.stem: Journal(path).given for path in journals.glob("*.jsonl")}
    answers = [(case, who) for who, given in kept.items() for batch in given.values() for case in batch]
    assert len(answers) == len(set(answers)) == len({case for case, _ in answers}), "a case was given twice"
    assert len(answers) == cases, f"{cases - len(answers)} cases were given to nobody who knows it"
    with floor.warehouse.connect() as connection:
        owned = dict(connection.execute(sa.select(CASE.c.case_id, CASE.c.collector_id)).all())
        assert owned == dict(answers), "the warehouse names another owner than the one who was told"
        intervals = CASE_ASSIGNMENT.c
        grabs = dict(
            connection.execute(
                sa.select(intervals.case_id, sa.func.count())
                .where(intervals.source == "grab")
                .group_by(intervals.case_id)
            ).all()
        )
        assert set(grabs.values()) == {1}, "a case was grabbed twice"
        lasting = connection.execute(
            sa.select(intervals.case_id, intervals.collector_id).where(intervals.to_at.is_(None))
        ).all()
        assert {row.case_id: row.collector_id for row in lasting} == owned, "the intervals tell another story"
    held = Counter(who for _, who in answers)
    most = cases * 5 // (callers * 4)
    small = [name for place, name in enumerate(sorted(kept)) if place % 10 == 0]
    assert max(held[name] for name in small) <= SMALL, "somebody is over his capacity"
    assert max(held.values()) <= most, "somebody is over the limit"
    told.grabs = sum(len(given) for given in kept.values())
    told.most, told.full = max(held.values()), sum(held[name] == SMALL for name in small)
    return told


def main() -> None:
    """Goes through it on an embedded PostgreSQL of its own."""
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.embedded import EmbeddedPostgres
    from arrears.warehouse.migrate import upgrade

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--callers", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arrears-ordeal-") as name:
        server = EmbeddedPostgres(Path(name) / "server")
        server.ensure_running()
        try:
            url = server.url("warehouse").render_as_string(hide_password=False)
            engine = open_warehouse(load_settings({"warehouse_url": url}))
            upgrade(engine)
            engine.dispose()
            folder = Path(name) / "ordeal"
            folder.mkdir()
            print(ordeal(url, folder, cases=asked.cases, callers=asked.callers))
        finally:
            server.stop(mode="immediate")


if __name__ == "__main__":
    main()

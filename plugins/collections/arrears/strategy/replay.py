"""Replays a day: recomputes its decisions from its stored ledger and kept rules, and compares them row for row.

The recomputation runs the same steps in a shadow of the lake, so nothing that others read is touched. Rules and SQL
models are those kept under the hashes in the day's manifests, and settings that went over the rules are taken from
there as well; only the library's Python code is today's, and the replay says whether that is the code of the day.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from arrears.day import Basis, BusinessDay
from arrears.engines.duckdb import DuckDBEngine
from arrears.errors import ArrearsError, LakeError, ModelError, NotPublishedError, SettingsError
from arrears.lake import Lake, ShadowLake
from arrears.ledger.contract import TABLES
from arrears.rules.rule_set import load_kept_rule_set
from arrears.run import Run, StepResult
from arrears.settings import Settings
from arrears.shadow import ShadowRun
from arrears.strategy import steps
from arrears.strategy.record import AGEING, code_version, kept_models, models_hash
from arrears.strategy.replay_compare import TableComparison, compare_tables

Code = Literal["stored", "present"]
KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "balances": ("contract_id",),
        "positions": ("contract_id",),
        "overdue_spells": ("contract_id", "spell_no"),
        "snapshot": ("contract_id",),
        "case_entry": ("customer_id",),
        "tiers": ("contract_id",),
        "experiment_arm": ("experiment", "customer_id"),
        "decision": ("contract_id",),
        "treatment": ("contract_id",),
        "cases": ("customer_id",),
    }
)
"""What is compared, in the order in which the day makes it, and what identifies a row of each."""
WORKING = frozenset({"balances", "positions", "overdue_spells"})
"""Of them those that only the models of the same version make alike: they are on the way to the snapshot."""
_LEDGER = "ledger"
_AGES: tuple[Callable[[Run], StepResult], ...] = (steps.age_contracts,)
_DECIDES: tuple[Callable[[Run], StepResult], ...] = (steps.tier_balances, steps.apply_rules, steps.publish_treatments)


class TableReplay(TableComparison):
    """A table of the day beside the one that was computed again."""

    as_published: bool | None
    """The stored file is the one that was published; None where the manifest does not name it."""
    counts: bool
    """Whether a difference is one of the decisions; not so of working tables that other models have made."""

    @property
    def same(self) -> bool:
        """Every row is there on both sides with the same values, in the file that was published."""
        return (self.rows_equal or not self.counts) and self.as_published is not False


class Replay(BaseModel):
    """What came of replaying a day."""

    model_config = ConfigDict(frozen=True)

    as_of: date
    basis: Basis
    rule_set: str
    rule_set_version: int
    rule_set_hash: str
    code: Code
    """Whose SQL models ran: those stored with the day, or the present ones."""
    changed_models: tuple[str, ...]
    """Models that read otherwise today than on the day."""
    made_by: dict[str, str]
    """The code of the day, by its record; empty for a day without one."""
    replayed_by: dict[str, str]
    settings: dict[str, Any]
    """Settings that went over the rules on the day."""
    changed_inputs: tuple[str, ...]
    """Ledger tables whose files are not those that the day read."""
    failure: str | None
    """Why the day could not be computed again; the tables are then not compared."""
    tables: tuple[TableReplay, ...]

    @property
    def same(self) -> bool:
        """Same inputs, same decisions."""
        return self.failure is None and not self.changed_inputs and all(table.same for table in self.tables)

    @property
    def other_code(self) -> bool:
        """The day was made by other code or another engine, or its record does not say."""
        return self.made_by != self.replayed_by


def parse_code(text: str, *, where: str) -> Code:
    """Whose SQL models to run, by name; raises SettingsError that names `where` for anything else."""
    if text not in get_args(Code):
        raise SettingsError(
            expected=" or ".join(get_args(Code)),
            found=repr(text),
            where=where,
            action="stored runs the SQL models of the day, present those of today.",
        )
    return cast("Code", text)


def replay(settings: Settings, as_of: date, basis: Basis | None = None, *, code: Code = "stored") -> Replay:
    """Recomputes the strategy of a day and compares it with what is stored; frozen before restated by default.

    Raises NotPublishedError for a day whose treatments are not published, RulesError when its rules are not kept, and
    LakeError when its SQL models are asked for and not kept.
    """
    lake = Lake(settings.lake_root)
    day = _published_day(lake, as_of, basis)
    decided = _record(lake, day, steps.AREA)
    aged = _record(lake, day, AGEING, decided)
    with tempfile.TemporaryDirectory(prefix="arrears-replay-") as folder:
        shadow = ShadowLake(lake, Path(folder))
        ledger = [table for table in TABLES if lake.exists(table, day)]
        now = lake.digests(day, ledger)
        changed = tuple(sorted({*_changed(now, aged.inputs), *_changed(now, decided.inputs)}))
        failure: str | None = None
        # what the steps require of the ledger is that it is published: in the shadow it is, as it lies there now
        shadow.publish(_LEDGER, day, ledger)
        try:
            _run_steps(settings, shadow, day, aged, code, _AGES)
            _run_steps(settings, shadow, day, decided, code, _DECIDES)
        except ArrearsError as error:
            if not changed:
                raise
            failure = str(error)
        models = {name for record in (aged, decided) for name in _changed_models(settings, lake, record)}
        own_models = code == "stored" or not models
        tables = () if failure else tuple(_tables(settings, lake, shadow, day, own_models))
    rules = load_kept_rule_set(lake, decided.rule_set_hash)
    return Replay(
        as_of=day.as_of,
        basis=day.basis,
        rule_set=rules.name,
        rule_set_version=rules.version,
        rule_set_hash=rules.hash,
        code=code,
        changed_models=tuple(sorted(models)),
        made_by=decided.code,
        replayed_by=code_version(settings),
        settings={name: value for name, value in aged.settings.items() if value is not None},
        changed_inputs=changed,
        failure=failure,
        tables=tables,
    )


@dataclass(frozen=True)
class _Record:
    """What a manifest says about how its tables were made."""

    rule_set_hash: str
    models: str | None
    code: dict[str, str]
    settings: dict[str, Any]
    inputs: dict[str, str]


def _published_day(lake: Lake, as_of: date, basis: Basis | None) -> BusinessDay:
    bases: tuple[Basis, ...] = ("frozen", "restated") if basis is None else (basis,)
    for each in bases:
        if lake.published(steps.AREA, BusinessDay(as_of, each)) is not None:
            return BusinessDay(as_of, each)
    asked = BusinessDay(as_of, bases[0])
    before = lake.previous_day(steps.AREA, asked)
    raise NotPublishedError(
        expected=f"published treatments of {asked}",
        found="none" if before is None else f"none; the last day before it that was published is {before}",
        where=str(lake.path("treatment", asked)),
        action="Replay a day that was run.",
    )


def _record(lake: Lake, day: BusinessDay, area: str, otherwise: _Record | None = None) -> _Record:
    record = lake.record(area, day)
    if record is not None:
        return _Record(
            rule_set_hash=record["rule_set_hash"],
            models=record["models"],
            code=record["code"],
            settings=record["settings"],
            inputs=record["inputs"],
        )
    if otherwise is not None:
        return otherwise
    # published before there were records: the rows say which rules decided, and nothing says the rest
    hashes = set(lake.read("treatment", day, ["rule_set_hash"])["rule_set_hash"].to_pylist())
    if len(hashes) != 1:
        raise LakeError(
            expected="a record of what made the treatments, or rows of one rule set",
            found=f"no record, and rows of {len(hashes)} rule sets",
            where=str(lake.path("treatment", day)),
            action="Replay days that were published with their record.",
        )
    return _Record(rule_set_hash=hashes.pop(), models=None, code={}, settings={}, inputs={})


def _run_steps(
    settings: Settings,
    shadow: ShadowLake,
    day: BusinessDay,
    record: _Record,
    code: Code,
    functions: tuple[Callable[[Run], StepResult], ...],
) -> None:
    sql = settings.sql if code == "present" else _stored_models(shadow, day, record, settings)
    run = ShadowRun(
        settings=settings.model_copy(update={**record.settings, "sql": sql}),
        clock=settings.acting_clock(),
        day=day,
        lake=shadow,
        given_rules=load_kept_rule_set(shadow.base, record.rule_set_hash),
    )
    try:
        for function in functions:
            function(run)
    except ModelError as error:
        if record.models is None or sql == settings.sql or record.models == models_hash(settings.sql):
            raise
        raise LakeError(
            expected="SQL models of the day that this version of Arrears runs",
            found=f"{error.expected}; {error.found}",
            where=str(sql),
            action="Replay with --code present, or with the version of Arrears that made the day.",
        ) from error
    finally:
        run.close()


def _stored_models(lake: ShadowLake, day: BusinessDay, record: _Record, settings: Settings) -> Path:
    if record.models is None:
        return settings.sql
    folder = lake.base.root / kept_models(record.models)
    if not folder.is_dir():
        raise LakeError(
            expected=f"the SQL models that {day} was made with",
            found="none under their hash",
            where=str(folder),
            action="Restore the folder, or replay with --code present.",
        )
    if models_hash(folder) != record.models:
        raise LakeError(
            expected="SQL models as they were kept",
            found="others under their hash",
            where=str(folder),
            action="Restore the folder from a backup, or replay with --code present.",
        )
    return folder


def _changed_models(settings: Settings, lake: Lake, record: _Record) -> list[str]:
    if record.models is None or record.models == models_hash(settings.sql):
        return []
    kept = lake.root / kept_models(record.models)
    names = {path.relative_to(root).as_posix() for root in (kept, settings.sql) for path in root.glob("strategy/*.sql")}
    return [name for name in names if _text(kept / name) != _text(settings.sql / name)]


def _text(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _changed(now: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    return [table for table, digest in recorded.items() if now.get(table) != digest]


def _tables(
    settings: Settings, lake: Lake, shadow: ShadowLake, day: BusinessDay, own_models: bool
) -> list[TableReplay]:
    published = {**(lake.published(AGEING, day) or {}), **(lake.published(steps.AREA, day) or {})}
    found: list[TableReplay] = []
    with DuckDBEngine(memory=settings.duckdb_memory, threads=settings.duckdb_threads) as engine:
        for table, key in KEYS.items():
            if not shadow.path(table, day).exists():
                continue
            comparison = compare_tables(engine, table, key, _files(lake, table, day), shadow.files(table, day))
            as_published = None
            if table in published and lake.exists(table, day):
                as_published = lake.digests(day, [table])[table] == published[table]
            counts = own_models or table not in WORKING
            found.append(TableReplay(**comparison.model_dump(), as_published=as_published, counts=counts))
    return found


def _files(lake: Lake, table: str, day: BusinessDay) -> list[Path] | pa.Table | None:
    return lake.files(table, day) if lake.exists(table, day) else None

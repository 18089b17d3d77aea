"""A preview from end to end: the day, both rule sets, both sides in the shadow, the comparison, and its documents."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from arrears.day import BusinessDay
from arrears.errors import LakeError, NotPublishedError
from arrears.lake import Lake
from arrears.preview.change import FileChange, changed_rules, file_changes
from arrears.preview.check import require_good
from arrears.preview.compare import Comparison, compare_sides
from arrears.preview.rules import PreviewRules, preview_rules
from arrears.preview.side import LEDGER_READ, aged, compute_side
from arrears.rules.rule_set import RuleSet
from arrears.run import Run
from arrears.settings import Settings
from arrears.shadow import shadow_run
from arrears.strategy.ageing import FILE as AGEING
from arrears.strategy.record import models_hash
from arrears.strategy.steps import age_contracts

WORK = "previews/shadow"
"""Folder below ARREARS_HOME in which previews compute; nothing else reads it."""
FOLDER = "previews"
"""Folder below the reports root in which previews are published."""
_LOCK_SECONDS = 600
_MODELS = ("allocation", "outreach", "preview")


@dataclass(frozen=True)
class Preview:
    """A computed preview: what was compared, and what came out."""

    day: BusinessDay
    key: str
    """Names the preview: digest of the ledger, both rule sets, models and settings."""
    ledger: str
    """Digest of the published ledger."""
    present: RuleSet
    changed: RuleSet
    files: tuple[FileChange, ...]
    rules: PreviewRules
    """How it was measured: the present set's `preview.yaml`, so that a change cannot move its own measure."""
    verdicts: dict[str, str]
    """Attribute → verdict of the changed set's policy."""
    comparison: Comparison
    warnings: tuple[str, ...]

    @property
    def place(self) -> str:
        """The preview's folder below the reports root."""
        return f"{FOLDER}/{self.day.key}/{self.key}"


def preview_day(lake: Lake, as_of: date | None) -> BusinessDay:
    """The day that a preview looks at: the last one whose ledger is published, or `as_of`; frozen before restated.

    Raises NotPublishedError when there is none.
    """
    days = [day for day in lake.published_days("ledger") if as_of is None or day.as_of == as_of]
    if not days:
        raise NotPublishedError(
            expected=f"the ledger of {as_of} to be published" if as_of else "a day whose ledger is published",
            found="none",
            where=str(lake.root),
            action="Run ledger_daily for the day first.",
        )
    return days[-1]


def compute_preview(
    settings: Settings, *, as_of: date | None = None, folder: Path | None = None, valid_on: date | None = None
) -> Preview:
    """Compares the day's book under the present rules and under the changed ones; writes to a work folder only.

    The changed rules are checked first: RulesError with all findings when they are wrong. Raises SettingsError,
    RulesError, NotPublishedError as `changed_rules` and `preview_day` do.
    """
    lake = Lake(settings.lake_root)
    day = preview_day(lake, as_of)
    present, changed = changed_rules(settings, day.as_of, folder=folder, valid_on=valid_on)
    pack, warnings = require_good(changed)
    lake.require("ledger", day, LEDGER_READ)
    published = lake.published("ledger", day)
    ledger = _digest(published)
    key = _digest(
        {
            "day": str(day),
            "ledger": ledger,
            "present": present.hash,
            "changed": changed.hash,
            "models": [models_hash(settings.sql), _preview_models(settings.sql)],
            "settings": [settings.materiality, settings.grace_days, settings.time_zone],
        }
    )[:16]
    rules = preview_rules(present)
    run = Run(settings=settings, clock=settings.acting_clock(), day=day, lake=lake)
    with _work(settings.home / WORK / day.key / key) as work, ExitStack() as opened:
        base = run
        if present.text(AGEING) == changed.text(AGEING):
            base = _aged(run, present, work / "aged")
        before = compute_side(base, present, work / "before")
        opened.callback(before.run.close)
        after = compute_side(base, changed, work / "after")
        opened.callback(after.run.close)
        shadow = shadow_run(run, work / "comparison", present)
        opened.callback(shadow.close)
        comparison = compare_sides(shadow, before, after, rules)
    if lake.published("ledger", day) != published:
        raise NotPublishedError(
            expected=f"the ledger of {day} as it was when the preview began",
            found="another publication",
            where=str(lake.root),
            action="Run the preview again.",
        )
    return Preview(
        day=day,
        key=key,
        ledger=ledger,
        present=present,
        changed=changed,
        files=tuple(file_changes(present, changed)),
        rules=rules,
        verdicts={name: str(verdict) for name, verdict in pack.verdicts().items()},
        comparison=comparison,
        warnings=warnings,
    )


def _aged(run: Run, rules: RuleSet, root: Path) -> Run:
    """The run with the day's ageing in its lake, for both sides: what the lake has if it is right, else made anew."""
    shadow = shadow_run(run, root, rules)
    try:
        if aged(shadow):
            return run
        age_contracts(shadow)
    finally:
        shadow.close()
    return replace(run, lake=shadow.lake)


@contextmanager
def _work(folder: Path) -> Iterator[Path]:
    """An empty folder to compute in, for one preview at a time; what a killed one left in it is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=_LOCK_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise LakeError(
            expected="to be the only one who computes this preview",
            found=f"another one for more than {_LOCK_SECONDS} seconds",
            where=str(folder),
            action="Wait for it; it gives the same result.",
        ) from None


def _preview_models(sql_root: Path) -> str:
    paths = sorted(path for area in _MODELS for path in (sql_root / area).glob("*.sql"))
    return _digest({path.relative_to(sql_root).as_posix(): path.read_text(encoding="utf-8") for path in paths})


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

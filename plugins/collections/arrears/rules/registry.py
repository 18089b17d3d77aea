"""Which rule file is parsed by which model: for `arrears rules check`, the JSON Schemas and the documentation."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from arrears.errors import RulesError
from arrears.rules.files import RuleModel, did_you_mean

if TYPE_CHECKING:
    from arrears.rules.rule_set import RuleSet

FILES: Mapping[str, str] = MappingProxyType(
    {
        "rule_set.yaml": "arrears.rules.rule_set:RuleSetHeader",
        "vocabulary.yaml": "arrears.rules.vocabulary:Vocabulary",
        "ageing.yaml": "arrears.strategy.ageing_rules:AgeingRules",
        "balance.yaml": "arrears.strategy.balance_rules:BalanceRules",
        "scores.yaml": "arrears.strategy.score_rules:ScoreRules",
        "profile.yaml": "arrears.strategy.profile_rules:ProfileRules",
        "treatments.yaml": "arrears.strategy.treatment_rules:TreatmentRules",
        "experiments.yaml": "arrears.strategy.experiment_rules:Experiments",
        "quality.yaml": "arrears.quality.rules:QualityRules",
        "allocation.yaml": "arrears.allocation.rules:AllocationRules",
        "contact.yaml": "arrears.outreach.rules:ContactRules",
        "providers/*.yaml": "arrears.outreach.channels.providers:Provider",
        "vehicles.yaml": "arrears.outreach.vehicles:VehicleRules",
        "policies/*.yaml": "arrears.rules.policy:PolicyPack",
        "kpi.yaml": "arrears.kpi.rules:KpiRules",
        "targets.yaml": "arrears.kpi.targets:TargetRules",
        "preview.yaml": "arrears.preview.rules:PreviewRules",
    }
)
"""Rule file (or pattern, relative to the rules folder) → `module:Model`."""

OPTIONAL = frozenset({"experiments.yaml", "targets.yaml"})
"""Rule files that a rule set may do without."""

TEXTS = ("templates/*.txt",)
"""Patterns of the files of a rule set that are no YAML."""


def model_of(pattern: str) -> type[RuleModel]:
    """The model class that parses the files of `pattern`."""
    module, _, name = FILES[pattern].partition(":")
    model: type[RuleModel] = getattr(import_module(module), name)
    return model


def pattern_of(name: str) -> str | None:
    """The pattern that the rule file `name` (relative to the rules folder) is registered under; None: it is not."""
    return next((pattern for pattern in (*FILES, *TEXTS) if _fits(name, pattern)), None)


def check_name(name: str, path: Path) -> None:
    """Raises RulesError, with the nearest right name, when no rule file of the name `name` exists."""
    if pattern_of(name) is None:
        raise RulesError(
            expected=f"one of the rule files {', '.join((*FILES, *TEXTS))}",
            found=f"the file {name!r}",
            where=f"{path}:1",
            action=did_you_mean(name, FILES) or "Take the file out of the folder.",
        )


def required_files(names: Container[str]) -> tuple[str, ...]:
    """The rule files that a whole rule set needs and that are not in `names`."""
    return tuple(
        pattern for pattern in FILES if "*" not in pattern and pattern not in OPTIONAL and pattern not in names
    )


def parse_all(rules: RuleSet) -> Iterator[tuple[str, RuleModel]]:
    """Relative name and content of every registered rule file of a rule set; RulesError for the first wrong one."""
    for pattern in FILES:
        names = [name for name in rules.files() if _fits(name, pattern)]
        if not names and pattern in OPTIONAL:
            continue
        for name in names or [pattern]:
            yield name, rules.load(name, model_of(pattern))


def schema_name(pattern: str) -> str:
    """File name of the JSON Schema of the rule files of `pattern`."""
    return f"{pattern.removesuffix('/*.yaml').removesuffix('.yaml')}.schema.json"


def schema_comment(name: str, folders: int) -> str | None:
    """The line that tells editors the JSON Schema of the rule file `name`, `folders` below the rules folder.

    None for a file that has no schema.
    """
    pattern = pattern_of(name)
    if pattern is None or pattern not in FILES:
        return None
    up = "../" * (folders + name.count("/"))
    return f"# yaml-language-server: $schema={up}schemas/{schema_name(pattern)}"


def json_schemas() -> Iterator[tuple[str, str]]:
    """File name and text of the JSON Schema of each registered rule file, for editors; generated, held by a test."""
    for pattern in FILES:
        schema = model_of(pattern).model_json_schema()
        yield schema_name(pattern), json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _fits(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatchcase(name, pattern)

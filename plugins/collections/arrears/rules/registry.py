"""Which rule file is parsed by which model: for `arrears rules check`, the JSON Schemas and the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from arrears.rules.files import RuleModel, parse_rules

FILES: Mapping[str, str] = MappingProxyType(
    {
        "rule_set.yaml": "arrears.rules.rule_set:RuleSetHeader",
        "vocabulary.yaml": "arrears.rules.vocabulary:Vocabulary",
        "ageing.yaml": "arrears.strategy.ageing_rules:AgeingRules",
        "balance.yaml": "arrears.strategy.balance_rules:BalanceRules",
        "scores.yaml": "arrears.strategy.score_rules:ScoreRules",
        "profile.yaml": "arrears.strategy.profile_rules:ProfileRules",
        "treatments.yaml": "arrears.strategy.treatment_rules:TreatmentRules",
        "quality.yaml": "arrears.quality.rules:QualityRules",
        "allocation.yaml": "arrears.allocation.rules:AllocationRules",
        "contact.yaml": "arrears.outreach.rules:ContactRules",
        "policies/*.yaml": "arrears.rules.policy:PolicyPack",
        "kpi.yaml": "arrears.kpi.rules:KpiRules",
    }
)
"""Rule file (or pattern, relative to the rules folder) → `module:Model`."""


def model_of(pattern: str) -> type[RuleModel]:
    """The model class that parses the files of `pattern`."""
    module, _, name = FILES[pattern].partition(":")
    model: type[RuleModel] = getattr(import_module(module), name)
    return model


def parse_all(root: Path) -> Iterator[tuple[Path, RuleModel]]:
    """Parses every registered rule file below `root`; RulesError for the first wrong one."""
    for pattern in FILES:
        paths = sorted(root.glob(pattern)) or [root / pattern]
        for path in paths:
            yield path, parse_rules(path, model_of(pattern))


def json_schemas() -> Iterator[tuple[str, str]]:
    """File name and text of the JSON Schema of each registered rule file, for editors; generated, held by a test."""
    for pattern in FILES:
        stem = pattern.removesuffix("/*.yaml").removesuffix(".yaml")
        schema = model_of(pattern).model_json_schema()
        yield f"{stem}.schema.json", json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"

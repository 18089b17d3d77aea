"""Findings about the form of rule files: keys, types, and the brackets of days, buckets and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from arrears.errors import RulesError
from arrears.rules.files import Document, all_problems, did_you_mean
from arrears.rules.findings import Finding, of_error
from arrears.rules.registry import FILES, OPTIONAL, model_of, pattern_of
from arrears.rules.rule_set import CHANGES, HEADER, RuleSet, rule_files

_BRACKETS = (
    ("ageing.yaml", "buckets", "bucket", "from", "to", "delinquent_days"),
    ("scores.yaml", "stages", "stage", "from_bucket", "to_bucket", "bucket_no"),
)
"""File, key of the list, key of a bracket's name, of its two ends, and the word that is bracketed."""
_COUNTED = {"days": "delinquent_days", "installments": "unmet_installments"}
"""What buckets are ranges of, by `counting` of ageing.yaml; the rest are months."""

_PACKS = "policies/*.yaml"
_TO_DO = "Let each bracket begin right after the one before."


def file_findings(rules: RuleSet) -> Iterator[Finding]:
    """All that is wrong in the form of each registered rule file of a rule set."""
    missing = [
        pattern
        for pattern in FILES
        if pattern not in OPTIONAL and not any(pattern_of(name) == pattern for name in rules.files())
    ]
    for name in [*rules.files(), *missing]:
        yield from _form(name, partial(rules.document, name))
    packs = [Path(name).stem for name in rules.files() if pattern_of(name) == _PACKS]
    for pack in rules.packs:
        if pack not in packs:
            message = f"the policy {pack} is in no file; there are {', '.join(packs) or 'none'}"
            action = did_you_mean(pack, packs) or f"Name one that there is, or write {_PACKS.replace('*', pack)}."
            yield Finding("error", "unknown_name", message, rules.place(HEADER, ("policy",)), action)


def folder_findings(root: Path) -> Iterator[Finding]:
    """All that is wrong in the form of each rule file in a folder and in its folders of changes."""
    folders = [root, *(each for each in sorted((root / CHANGES).glob("*")) if each.is_dir())]
    for folder in folders:
        for name, path in rule_files(folder).items():
            yield from _form(name, partial(Document, path))


def _form(name: str, read: Callable[[], Document]) -> Iterator[Finding]:
    pattern = pattern_of(name) or name
    if pattern not in FILES:
        return
    try:
        document = read()
    except RulesError as error:
        yield of_error(error)
    else:
        yield from _document_findings(document, name, pattern)


def _document_findings(document: Document, name: str, pattern: str) -> Iterator[Finding]:
    brackets = list(_bracket_findings(document, name))
    yield from brackets
    for problem in all_problems(document, model_of(pattern)):
        # the model tells only the first gap or overlap, without a case
        if not (brackets and problem.expected.startswith(("no gap between", "no overlap between"))):
            yield of_error(problem)


def _bracket_findings(document: Document, name: str) -> Iterator[Finding]:
    content = document.content if isinstance(document.content, dict) else {}
    for file, key, label, from_key, to_key, word in _BRACKETS:
        if file == name:
            counting = content.get("counting")
            counted = word if counting is None else _COUNTED.get(counting, "months")
            yield from _bracketed(document, content.get(key), key, (label, from_key, to_key, counted))


def _bracketed(document: Document, items: Any, key: str, names: tuple[str, str, str, str]) -> Iterator[Finding]:
    label, from_key, to_key, word = names
    before: Mapping[str, Any] | None = None
    for position, each in enumerate(items if isinstance(items, list) else []):
        if not (isinstance(each, dict) and isinstance(each.get(from_key), int)):
            before = None
            continue
        begins, last = each[from_key], -1 if before is None and position == 0 else before and before.get(to_key)
        if isinstance(last, int) and begins != last + 1:
            shown = each.get(label)
            where = document.place((key, position, from_key))
            if begins > last + 1:
                gap = f"{last + 1}" if begins == last + 2 else f"{last + 1} to {begins - 1}"
                message = f"a gap: {word} {gap} is in no {label}; {shown} should begin with {last + 1}"
                yield Finding("error", "bracket_gap", message, where, _TO_DO, {word: last + 1})
            else:
                other = "none" if before is None else before.get(label)
                message = (
                    f"an overlap: {word} {begins} is in {other} and in {shown}, which should begin with {last + 1}"
                )
                yield Finding("error", "bracket_overlap", message, where, _TO_DO, {word: begins})
        before = each

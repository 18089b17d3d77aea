"""Findings: what a check of the rule files has to say, where, with an example case, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from arrears.errors import RulesError

Severity = Literal["error", "warning", "note"]
Value = str | int | Decimal | bool | date | None

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From what stops the day to what is only worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found in the rule files."""

    severity: Severity
    code: str
    """What kind of finding it is, for example `never_matches`."""
    message: str
    where: str
    """`file:line`."""
    action: str
    example: Mapping[str, Value] | None = None
    """A case that shows it, by the words that matter; never a real customer's."""

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON values; numbers of the example with decimals are texts."""
        example = None if self.example is None else {name: _json(value) for name, value in self.example.items()}
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "where": shown_place(self.where),
            "action": self.action,
            "example": example,
        }

    def __str__(self) -> str:
        lines = [f"{shown_place(self.where)}: {self.severity}: {self.message} [{self.code}]"]
        if self.example:
            lines.append(f"    for example: {example_text(self.example)}")
        if self.action:
            lines.append(f"    do: {self.action}")
        return "\n".join(lines)


def of_error(error: RulesError, code: str = "file") -> Finding:
    """A rule file's error as a finding."""
    return Finding("error", code, f"expected {error.expected}; found {error.found}", error.where, error.action)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings once each: errors, warnings, notes; of each kind by file and line."""
    unique = {(each.where, each.code, each.message): each for each in findings}
    return sorted(unique.values(), key=lambda each: (SEVERITIES.index(each.severity), *_file_and_line(each.where)))


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity."""
    found = list(findings)
    return {severity: sum(each.severity == severity for each in found) for severity in SEVERITIES}


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raises one RulesError that lists all errors among the findings."""
    errors = [each for each in findings if each.severity == "error"]
    if not errors:
        return
    first, *rest = errors
    listed = first.message + "".join(f"; {shown_place(each.where)}: {each.message}" for each in rest)
    raise RulesError(
        expected="rules without errors",
        found=f"{len(errors)} error{'s' * (len(errors) > 1)}: {listed}",
        where=first.where,
        action=f"{first.action} `arrears rules check` shows all findings.",
    )


def example_text(example: Mapping[str, Value]) -> str:
    """An example case as conditions would write it."""
    return ", ".join(f"{name} {_sql(value)}" for name, value in example.items())


def value_text(value: Value) -> str:
    """A value as conditions write it."""
    return _sql(value).removeprefix("= ").removeprefix("is ")


def shown_place(where: str) -> str:
    """`file:line` as people and editors read it: relative to the folder one is in, if it is below."""
    path, line = _file_and_line(where)
    base = Path.cwd()
    file = Path(path)
    return f"{file.relative_to(base) if file.is_relative_to(base) else file}" + (f":{line}" if line else "")


def _file_and_line(where: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*):(\d+)", where)
    return (match[1], int(match[2])) if match else (where, 0)


_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "= true" if value else "= false",
    str: lambda value: "= '" + value.replace("'", "''") + "'",
    date: lambda value: f"= date '{value.isoformat()}'",
    Decimal: lambda value: f"= {value:f}",
}


def _sql(value: Value) -> str:
    if value is None:
        return "is null"
    return _WRITTEN.get(type(value), lambda each: f"= {each}")(value)


def _json(value: Value) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)

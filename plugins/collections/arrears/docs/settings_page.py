"""The reference of settings, from the settings classes: variable, what it holds, default and what it is for."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from arrears.docs.markdown import table
from arrears.settings import PROJECT

GROUPS = (
    ("The library", "arrears.settings:Settings"),
    ("The API", "arrears.api.settings:ApiSettings"),
    ("The stack of `make run` and `make up`", "arrears.stack.settings:StackSettings"),
)
"""Heading and settings class of each group."""

_OF_COMPOSE = frozenset({"ARREARS_LEDGER", "ARREARS_WAREHOUSE_URL"})
"""Settings that `env.template` gives a value, above its generated part."""

_KINDS: dict[Any, str] = {
    Path: "path",
    SecretStr: "secret text",
    datetime: "date and time",
    date: "date",
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
}


@dataclass(frozen=True)
class Setting:
    """One environment variable."""

    variable: str
    kind: str
    default: str
    purpose: str


def settings_of(path: str) -> list[Setting]:
    """The settings of the class `module:name`, in the order of the class."""
    module, _, name = path.partition(":")
    settings: type[BaseSettings] = getattr(import_module(module), name)
    prefix = settings.model_config.get("env_prefix", "")
    purposes = dict(_attribute_docstrings(settings))
    return [
        Setting(f"{prefix}{field_name}".upper(), _kind(field.annotation), _default(field), purposes.get(field_name, ""))
        for field_name, field in settings.model_fields.items()
    ]


def render() -> str:
    """The page `docs/settings.md`."""
    parts = [
        "# Settings",
        "All settings are environment variables; `env.template` lists them for `docker compose`. A variable that is "
        "empty counts as absent. A wrong value stops the program with the variable's name and what was expected.",
    ]
    for heading, path in GROUPS:
        rows = [(f"`{each.variable}`", each.kind, each.default, each.purpose) for each in settings_of(path)]
        parts += [f"## {heading}", table(("variable", "holds", "default", "what it is for"), rows)]
    return "\n\n".join(parts) + "\n"


def render_env() -> str:
    """The generated part of `env.template`: every other setting, commented out, with what it is for."""
    lines: list[str] = []
    for heading, path in GROUPS:
        lines += ["", f"# --- {heading.replace('`', '')} ---"]
        for each in (each for each in settings_of(path) if each.variable not in _OF_COMPOSE):
            lines += [f"# {each.purpose.replace('`', '')}".rstrip(), f"#{each.variable}={each.default.strip('`')}"]
    return "\n".join(lines).lstrip()


def _attribute_docstrings(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    if not isinstance(body, ast.ClassDef):
        return
    for statement, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            yield statement.target.id, " ".join(inspect.cleandoc(following.value.value).split())


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    known = [_KINDS[part] for part in (annotation, *get_args(annotation)) if part in _KINDS]
    if not known:
        raise TypeError(f"settings_page does not know how to describe {annotation!r}")
    return known[0]


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or field.default_factory is not None or field.is_required():
        return ""
    if isinstance(value, Path):
        return f"`{value.relative_to(PROJECT)}`"
    return f"`{value}`"

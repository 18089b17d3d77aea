"""The files that are generated, and how each one is made; drift is a difference between the two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from arrears.errors import ArrearsError
from arrears.settings import PROJECT

_MARKDOWN = ("<!-- generated: `make docs` writes this part -->", "<!-- end of the generated part -->")
_ENV = ("# >>> generated: `make docs` writes this part", "# <<< end of the generated part")


class DriftError(ArrearsError):
    """A generated file is not what the code would write now."""


def generated(project: Path = PROJECT) -> Iterator[tuple[Path, str]]:
    """Path and text of every generated file."""
    from arrears.docs import ageing_page, api_page, rules_page, settings_page, steps_page, strategy_page
    from arrears.rules.registry import json_schemas
    from arrears.rules.rule_set import latest_rule_set
    from arrears.warehouse import dictionary

    docs = project / "docs"
    yield docs / "dags-and-steps.md", steps_page.render()
    yield docs / "settings.md", settings_page.render()
    yield docs / "data-dictionary.md", dictionary.render()
    yield docs / "strategy.md", strategy_page.render(project / "include" / "rules")
    yield docs / "openapi.json", api_page.openapi()
    template = project / "env.template"
    yield template, with_part(template, _ENV, settings_page.render_env())
    for page, part in {
        "ageing.md": ageing_page.render(project / "tests" / "sql" / "strategy" / "ageing_cases.yaml"),
        "api.md": api_page.part(),
        "operations.md": steps_page.failure_table(),
        "rules.md": rules_page.render(latest_rule_set(project / "include" / "rules")),
    }.items():
        yield docs / page, with_part(docs / page, _MARKDOWN, part)
    for name, text in json_schemas():
        yield project / "include" / "rules" / "schemas" / name, text


def build(project: Path = PROJECT) -> list[Path]:
    """Writes every generated file that differs; returns those."""
    written = []
    for path, text in generated(project):
        if _text(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def check(project: Path = PROJECT) -> None:
    """Raises DriftError that names the generated files which are out of date."""
    stale = [str(path.relative_to(project)) for path, text in generated(project) if _text(path) != text]
    if stale:
        raise DriftError(
            expected="generated documentation as the code has it",
            found=f"other text in {', '.join(stale)}",
            where="docs",
            action="Run `make docs` and commit what it wrote.",
        )


def with_part(path: Path, markers: tuple[str, str], text: str) -> str:
    """The text of the file `path` with what stands between its two markers replaced; they must be there once."""
    begin, end = markers
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    whole, count = pattern.subn(lambda _: f"{begin}\n\n{text}\n\n{end}", path.read_text(encoding="utf-8"))
    if count != 1:
        raise DriftError(
            expected=f"the lines {begin!r} and {end!r} once",
            found=f"{count} such parts",
            where=str(path),
            action="Put the markers where the generated part belongs.",
        )
    return whole


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None

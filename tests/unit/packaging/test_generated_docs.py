"""Generated documentation is what the code would write now, and says something about everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from arrears.docs import pages, settings_page, steps_page
from arrears.docs.pages import DriftError
from arrears.settings import PROJECT
from arrears.steps import STEPS


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """Every generated file, by its path in the checkout."""
    return {path.relative_to(PROJECT).as_posix(): text for path, text in pages.generated()}


def test_no_generated_file_has_drifted() -> None:
    pages.check()


def test_a_hand_edit_of_a_generated_part_is_drift(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    begin, end = "<!-- begin -->", "<!-- end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    assert pages.with_part(page, (begin, end), "new") == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    page.write_text("no markers\n", encoding="utf-8")
    with pytest.raises(DriftError, match="found 0 such parts"):
        pages.with_part(page, (begin, end), "new")


def test_every_dag_and_step_is_described(generated: dict[str, str]) -> None:
    dags = [path.stem for path in steps_page.dag_files()]
    assert {step.dag for step in STEPS.values()} < set(dags)
    for name in (*dags, *STEPS):
        assert name in generated["docs/dags-and-steps.md"]
    for step in STEPS.values():
        assert step.on_failure in generated["docs/operations.md"]


@pytest.mark.parametrize(("heading", "path"), settings_page.GROUPS)
def test_every_setting_says_what_it_is_for(heading: str, path: str) -> None:
    settings = settings_page.settings_of(path)
    assert settings, heading
    assert [each.variable for each in settings if not each.purpose] == []


def test_every_rule_file_has_its_schema(generated: dict[str, str]) -> None:
    for file in sorted((PROJECT / "include" / "rules").glob("*.yaml")):
        schema = f"schemas/{file.stem}.schema.json"
        assert f"include/rules/{schema}" in generated
        assert file.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={schema}\n")


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    import re

    for page in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"

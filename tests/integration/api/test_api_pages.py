"""The forms of the pages send what the API takes: each to a route that there is, with fields that its body has."""

from __future__ import annotations

import os
import re
import warnings
from typing import Any

import pytest

from arrears.docs import api_page
from arrears.settings import PROJECT

TEMPLATES = PROJECT / "plugins" / "collections" / "arrears" / "web" / "templates"
_FORM = re.compile(
    r'<form data-api="\{\{ api \}\}\{\{ paths\.(\w+) \}\}"(?: data-method="(\w+)")?.*?</form>', re.DOTALL
)
_FIELD = re.compile(r'<(?:input|select)\b[^>]*\bname="(\w+)"[^>]*>')


def forms() -> list[tuple[str, str, str]]:
    """Name of the path, method and text of every form that sends to the API."""
    return [
        (form[1], form[2] or "POST", form[0])
        for template in sorted(TEMPLATES.glob("*.html"))
        for form in _FORM.finditer(template.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where the forms send to; importing Airflow writes a configuration and warns about its neighbours."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arrears.web.desk_pages import PATHS
    return PATHS


def test_every_form_sends_what_the_api_takes(paths: dict[str, str]) -> None:
    document = api_page.document()
    assert {name for name, *_ in forms()} == set(paths)
    for name, method, text in forms():
        operation = document["paths"][f"/api/v1{paths[name]}"][method.lower()]
        reference = str(operation["requestBody"]["content"]["application/json"]["schema"])
        body = document["components"]["schemas"][re.findall(r"schemas/(\w+)", reference)[0]]
        fields = {field[1] for field in _FIELD.finditer(text) if 'data-in="path"' not in field[0]}
        fields |= {"reason"} if "{{ reason(" in text else set()
        fields |= {"case_ids"} if "data-load" in text else set()
        assert fields <= set(body["properties"]), f"{name} sends fields that the API refuses"
        assert set(body.get("required", ())) <= fields, f"{name} lacks fields that the API wants"

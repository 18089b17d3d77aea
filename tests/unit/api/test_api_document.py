"""The OpenAPI document: everything is described, nothing personal is asked for in an address."""

from __future__ import annotations

from typing import Any

import pytest

from arrears.docs import api_page


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return api_page.document()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, each) for path, found in document["paths"].items() for method, each in found.items()]


def test_every_operation_is_described_and_says_how_it_fails(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["description"], path
        assert operation["tags"], path
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert set(answer["content"]) == {"application/problem+json"}, f"{method} {path} {status}"
    assert not [path for _, path, each in operations(document) if not {"503"} <= each["responses"].keys()]


def test_every_field_and_parameter_is_described(document: dict[str, Any]) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    silent += [
        f"{path}: {each['name']}"
        for _, path, operation in operations(document)
        for each in operation.get("parameters", [])
        if not each.get("description")
    ]
    assert silent == []


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bodies = [name for name in document["components"]["schemas"] if name.endswith("Body")]
    assert len(bodies) == 15
    for name in bodies:
        if name != "PromiseBody":
            assert document["components"]["schemas"][name]["examples"], name
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_no_case_contract_or_customer_is_named_in_an_address(document: dict[str, Any]) -> None:
    asked = {each["name"] for *_, operation in operations(document) for each in operation.get("parameters", [])}
    assert asked == {
        "queue",
        "collector_id",
        "limit",
        "offset",
        "from_day",
        "to_day",
        "basis",
        "before",
        "day",
        "action",
        "placement",
        "waiting",
        "Idempotency-Key",
    }


def test_every_change_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        names = {each["name"] for each in operation.get("parameters", [])}
        assert ("Idempotency-Key" in names) == (method in {"post", "put"}), path


def test_a_token_is_asked_for_everywhere_but_at_health(document: dict[str, Any]) -> None:
    assert document["security"] == [{"bearer": []}]
    assert [path for _, path, each in operations(document) if "security" in each] == ["/health"]

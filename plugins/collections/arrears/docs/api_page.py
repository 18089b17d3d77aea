"""The reference of the API: `docs/openapi.json` as the application writes it, and a page of its routes and rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arrears.docs.markdown import table

if TYPE_CHECKING:
    from starlette.requests import Request

    from arrears.desk.callers import Caller

_TAGS = {
    "caller": "The caller",
    "pool": "The grab pool",
    "work": "Work on cases",
    "lead": "For leads and viewers",
    "serious": "Serious steps",
    "outreach": "Contacts",
    "service": "The service",
}


def document() -> dict[str, Any]:
    """The OpenAPI document of the API as `arrears serve` serves it."""
    from arrears.api.app import create_api
    from arrears.api.routes import Services
    from arrears.api.serious import SeriousServices
    from arrears.api.settings import ApiSettings

    def absent(*_: Any) -> Any:
        raise NotImplementedError("a document asks nobody")

    async def nobody(_: Request) -> Caller:
        raise NotImplementedError("a document has no callers")

    services = Services(desk=absent, performance=absent, healthy=absent)
    serious = SeriousServices(approvals=absent, vehicles=absent, recalls=absent)
    return create_api(
        services, nobody, ApiSettings(), lambda: datetime.now(UTC), serious=serious, contacts=absent
    ).openapi()


def openapi() -> str:
    """The text of `docs/openapi.json`."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def routes() -> str:
    """The generated part of `docs/api.md`: every route, what it takes and gives."""
    described = document()
    parts = []
    for tag, heading in _TAGS.items():
        rows = [
            (f"`{method.upper()} {path}`", operation["description"], _taken(operation), _given(operation))
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
            if tag in operation["tags"]
        ]
        parts += [f"### {heading}", table(("route", "does", "takes", "gives"), rows)]
    return "\n\n".join(parts)


def problems() -> str:
    """The statuses that a problem may have, as the document describes them."""
    responses = document()["paths"]["/api/v1/results"]["post"]["responses"]
    rows = [(status, each["description"]) for status, each in sorted(responses.items()) if int(status) >= 400]
    return table(("status", "meaning"), rows)


def part() -> str:
    """All that is generated in `docs/api.md`."""
    return f"## Routes\n\n{routes()}\n\n## Problems\n\n{problems()}"


def _taken(operation: dict[str, Any]) -> str:
    names = [f"`{each['name']}`" for each in operation.get("parameters", []) if each["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if content:
        names.append(f"a body `{_name(content)}`")
    return ", ".join(names)


def _given(operation: dict[str, Any]) -> str:
    status, answer = next(iter(operation["responses"].items()))
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    return f"{status} `{_name(schema)}`" if schema else f"{status} text"


def _name(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return next((_name(each) for each in schema.get("anyOf", []) if "$ref" in each), "JSON")

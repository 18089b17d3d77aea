"""A day over the API on a real warehouse: what collectors and leads do, and requests that make no sense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from .conftest import Api

Field = tuple[tuple[str, ...], bool]
HOSTILE = ["'; DROP TABLE ops.case; --", "<script>alert(1)</script>", "％' OR '1'='1", "𝒞" * 50]


def test_a_collector_grabs_reads_and_gives_back(api: Api) -> None:
    cases = api.floor.cases(7)
    api.floor.collectors("C1")
    token = api.collector("C1")

    grabbed = api.ask("POST", "/api/v1/pools/phone/grab", token)
    assert grabbed.status_code == 200, grabbed.text
    told = grabbed.json()
    assert [each["case_id"] for each in told["cases"]] == cases[:5]
    assert told["cases"][0]["overdue_amount"] == "1000.00", "money is text, never a float"
    assert (told["asked"], told["pool_left"], told["left_open"], told["left_today"]) == (5, 2, 35, 45)
    assert told["lease_until"].startswith("2026-11-20T10:30:00+08:00") or "02:30:00" in told["lease_until"]

    worklist = api.ask("GET", "/api/v1/worklist", token).json()
    assert worklist["total"] == 5
    renewed = api.ask("POST", "/api/v1/leases/renew", token, {"case_ids": [cases[0], cases[6]]}).json()
    assert renewed["done"] == [cases[0]]
    assert renewed["refused"] == [{"case_id": cases[6], "rule": "case.not_yours"}]
    back = api.ask("POST", "/api/v1/returns", token, {"case_ids": cases[:2], "reason": "other"}).json()
    assert back["done"] == cases[:2]
    pools = {each["queue"]: each for each in api.ask("GET", "/api/v1/pools", token).json()["pools"]}
    assert (pools["phone"]["cases"], pools["phone"]["leased"]) == (4, 3)
    assert api.ask("GET", "/api/v1/pools/phone", token).status_code == 200


def test_a_result_ends_the_lease(api: Api) -> None:
    (case,) = api.floor.cases(1)
    api.floor.collectors("C1")
    token = api.collector("C1")
    api.ask("POST", "/api/v1/pools/phone/grab", token)
    result = {"case_id": case, "channel": "phone", "outcome": "right_party"}
    result["promise"] = {"amount": "250.00", "due_on": "2026-11-24"}  # type: ignore[assignment]
    answer = api.ask("POST", "/api/v1/results", token, result)
    assert answer.status_code == 201, answer.text
    assert answer.json()["promise_id"]
    item = api.ask("GET", "/api/v1/worklist", token).json()["cases"][0]
    assert item["lease_until"] is None
    assert (item["promise_amount"], item["promise_due_on"]) == ("250.00", "2026-11-24")


def test_a_lead_moves_sets_and_looks(api: Api) -> None:
    cases = api.floor.cases(4, owner="C1")
    api.floor.collectors("C1", "C2")
    token = api.lead()
    why = "training in the afternoon"
    moved = api.ask("POST", "/api/v1/handovers", token, {"case_ids": cases[:1], "to": "C2", "reason": why})
    assert moved.json()["done"] == cases[:1], moved.text
    batch = api.ask("PUT", "/api/v1/pools/phone/batch", token, {"batch": 9, "reason": why})
    assert (batch.json()["grab_batch"], batch.json()["by_hand"]) == (9, True)
    quota = {"collector_id": "C2", "queue": "phone", "quota": 0, "reason": why}
    assert api.ask("PUT", "/api/v1/quotas", token, quota).json()["quota"] == 0
    absent = api.ask("POST", "/api/v1/absences", token, {"collector_id": "C1", "absent": True, "reason": "sick"})
    assert sum(absent.json()["given"].values()) + absent.json()["pooled"] == 3, absent.text
    recall = api.ask("POST", "/api/v1/recalls", token, {"queue": "agency", "reason": "end of the term"})
    assert recall.json() == {"done": [], "refused": [], "lease_until": None}
    assert api.ask("GET", "/api/v1/allocation", token).status_code == 200
    assert api.ask("GET", "/api/v1/performance", token).status_code == 200
    audit = api.ask("GET", "/api/v1/audit", token).json()
    assert {"handed_over", "batch_set", "quota_set", "absent"} <= {each["action"] for each in audit["events"]}
    assert {each["actor"] for each in audit["events"]} == {"lead"}


def test_the_same_request_twice_gives_one_batch(api: Api) -> None:
    api.floor.cases(20)
    api.floor.collectors("C1")
    token = api.collector("C1")
    first = api.ask("POST", "/api/v1/pools/phone/grab", token, {"batch": 3}, idempotency_key="k-1")
    again = api.ask("POST", "/api/v1/pools/phone/grab", token, {"batch": 3}, idempotency_key="k-1")
    assert again.json() == first.json()
    assert api.ask("GET", "/api/v1/worklist", token).json()["total"] == 3
    other = api.ask("POST", "/api/v1/pools/phone/grab", token, {"batch": 4}, idempotency_key="k-1")
    assert (other.status_code, other.json()["rule"]) == (409, "request.key_reused")


def test_a_limit_is_told_as_a_problem(api: Api) -> None:
    api.floor.cases(3)
    api.floor.collectors("C1", capacity=2)
    token = api.collector("C1")
    assert len(api.ask("POST", "/api/v1/pools/phone/grab", token).json()["cases"]) == 2
    full = api.ask("POST", "/api/v1/pools/phone/grab", token)
    assert full.status_code == 429
    assert full.headers["content-type"] == "application/problem+json"
    assert full.json()["rule"] == "limit.capacity"
    assert full.json()["request_id"] == full.headers["x-request-id"]


@pytest.mark.parametrize("batch", [0, -1, 31, 10**30, "5", 2.5, True])
def test_a_batch_that_makes_no_sense_is_refused(api: Api, batch: object) -> None:
    api.floor.cases(3)
    api.floor.collectors("C1")
    answer = api.ask("POST", "/api/v1/pools/phone/grab", api.collector("C1"), {"batch": batch})
    assert answer.status_code == 422, answer.text
    assert api.floor.actions() == []


def test_unknown_names_are_told(api: Api) -> None:
    api.floor.collectors("C1")
    lead = api.lead()
    assert api.ask("POST", "/api/v1/pools/nowhere/grab", lead, {"collector_id": "C1"}).json()["rule"] == "queue.unknown"
    unknown = api.ask("POST", "/api/v1/pools/phone/grab", lead, {"collector_id": "C9"})
    assert (unknown.status_code, unknown.json()["rule"]) == (404, "collector.unknown")
    assert api.ask("GET", "/api/v1/nothing", lead).json()["rule"] == "route.unknown"
    assert api.ask("DELETE", "/api/v1/pools", lead).status_code == 405


def text_fields(document: dict[str, Any], schema: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[Field]:
    """Where texts stand in a body: the names that lead to each, and whether it is a list of them."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for name, each in schema.get("properties", {}).items():
        for one in each.get("anyOf", [each]):
            where = (*before, name)
            if one.get("type") == "string":
                yield where, False
            elif one.get("type") == "array" and one["items"].get("type") == "string":
                yield where, True
            elif "$ref" in one:
                yield from text_fields(document, one, where)


def with_text(body: dict[str, Any], where: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The body with another value at one place."""
    name, *rest = where
    return {**body, name: with_text(body.get(name) or {}, tuple(rest), value) if rest else value}


@pytest.mark.parametrize("text", [*HOSTILE, "a\x00b"], ids=range(len(HOSTILE) + 1))
def test_markup_and_sql_are_text_in_every_field_of_every_route(api: Api, text: str) -> None:
    """One field after the other, all else as it should be, so that no earlier check keeps it from where it goes."""
    mine, other = api.floor.cases(1, owner="C1"), api.floor.cases(1, first=2)
    api.floor.collectors("C1", "C2")
    lead = api.lead()
    good = {"case_id": mine[0], "case_ids": mine, "collector_id": "C1", "to": "C2", "queue": "phone", "reason": "level"}
    good |= {"from_collector_id": "C1", "outcome": "no_answer", "channel": "visit", "call_id": None}
    document = api.ask("GET", "/api/v1/openapi.json", lead).json()
    tried: list[str] = []

    def send_text(method: str, path: str, where: str, body: Any = None, **headers: str) -> None:
        answer = api.ask(method, path, lead, body, **headers)
        tried.append(f"{method} {path} {where}")
        assert answer.status_code < 500, f"{tried[-1]}: {answer.text}"
        if answer.status_code >= 400 or method == "GET":
            assert text not in json.dumps(answer.json(), ensure_ascii=False), f"{tried[-1]} repeats what was sent"

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "security" not in operation and "security" not in document:
                continue
            filled = path.replace("{queue}", "phone")
            if filled != path:
                send_text(method.upper(), path.replace("{queue}", quote(text, safe="")), "{queue}")
            for each in operation.get("parameters", ()):
                if each["in"] == "query":
                    asked = {"collector_id": "C1", each["name"]: text}
                    send_text(method.upper(), f"{filled}?{urlencode(asked)}", each["name"])
                elif each["in"] == "header" and text.isascii():
                    send_text(method.upper(), filled, each["name"], {}, **{each["name"]: text})
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            schema = next((one for one in content["schema"].get("anyOf", [content["schema"]]) if "$ref" in one), None)
            if schema is None:
                continue
            told = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["examples"][0]
            body = {name: good.get(name, value) for name, value in told.items()}
            for where, many in text_fields(document, schema):
                send_text(method.upper(), filled, ".".join(where), with_text(body, where, [text] if many else text))
    fields = {each.rsplit(" ", 1)[1] for each in tried}
    assert len(tried) > 50
    assert fields >= {*good, "{queue}", "contract_id", "promise.amount", "decision", "task_keys", "action"}
    assert api.floor.case(other[0]).state == "pool"
    events = api.floor.rows("case_event")
    kept = {each["action"] for each in events if each["reason"] == text}
    assert kept >= {"batch_set", "quota_set", "handed_over"} if text.isprintable() else not kept
    assert {each["reason"] for each in events} <= {None, text, "level", "other"}


@pytest.mark.parametrize("text", ["a\x00b", "line\nbreak", "\ud800", "", " " * 5, "x" * 201])
def test_a_reason_that_cannot_be_kept_is_refused(api: Api, text: str) -> None:
    api.floor.collectors("C1")
    lead = api.lead()
    body = json.dumps({"collector_id": "C1", "queue": "phone", "quota": 1, "reason": text})
    from .conftest import send

    headers = {"authorization": f"Bearer {lead}", "content-type": "application/json"}
    answer = send(api.app, "PUT", "/api/v1/quotas", headers, content=body.encode())
    assert (answer.status_code, answer.json()["rule"]) == (422, "request.invalid"), answer.text
    assert api.floor.actions() == []


def test_a_field_that_nobody_knows_is_refused_without_its_name(api: Api) -> None:
    answer = api.ask("POST", "/api/v1/calls", api.lead(), {"case_id": "x", "phone 13800138000": 1})
    assert answer.status_code == 422
    assert "13800138000" not in answer.text


def test_health_answers_anybody_and_metrics_a_viewer(api: Api) -> None:
    api.floor.cases(3)
    assert api.ask("GET", "/health").json() == {"status": "ok"}
    text = api.ask("GET", "/metrics", api.token("prometheus", "viewer")).text
    assert 'arrears_pool_cases{queue="phone"} 3.0' in text
    assert 'route="/health"' in text

"""Signatures of webhooks: what holds, what is forged, what is too old; and bodies that are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from arrears.outreach.webhooks import TOLERANCE, BodyError, SignatureError, check_signature, read_body, sign

SECRET = SecretStr("0123456789abcdef-of-the-tests")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BODY = b'{"receipts": []}'
KNOWN = "f48f77c51290b3560b7d9b595c1626475ce7c3cf79628cc3f9427dcbf1be8f97"
RECEIPT = {"key": "k", "id": "sms-1", "delivered": True, "outcome": "delivered"}


def rule(header: str | None, body: bytes = BODY, at: datetime = NOON, secret: SecretStr = SECRET) -> str:
    with pytest.raises(SignatureError) as raised:
        check_signature(secret, header, body, at)
    return raised.value.rule


def test_what_is_signed_holds_and_names_the_call() -> None:
    header = sign(SECRET, BODY, NOON)
    first = check_signature(SECRET, header, BODY, NOON)
    assert first in header
    assert check_signature(SECRET, sign(SECRET, BODY, NOON + timedelta(seconds=1)), BODY, NOON) != first


def test_the_signature_is_that_of_the_description() -> None:
    # printf '1763640000.{"receipts": []}' | openssl dgst -sha256 -hmac 0123456789abcdef-of-the-tests
    assert sign(SECRET, BODY, datetime.fromtimestamp(1763640000, UTC)) == f"t=1763640000,v1={KNOWN}"


@pytest.mark.parametrize("other", [SecretStr("another-secret-of-16"), SecretStr(SECRET.get_secret_value()[:-1])])
def test_another_secret_is_forged(other: SecretStr) -> None:
    assert rule(sign(other, BODY, NOON)) == "hook.forged"


def test_another_body_or_time_is_forged() -> None:
    header = sign(SECRET, BODY, NOON)
    assert rule(header, BODY + b" ") == "hook.forged"
    moved = header.replace(str(int(NOON.timestamp())), str(int(NOON.timestamp()) + 1))
    assert rule(moved) == "hook.forged"


@pytest.mark.parametrize(
    "header",
    [None, "", "t=1", "v1=" + "0" * 64, "t=1,v1=short", "t=1,t=2,v1=" + "0" * 64, "t=x,v1=" + "0" * 64, "t=1,v2=0"],
)
def test_a_header_that_cannot_be_read_is_unsigned(header: str | None) -> None:
    assert rule(header) == "hook.unsigned"


@pytest.mark.parametrize("sign_of_time", [1, -1])
def test_the_tolerance_has_an_edge(sign_of_time: int) -> None:
    header = sign(SECRET, BODY, NOON)
    check_signature(SECRET, header, BODY, NOON + sign_of_time * TOLERANCE)
    assert rule(header, at=NOON + sign_of_time * (TOLERANCE + timedelta(seconds=1))) == "hook.stale"


def test_two_secrets_while_one_is_changed() -> None:
    old = sign(SecretStr("the-secret-before-this"), BODY, NOON).partition(",")[2]
    check_signature(SECRET, f"{sign(SECRET, BODY, NOON)},{old}", BODY, NOON)
    check_signature(SECRET, f"t={int(NOON.timestamp())},{old},{sign(SECRET, BODY, NOON).partition(',')[2]}", BODY, NOON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"receipts": {}}',
        b'{"receipts": [1]}',
        b"[" * 100_000,
        *[
            json.dumps({"receipts": [{**RECEIPT, **wrong}]}).encode()
            for wrong in (
                {"key": 1},
                {"delivered": "yes"},
                {"outcome": "a sentence about somebody"},
                {"outcome": None},
                {"id": "<script>"},
                {"promised_days": -1},
                {"promised_days": True},
                {"promised_days": "7"},
            )
        ],
    ],
)
def test_a_body_that_is_none(body: bytes) -> None:
    with pytest.raises(BodyError):
        read_body(body)


def test_a_body_of_receipts() -> None:
    more: dict[str, Any] = {**RECEIPT, "outcome": "promise", "promised_days": 7, "reply": "TD", "new": "ignored"}
    plain, promise = read_body(json.dumps({"receipts": [RECEIPT, more]}).encode())
    assert (plain.key, plain.delivered, plain.outcome, plain.provider_id) == ("k", True, "delivered", "sms-1")
    assert (promise.promised_days, promise.reply) == (7, "TD")
    assert "TD" not in repr(promise)

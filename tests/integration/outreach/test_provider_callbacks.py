"""Status callbacks of a provider that signs in its own way: good, forged, repeated, of nobody, in any order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from arrears.outreach.callbacks import form_signature
from arrears.outreach.channels.address import address_from_environment
from arrears.outreach.steps import push_contacts
from arrears.outreach.webhooks import BodyError, SignatureError, Webhooks, sign
from arrears.settings import load_settings
from arrears.warehouse.ops_contacts import ContactTask, UnmatchedReceipt

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
TOKEN = SecretStr("0123456789abcdef0123456789abcdef")
ADDRESS = "https://lender.example/hooks/sms"
HEADER = "X-Twilio-Signature"


@pytest.fixture
def sent(outreach: Any, gateway: Any) -> list[str]:
    """Keys of two texts that went out."""
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2")])
    with outreach.run() as run:
        assert push_contacts(run, "sms").figures["sent"] == 2
    return [task["task_key"] for task in outreach.tasks()]


@pytest.fixture
def hooks(outreach: Any, sent: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Webhooks:
    """The door for callbacks, whose texts go over Twilio."""
    outreach.change_rules(channels__sms__provider="twilio")
    connect(monkeypatch)
    given = {"home": outreach.home, "warehouse_url": outreach.url, "rules": outreach.rules, "clock": NOW}
    settings = load_settings(given)
    with outreach.run() as run:
        warehouse = sa.create_engine(run.warehouse.url, poolclass=sa.NullPool)
    return Webhooks(settings, lambda: warehouse, address_from_environment, settings.acting_clock(), lambda: NOW)


def connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    connection = {"conn_type": "http", "host": "api.twilio.com", "login": "AC1", "password": TOKEN.get_secret_value()}
    told = {"callback": ADDRESS, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_SMS", json.dumps({**connection, "extra": told}))


def call(key: str, status: str = "delivered", **fields: str) -> tuple[dict[str, str], bytes, str]:
    """A callback as the provider sends it: headers, body and query."""
    told = {"MessageSid": "SM1", "MessageStatus": status, "To": "+8613812345678", "AccountSid": "AC1", "Empty": ""}
    told |= fields
    query = urlencode({"key": key})
    signature = form_signature(TOKEN, f"{ADDRESS}?{query}", list(told.items()))
    return {HEADER.lower(): signature}, urlencode(told).encode(), query


def strays(outreach: Any) -> set[tuple[str, str]]:
    return {(row["reason"], row["outcome"]) for row in outreach.rows(UnmatchedReceipt)}


def test_a_callback_settles_its_message_once(outreach: Any, hooks: Webhooks, sent: Sequence[str]) -> None:
    good = call(sent[0])
    assert hooks.take("sms", *good) == {"taken": 1}
    before = outreach.ops()
    for _ in range(2):
        assert hooks.take("sms", *good) == {"repeated": 1}
    # the same status in a call of its own, as when a field was added
    assert hooks.take("sms", *call(sent[0], Later="new")) == {"repeated": 1}
    assert outreach.ops() == before
    assert (outreach.tasks()[0]["state"], outreach.tasks()[0]["provider_id"]) == ("delivered", "SM1")
    assert strays(outreach) == set()


def test_callbacks_in_any_order_settle_by_the_first_that_settles(
    outreach: Any, hooks: Webhooks, sent: Sequence[str]
) -> None:
    assert hooks.take("sms", *call(sent[0], "undelivered", ErrorCode="30003")) == {"taken": 1}
    for status in ("queued", "sent", "a_status_of_next_year"):
        assert hooks.take("sms", *call(sent[0], status)) == {"noted": 1}
        assert hooks.take("sms", *call(sent[1], status)) == {"noted": 1}
    assert hooks.take("sms", *call(sent[0], "delivered")) == {"unmatched": 1}
    assert hooks.take("sms", *call(sent[1], "read")) == {"taken": 1}
    assert [(task["state"], task["outcome"]) for task in outreach.tasks()] == [
        ("dead", "undelivered"),
        ("delivered", "delivered"),
    ]
    assert strays(outreach) == {("contradicts", "delivered")}


def test_a_callback_of_nobody_is_kept_and_one_that_was_never_tried_too(outreach: Any, hooks: Webhooks) -> None:
    assert hooks.take("sms", *call("0" * 64)) == {"unmatched": 1}
    assert strays(outreach) == {("unknown_task", "delivered")}


def test_a_message_of_which_nobody_knew_whether_it_went_is_proven(
    outreach: Any, hooks: Webhooks, sent: Sequence[str]
) -> None:
    # the answer to it was lost, so that its id is not known; the address names it all the same
    with outreach.run() as run, run.warehouse.begin() as connection:
        connection.execute(sa.text("ALTER TABLE ops.contact_task DISABLE TRIGGER USER"))
        lost = {"state": "unknown", "state_reason": "http.timeout", "provider_id": None}
        connection.execute(sa.update(ContactTask).where(ContactTask.task_key == sent[0]).values(**lost))
        connection.execute(sa.text("ALTER TABLE ops.contact_task ENABLE TRIGGER USER"))
    assert hooks.take("sms", *call(sent[0])) == {"taken": 1}
    assert (outreach.tasks()[0]["state"], outreach.tasks()[0]["provider_id"]) == ("delivered", "SM1")


@pytest.mark.parametrize(
    "wrong",
    ["unsigned", "forged", "another message", "another status", "another address", "a field more", "no form", "secret"],
)
def test_a_callback_that_is_not_signed_changes_nothing(
    outreach: Any, hooks: Webhooks, sent: Sequence[str], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    headers, body, query = call(sent[0])
    before = outreach.ops()
    if wrong == "unsigned":
        headers = {}
    elif wrong == "forged":
        headers = {HEADER: form_signature(SecretStr("f" * 32), f"{ADDRESS}?{query}", [("MessageSid", "SM1")])}
    elif wrong == "another message":
        query = urlencode({"key": sent[1]})
    elif wrong == "another status":
        body = body.replace(b"delivered", b"failed")
    elif wrong == "another address":
        connect(monkeypatch, callback="https://other.example/hooks/sms")
    elif wrong == "a field more":
        body += b"&More=1"
    elif wrong == "no form":
        body = b"\xff\xfe"
    elif wrong == "secret":
        # what signs the generic receipts is another secret, and has none here
        headers = {"X-Arrears-Signature": sign(TOKEN, body, NOW)}
    with pytest.raises(SignatureError) as raised:
        hooks.take("sms", headers, body, query)
    rule = {"unsigned": "hook.unsigned", "secret": "hook.no_secret"}.get(wrong, "hook.forged")
    assert raised.value.rule == rule
    assert outreach.ops() == before
    assert strays(outreach) == set()


@pytest.mark.parametrize("wrong", ["no key", "no status", "a sentence", "a key of nothing"])
def test_a_signed_callback_that_names_nothing_changes_nothing(
    outreach: Any, hooks: Webhooks, sent: Sequence[str], wrong: str
) -> None:
    query = {"no key": "other=1", "a key of nothing": "key=%00"}.get(wrong, urlencode({"key": sent[0]}))
    told = {"MessageSid": "SM1", "MessageStatus": "said a person" if wrong == "a sentence" else "delivered"}
    if wrong == "no status":
        del told["MessageStatus"]
    header = {HEADER: form_signature(TOKEN, f"{ADDRESS}?{query}", list(told.items()))}
    before = outreach.ops()
    with pytest.raises(BodyError):
        hooks.take("sms", header, urlencode(told).encode(), query)
    assert outreach.ops() == before


def test_the_generic_door_stays_beside_it_and_without_an_address_there_is_none(
    outreach: Any, hooks: Webhooks, sent: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = SecretStr("a-secret-of-the-tests-0123")
    connect(monkeypatch, webhook_secret=secret.get_secret_value())
    receipt = {"key": sent[1], "id": "sms-1", "delivered": True, "outcome": "delivered"}
    body = json.dumps({"receipts": [receipt]}).encode()
    assert hooks.take("sms", {"x-arrears-signature": sign(secret, body, NOW)}, body) == {"taken": 1}
    connect(monkeypatch, callback="")
    with pytest.raises(SignatureError):
        hooks.take("sms", *call(sent[0]))
    assert [task["state"] for task in outreach.tasks()] == ["sent", "delivered"]


def test_a_call_is_repeated_also_after_its_trace_is_gone(outreach: Any, hooks: Webhooks, sent: Sequence[str]) -> None:
    good = call(sent[0])
    assert hooks.take("sms", *good) == {"taken": 1}
    hooks._machine_time = lambda: NOW + timedelta(days=30)
    assert hooks.take("sms", *call(sent[1])) == {"taken": 1}
    before = outreach.ops()
    assert hooks.take("sms", *good) == {"repeated": 1}
    assert outreach.ops() == before

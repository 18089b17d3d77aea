"""Connections of channels, in Airflow's two forms; what is wrong with one is said without showing it."""

from __future__ import annotations

import pytest

from arrears.errors import ChannelError
from arrears.outreach.channels.address import address_from_environment, parse_address
from arrears.outreach.channels.base import Message
from arrears.outreach.channels.smtp import SmtpChannel
from arrears.outreach.templates import Text


@pytest.mark.parametrize(
    "value",
    [
        '{"conn_type": "http", "host": "sms.example", "port": 8443, "password": "p@ss", "schema": "https",'
        ' "extra": {"timeout": 3}}',
        '{"conn_type": "http", "host": "sms.example", "port": 8443, "password": "p@ss", "schema": "https",'
        ' "extra": "{\\"timeout\\": 3}"}',
        "http://:p%40ss@sms.example:8443/https?timeout=3",
        "http://:p%40ss@sms.example:8443/https?__extra__=%7B%22timeout%22%3A+3%7D",
    ],
)
def test_the_forms_of_a_connection(value: str) -> None:
    address = parse_address("sms", value)
    assert (address.conn_type, address.host, address.port, address.protocol) == ("http", "sms.example", 8443, "https")
    assert address.password.get_secret_value() == "p@ss"
    assert address.number("timeout", 10) == 3
    assert "p@ss" not in repr(address)


def test_an_absent_connection_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChannelError, match="AIRFLOW_CONN_ARREARS_SMS") as raised:
        address_from_environment("sms")
    assert "arrears_sms" in raised.value.action
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_SMS", "http://host.example")
    assert address_from_environment("sms").host == "host.example"


@pytest.mark.parametrize("value", ['{"secret-stuff": ', '{"host": "secret-stuff"}', "http://secret-stuff:port"])
def test_a_wrong_connection_is_not_shown(value: str) -> None:
    with pytest.raises(ChannelError) as raised:
        parse_address("sms", value)
    assert "secret-stuff" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_mail_says_how_to_unsubscribe_and_has_the_tasks_id() -> None:
    address = parse_address(
        "email",
        '{"conn_type": "smtp", "host": "h", "extra": {"from": "us@lender.example"}}',
    )
    channel = SmtpChannel(address, tries=1, stop_after=1, opt_out="https://lender.example/u")
    try:
        message = Message("abc", to="c@customer.example", text=Text("Subject 主题", "line\n\n.dot\n"))
        mail = channel.compose(message)
    finally:
        channel.close()
    assert mail["Message-ID"] == "<abc@lender.example>"
    assert mail["List-Unsubscribe"] == "<https://lender.example/u?k=abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "customer.example" not in repr(message)

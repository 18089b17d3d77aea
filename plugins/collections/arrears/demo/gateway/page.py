"""The gateway's page: what came, what became of it, and how it misbehaves at present; plain HTML without a script.

Addresses are shortened in the list. What a message says is on its own page: the gateway is for invented customers,
and nobody but the owner of this machine gets there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email import message_from_string, policy
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from arrears.demo.gateway.faults import Fault

_COUNTS = (
    ("given", "given"),
    ("messages", "messages"),
    ("effects", "took effect"),
    ("repeats", "repeats"),
    ("most_effects", "most effects of one"),
    ("same_content", "same content, another key"),
    ("lost", "taken and lost"),
    ("receipts", "receipts"),
    ("held_receipts", "held back"),
    ("webhook_delivered", "sent by webhook"),
)
_SUSPICIOUS = frozenset({"repeats", "same_content", "lost"})
"""Counts that are shown boldly unless they are 0."""


def _shortened(address: str) -> str:
    """An address of which a reader sees enough to tell two apart."""
    local, at, domain = address.partition("@")
    if at:
        return f"{local[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 6 else address


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_PAGES.filters["shortened"] = _shortened


def overview_page(
    report: Mapping[str, Mapping[str, Any]], faults: Sequence[Fault], latest: Sequence[Mapping[str, Any]]
) -> str:
    """The first page."""
    return _PAGES.get_template("overview.html").render(
        counts=_COUNTS, suspicious=_SUSPICIOUS, report=report, faults=faults, latest=latest
    )


def message_page(message: Mapping[str, Any]) -> str:
    """One message as it came; a mail as people read it."""
    subject, text = None, message["content"]
    if message["channel"] == "email":
        mail = message_from_string(text, policy=policy.default)
        plain = mail.get_body(("plain",))
        subject, text = str(mail["Subject"]), plain.get_content() if plain else text
    elif message["channel"] == "agency":
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    return _PAGES.get_template("message.html").render(message=message, subject=subject, text=text)

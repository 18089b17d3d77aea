"""`contact.yaml` and the templates: what is shipped can be used, and mistakes are refused by file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.outreach.channels import CHANNELS
from arrears.outreach.rules import ContactRules, day_range
from arrears.outreach.templates import PLACEHOLDERS, clean, load_templates
from arrears.rules.files import parse_rules
from arrears.rules.rule_set import latest_rule_set
from arrears.settings import PROJECT

RULES = PROJECT / "include" / "rules"
VALUES = {name: f"<{name}>" for name in PLACEHOLDERS}


@pytest.fixture(scope="module")
def contact() -> ContactRules:
    return parse_rules(RULES / "contact.yaml", ContactRules)


def test_every_channel_is_described(contact: ContactRules) -> None:
    assert set(contact.channels) == set(CHANNELS)
    assert contact.approval.placements == ("agency", "legal", "repossession")


def test_every_shipped_template_renders_in_every_language(contact: ContactRules) -> None:
    templates = load_templates(latest_rule_set(RULES), contact)
    assert len(templates.by_name) == len(contact.templates()) * 2
    for name, language in templates.by_name:
        text = templates.render(name, language, VALUES)
        assert "${" not in text.body
        assert (text.subject is not None) == (contact.templates()[name] == "email")


def test_every_text_of_a_message_tells_how_to_refuse_more(contact: ContactRules) -> None:
    templates = load_templates(latest_rule_set(RULES), contact)
    for name, language in templates.by_name:
        body = templates.render(name, language, VALUES).body
        if contact.templates()[name] == "email":
            assert "<opt_out>" in body
        if contact.templates()[name] == "sms":
            assert "STOP" in body or "拒收" in body


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("also_called: [visit]", "also_caled: [visit]", "Did you mean 'also_called'"),
        ("default_language: zh", "", "expected the key 'default_language'"),
        ('closes: "12:00"', "closes: 12:00", "string"),
        ('closes: "12:00"', 'closes: "09:00"', "slot morning to open before it closes"),
        ("{channel: sms, template: reminder_sms}", "{channel: sms}", "a template for sms"),
        ("{channel: field}", "{channel: field, template: x}", "no template, a file is handed over"),
        ("{channel: email, template: reminder_email}", "{channel: sms, template: x}", "each channel once in slot"),
        ("id: call", "id: reminder", "each cadence's id once"),
        ("id: afternoon", "id: morning", "each slot's id once"),
        ('opens: "14:00"', 'opens: "10:59"', "at least 120 minutes apart"),
        ("also_called: [visit]", "also_called: [call]", "'call' to mean one channel"),
        ("default_language: zh", "default_language: fr", "the default language fr"),
        ("intensity: {from: 1, to: 1}", "intensity: {from: 2, to: 1}", "an intensity range"),
        ("contacts_per_customer: 3", "contacts_per_customer: 0", "greater than or equal to 1"),
        ('days: ["0-/2"]', 'days: ["7-3"]', "days past due as 5, 1-7, 10-"),
        ('days: ["0-/2"]', 'days: ["every second"]', "days past due as 5, 1-7, 10-"),
        ("kind: text", "kind: telegram", "'call', 'text', 'email', 'visit' or 'file'"),
        ("owner_calls: {daily_cap: 20000, cost: 4}", "owner_calls: {cost: 4}", "daily_cap"),
        ("per_day: 1000000", "per_day: -1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    text = (RULES / "contact.yaml").read_text(encoding="utf-8")
    assert wrong in text
    path = tmp_path / "contact.yaml"
    path.write_text(text.replace(wrong, right, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=message) as raised:
        parse_rules(path, ContactRules)
    assert raised.value.where.startswith(f"{path}:")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("reminder_sms.en.txt", "Dear ${nmae}\n", r"Did you mean \$\{name\}"),
        ("reminder_sms.en.txt", "Pay\n10 $ now\n", "a lone"),
        ("reminder_email.en.txt", "Dear ${name}\n", "begins with Subject:"),
        ("reminder_email.en.txt", "Subject: x\n\n", "begins with Subject:"),
        ("reminder_email.en.txt", None, "no such file"),
    ],
)
def test_a_wrong_template_is_refused(
    tmp_path: Path, contact: ContactRules, file: str, content: str | None, message: str
) -> None:
    shutil.copytree(RULES, tmp_path / "rules")
    templates = tmp_path / "rules" / "templates"
    if content is None:
        (templates / file).unlink()
    else:
        (templates / file).write_text(content, encoding="utf-8")
    with pytest.raises(RulesError, match=message) as raised:
        load_templates(latest_rule_set(tmp_path / "rules"), contact)
    assert file in raised.value.where


def test_values_can_break_neither_lines_nor_markup(contact: ContactRules) -> None:
    assert clean("A\r\nBcc: x\x00\u2028y\u202e z\t ") == "A Bcc: x y z"
    templates = load_templates(latest_rule_set(RULES), contact)
    text = templates.render("reminder_email", "en", VALUES | {"name": "<script>&\n"})
    assert "Dear <script>&," in text.body
    assert "<p>Dear &lt;script&gt;&amp;,</p>" in text.html


def test_days_past_due_are_ranges(contact: ContactRules) -> None:
    assert [day_range(each) for each in (5, "5", "1-7", "10-", "10-30/2", "0-/3")] == [
        (5, 5, 1), (5, 5, 1), (1, 7, 1), (10, None, 1), (10, 30, 2), (0, None, 3),
    ]  # fmt: skip


def test_calls_by_hand_are_calls_under_the_rules_of_the_dialer(contact: ContactRules) -> None:
    by_hand = contact.planned_channels()["phone"]
    assert (by_hand.kind, by_hand.address, by_hand.daily_cap) == ("call", "phone", 20000)
    assert contact.channel_of("phone") == "dialer"

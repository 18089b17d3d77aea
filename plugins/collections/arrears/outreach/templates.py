"""Message templates by language: `templates/<template>.<language>.txt`, with placeholders that are checked when loaded.

Placeholders are written `${name}`. The template of an e-mail begins with a `Subject:` line and an empty one. Values
lose their control characters when they are put in, so a customer's name can break neither a header nor a line.
"""

from __future__ import annotations

import difflib
import html
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from arrears.errors import RulesError
from arrears.outreach.channels.names import ChannelName
from arrears.outreach.rules import ContactRules
from arrears.rules.rule_set import RuleSet

PLACEHOLDERS = frozenset(
    {"name", "lender", "currency", "overdue_amount", "days_past_due", "contracts", "opt_out", "reference"}
)
"""What a template may name. `reference` is the task's key, shortened."""

_SUBJECT = "Subject:"


@dataclass(frozen=True)
class Text:
    """A message ready to send."""

    subject: str | None
    body: str

    @property
    def html(self) -> str:
        """The body as HTML, with everything that came from data escaped."""
        paragraphs = html.escape(self.body.strip()).split("\n\n")
        return "\n".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


@dataclass(frozen=True)
class MessageTemplate:
    """One template in one language."""

    subject: Template | None
    body: Template

    def render(self, values: Mapping[str, str]) -> Text:
        """Puts in the values; KeyError if one is missing (loading has checked that no other can be asked for)."""
        safe = {name: clean(value) for name, value in values.items()}
        subject = self.subject.substitute(safe).strip() if self.subject else None
        return Text(subject=subject, body=self.body.substitute(safe))


@dataclass(frozen=True)
class Templates:
    """All templates that the cadences use, in every language of the lender."""

    by_name: Mapping[tuple[str, str], MessageTemplate]

    def render(self, template: str, language: str, values: Mapping[str, str]) -> Text:
        """The message of `template` in `language`."""
        return self.by_name[template, language].render(values)


def clean(value: str) -> str:
    """`value` without control, format and line-separating characters; blanks are folded into one."""
    kept = (char for char in value if unicodedata.category(char) != "Cf")
    spaced = (" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in kept)
    return " ".join("".join(spaced).split())


def load_templates(rules: RuleSet, contact: ContactRules) -> Templates:
    """Reads the templates of a rule set that `contact` uses.

    Raises RulesError for a missing file, a placeholder that does not exist (with file, line and the nearest right
    one), and an e-mail without a subject.
    """
    found: dict[tuple[str, str], MessageTemplate] = {}
    for name, channel in contact.templates().items():
        for language in contact.lender:
            file = f"templates/{name}.{language}.txt"
            found[name, language] = _template(rules.path(file), rules.text(file), channel)
    return Templates(found)


def _template(path: Path, text: str | None, channel: ChannelName) -> MessageTemplate:
    if text is None:
        raise RulesError(
            expected="a message template in every language of the lender",
            found="no such file",
            where=str(path),
            action="Write the template, or take the language out of contact.yaml.",
        )
    for number, line in enumerate(text.splitlines(), start=1):
        _check(line, f"{path}:{number}")
    if channel != "email":
        return MessageTemplate(None, Template(text.strip()))
    head, _, body = text.partition("\n")
    if not head.startswith(_SUBJECT) or not body.strip():
        raise RulesError(
            expected=f"an e-mail that begins with {_SUBJECT} and has a body",
            found=f"{len(text.splitlines())} lines, the first without it" if body else "one line",
            where=f"{path}:1",
            action="Put the subject into the first line, leave one line empty, then write the body.",
        )
    return MessageTemplate(Template(head.removeprefix(_SUBJECT).strip()), Template(body.strip() + "\n"))


def _check(line: str, where: str) -> None:
    template = Template(line)
    if not template.is_valid():
        raise RulesError(
            expected="placeholders written ${name}, and $$ for a dollar sign",
            found="a lone $",
            where=where,
            action="Correct the line.",
        )
    for name in template.get_identifiers():
        if name not in PLACEHOLDERS:
            near = difflib.get_close_matches(name, sorted(PLACEHOLDERS), n=1)
            raise RulesError(
                expected=f"one of the placeholders {', '.join(sorted(PLACEHOLDERS))}",
                found=f"${{{name}}}",
                where=where,
                action=f"Did you mean ${{{near[0]}}}?" if near else "Remove it.",
            )

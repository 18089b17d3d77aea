"""Puts what was measured into text, JSON and the page of figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BEGIN = "<!-- figures of make bench: begin -->"
END = "<!-- figures of make bench: end -->"


@dataclass(frozen=True)
class Goal:
    """What was to be reached, whether it was, and what was found."""

    what: str
    reached: bool
    found: str


@dataclass
class Section:
    """One table of the report with its goals and notes."""

    title: str
    table: list[list[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        """For the terminal: columns in line."""
        if not self.table:
            return "\n".join([self.title, *self.notes])
        widths = [max(len(row[at]) for row in self.table) for at in range(len(self.table[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in self.table]
        return "\n".join([self.title, *lines])


def as_json(section: Section) -> dict[str, Any]:
    """The section for bench.json."""
    return asdict(section)


def as_markdown(result: dict[str, Any], sections: list[Section]) -> str:
    """The generated part of the page."""
    lines = [
        f"Measured {result['at'][:10]} on {result['machine']}, with {result['ledger']}.",
        "",
    ]
    for section in sections:
        lines += [f"## {section.title}", ""]
        if section.table:
            head, *rows = section.table
            lines += [_row(head), _row(["---", *["---:"] * (len(head) - 1)]), *map(_row, rows), ""]
        for note in section.notes:
            lines += [note, ""]
        lines += [
            f"- {'Reached' if goal.reached else '**Missed**'}: {goal.what} ({goal.found})." for goal in section.goals
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def put_into_page(page: Path, text: str) -> None:
    """Puts the figures between the marks of the page, which keeps its own words."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, other, after = rest.partition(END)
    if not mark or not other:
        raise ValueError(f"{page} has no place for the figures: {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

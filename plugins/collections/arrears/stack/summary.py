"""The summary of a day: what every step wrote and took, and what came out, read from the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from arrears.stack.follow import DayProgress

if TYPE_CHECKING:
    from arrears.stack.supervisor import Stack


def print_summary(stack: Stack, progress: DayProgress) -> None:
    """Prints the summary of the day that `progress` followed."""
    from arrears.warehouse.connect import open_warehouse
    from arrears.web.day_view import read_day

    engine = open_warehouse(stack.settings)
    try:
        with engine.connect() as connection:
            view = read_day(connection, stack.as_of)
    finally:
        engine.dispose()
    table = Table(box=None)
    for step in view.steps:
        table.add_row(step.name)
    stack.display.console.print(table)

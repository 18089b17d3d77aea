"""Options that several commands share, so that they are called and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Business day; default today.")]
Ledger = Annotated[str | None, typer.Option("--ledger", help="Folder of Parquet or CSV files, or a SQLAlchemy URL.")]
LedgerMapping = Annotated[
    Path | None, typer.Option("--mapping", help="YAML file from the lender's names to the contract's.")
]
Collectors = Annotated[Path | None, typer.Option("--collectors", help="File of collectors for a ledger without any.")]
Materiality = Annotated[
    str | None, typer.Option("--materiality", help="What may be unpaid of a met instalment: 10%, 5.00 or 10%,5.00.")
]
GraceDays = Annotated[int | None, typer.Option("--grace-days", min=0, help="Days past due before delinquency counts.")]
ClockAt = Annotated[
    str | None,
    typer.Option("--clock", metavar="YYYY-MM-DDTHH:MM", help="Fix the clock of acting; default the machine's clock."),
]

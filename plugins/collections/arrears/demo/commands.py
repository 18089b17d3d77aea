"""`arrears demo`, and `arrears ledger generate`: the generated lender on the command line; `arrears demo gateway`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrears.demo.gateway.commands import app as gateway

app = typer.Typer(no_args_is_help=True)
app.add_typer(gateway, name="gateway")

# kept apart from arrears.demo.lender, which imports numpy and pyarrow; a test holds them equal
_CONTRACTS = 20_000
_SEED = 20_261_120


AsOf = Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Day of the ledger.")]
Contracts = Annotated[int, typer.Option("--contracts", min=1, help="How many contracts.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Another seed gives another lender.")]


@app.callback()
def demo() -> None:
    """The invented lender that the demo and the tests work on, and the sandbox gateway."""


def generate(
    out: Annotated[Path, typer.Option("--out", help="Folder for the Parquet files.")],
    as_of: AsOf,
    contracts: Contracts = _CONTRACTS,
    seed: Seed = _SEED,
) -> None:
    """Generate a lender's ledger as a folder of Parquet files, always the same for the same arguments."""
    from arrears.day import parse_day
    from arrears.demo.lender import write_parquet

    _say(write_parquet(out, parse_day(as_of, where="--as-of"), contracts, seed), str(out))


@app.command()
def load(
    url: Annotated[
        str, typer.Option("--url", envvar="ARREARS_LEDGER", help="SQLAlchemy URL of a PostgreSQL database.")
    ],
    as_of: AsOf,
    contracts: Contracts = _CONTRACTS,
    seed: Seed = _SEED,
) -> None:
    """Load the generated lender into a database, unless it holds exactly this lender already."""
    from arrears.day import parse_day
    from arrears.demo.lender import write_database

    rows = write_database(url, parse_day(as_of, where="--as-of"), contracts, seed)
    if rows:
        _say(rows, "the database")
    else:
        typer.echo("the database holds this lender already")


@app.command()
def collectors(
    out: Annotated[Path, typer.Option("--out", help="CSV file to write.")],
    as_of: AsOf,
    regions: Annotated[
        str | None, typer.Option(help="Region codes that the field collectors share, comma separated.")
    ] = None,
) -> None:
    """Write a demo team of collectors for a ledger that has none."""
    from arrears.day import parse_day
    from arrears.demo.lender import write_collectors

    count = write_collectors(out, parse_day(as_of, where="--as-of"), regions.split(",") if regions else None)
    typer.echo(f"{count} collectors in {out}")


def _say(rows: dict[str, int], where: str) -> None:
    for table, count in rows.items():
        typer.echo(f"{table:<16}{count:>14,}")
    typer.echo(f"in {where}")

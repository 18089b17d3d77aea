"""The ledger that the stack works on: somebody's own, or the generated lender in the embedded PostgreSQL."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from arrears.settings import Settings, load_settings
from arrears.stack.home import StackHome
from arrears.stack.settings import StackSettings

DATABASE = "lender"
"""Name of the generated lender's database."""

_KEPT = "lender.json"


def write_lender(home: StackHome, stack: StackSettings, url: sa.URL, as_of: date) -> None:
    """Writes the generated lender as of `as_of` to the database `url`, unless it is there already."""
    from arrears.demo.lender import DEFAULT_CONTRACTS, DEFAULT_SEED, VERSION, write_database

    contracts = stack.demo_contracts or DEFAULT_CONTRACTS
    seed = DEFAULT_SEED if stack.demo_seed is None else stack.demo_seed
    wanted = {"as_of": as_of.isoformat(), "contracts": contracts, "seed": seed, "version": VERSION}
    if home.read(_KEPT) != wanted:
        home.forget(_KEPT)
        write_database(url, as_of, contracts, seed)
        home.write(_KEPT, wanted)


def with_collectors(settings: Settings, as_of: date) -> Settings:
    """Settings for somebody's own ledger: unless a file of collectors is set, the demo's stands in for it.

    The pull takes the file only when the ledger itself has no collectors.
    """
    if settings.collectors is not None:
        return settings
    from arrears.demo.lender.collectors import write_collectors

    path = settings.home / "collectors.csv"
    write_collectors(path, as_of)
    return changed(settings, collectors=path)


def changed(settings: Settings, **values: object) -> Settings:
    """Settings with other `values`, validated anew."""
    kept = {name: getattr(settings, name) for name in settings.model_fields_set}
    return load_settings({**kept, **values})

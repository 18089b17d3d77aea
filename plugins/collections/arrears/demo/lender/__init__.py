"""The demo lender: a seeded, deterministic generator of a commercial-vehicle lender in the ledger contract.

`write_parquet` and `write_database` write it; `generate` gives its chunks; `demo_collectors` is a team for a ledger
that has none. Everything is invented: phones are in a prefix that is not assigned, mail addresses are at example.com.

Lists in one text column (`skills`, `regions` of collectors) are comma separated without blanks; NULL means all.
"""

from __future__ import annotations

from arrears.demo.lender.collectors import demo_collectors, write_collectors
from arrears.demo.lender.database import write_database
from arrears.demo.lender.files import write_parquet
from arrears.demo.lender.generate import DEFAULT_CONTRACTS, DEFAULT_SEED, VERSION, generate, plain

__all__ = [
    "DEFAULT_CONTRACTS",
    "DEFAULT_SEED",
    "VERSION",
    "demo_collectors",
    "generate",
    "plain",
    "write_collectors",
    "write_database",
    "write_parquet",
]

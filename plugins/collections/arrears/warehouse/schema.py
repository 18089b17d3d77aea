"""All tables of the warehouse in one metadata: import this to see the whole schema."""

from __future__ import annotations

from importlib import import_module

from arrears.warehouse.base import Base

for _module in (
    "audit",
    "ops_allocation",
    "ops_cases",
    "ops_consents",
    "ops_contacts",
    "ops_desk",
    "ops_serious",
    "ops_tokens",
    "mart",
):
    import_module(f"arrears.warehouse.{_module}")

metadata = Base.metadata

"""The declarative base and the three schemas of the warehouse."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

OPS = "ops"
"""What people and workers act on: cases, assignments, contact tasks."""
MART = "mart"
"""The star schema for BI; nothing personal in it."""
AUDIT = "audit"
"""What each run did and found, with wall times."""

SCHEMAS = (OPS, MART, AUDIT)


class Base(DeclarativeBase):
    """Base of all tables; constraint names follow one convention, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

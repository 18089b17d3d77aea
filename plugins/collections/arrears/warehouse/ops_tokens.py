"""Table of the bearer tokens with which the collectors' systems call the API (schema ops); hashes, never secrets."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import OPS, Base
from arrears.warehouse.ops_cases import INSTANT


class ApiToken(Base):
    """One bearer token: whom it stands for, how long, and the hash of its secret."""

    __tablename__ = "api_token"
    __table_args__ = (
        sa.CheckConstraint("role IN ('collector', 'lead', 'viewer')", name="role"),
        sa.CheckConstraint("(role = 'collector') = (collector_id IS NOT NULL)", name="collector"),
        sa.CheckConstraint("role <> 'collector' OR teams IS NULL", name="teams"),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
        sa.CheckConstraint("issued_at < expires_at", name="lifetime"),
        sa.Index(None, "name"),
        {
            "schema": OPS,
            "comment": "Bearer tokens of the API. Instants are the machine's time, also when the clock of acting is "
            "fixed. Grain: token.",
        },
    )

    token_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Public part of the token; random.")
    name: Mapped[str] = mapped_column(
        sa.Text, comment="Who uses it, as the audit names him: a system or a place of work. Rotated tokens share it."
    )
    role: Mapped[str] = mapped_column(sa.Text, comment="collector, lead or viewer.")
    collector_id: Mapped[str | None] = mapped_column(
        sa.Text, comment="The collector whose cases a collector's token reaches; NULL for the other roles."
    )
    teams: Mapped[str | None] = mapped_column(
        sa.Text, comment="Teams that a lead or viewer reaches, comma separated; NULL: all."
    )
    digest: Mapped[str] = mapped_column(sa.Text, comment="SHA-256 of the token's 256-bit secret, in hex.")
    issued_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was issued.")
    expires_at: Mapped[datetime] = mapped_column(INSTANT, comment="From when on it is refused.")
    revoked_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="When it was revoked; NULL: it was not.")
    replaces: Mapped[str | None] = mapped_column(
        sa.Text, comment="The token in whose place it came when that was rotated; NULL: none."
    )


API_TOKEN = Base.metadata.tables["ops.api_token"]

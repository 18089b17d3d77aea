"""Bearer tokens of the API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_api_tokens"
down_revision: str | None = "0005_experiments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("token_id", sa.Text(), nullable=False, comment="Public part of the token; random."),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="Who uses it, as the audit names him: a system or a place of work. Rotated tokens share it.",
        ),
        sa.Column("role", sa.Text(), nullable=False, comment="collector, lead or viewer."),
        sa.Column(
            "collector_id",
            sa.Text(),
            nullable=True,
            comment="The collector whose cases a collector's token reaches; NULL for the other roles.",
        ),
        sa.Column(
            "teams",
            sa.Text(),
            nullable=True,
            comment="Teams that a lead or viewer reaches, comma separated; NULL: all.",
        ),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the token's 256-bit secret, in hex."),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was issued."),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="From when on it is refused."),
        sa.Column(
            "revoked_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it was revoked; NULL: it was not.",
        ),
        sa.Column(
            "replaces",
            sa.Text(),
            nullable=True,
            comment="The token in whose place it came when that was rotated; NULL: none.",
        ),
        sa.CheckConstraint("(role = 'collector') = (collector_id IS NOT NULL)", name=op.f("ck_api_token_collector")),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_api_token_digest")),
        sa.CheckConstraint("issued_at < expires_at", name=op.f("ck_api_token_lifetime")),
        sa.CheckConstraint("role <> 'collector' OR teams IS NULL", name=op.f("ck_api_token_teams")),
        sa.CheckConstraint("role IN ('collector', 'lead', 'viewer')", name=op.f("ck_api_token_role")),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_api_token")),
        schema="ops",
        comment="Bearer tokens of the API. Instants are the machine's time, also when the clock of acting is fixed. "
        "Grain: token.",
    )
    op.create_index(op.f("ix_api_token_name"), "api_token", ["name"], unique=False, schema="ops")


def downgrade() -> None:
    op.drop_index(op.f("ix_api_token_name"), table_name="api_token", schema="ops")
    op.drop_table("api_token", schema="ops")

"""Mart."""

from __future__ import annotations

revision = "0004_mart"
down_revision: str | None = "0003_contacts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

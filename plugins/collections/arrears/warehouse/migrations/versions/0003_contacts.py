"""Contacts."""

from __future__ import annotations

revision = "0003_contacts"
down_revision: str | None = "0002_cases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

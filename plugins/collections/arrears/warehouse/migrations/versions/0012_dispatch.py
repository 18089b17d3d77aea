"""Reserved."""

from __future__ import annotations

revision = "0012_dispatch"
down_revision: str | None = "0011_contact_policy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

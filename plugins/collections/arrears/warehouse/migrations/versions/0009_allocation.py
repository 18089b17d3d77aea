"""Reserved."""

from __future__ import annotations

revision = "0009_allocation"
down_revision: str | None = "0008_intervals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

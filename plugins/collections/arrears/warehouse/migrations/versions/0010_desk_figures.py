"""Reserved."""

from __future__ import annotations

revision = "0010_desk_figures"
down_revision: str | None = "0009_allocation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

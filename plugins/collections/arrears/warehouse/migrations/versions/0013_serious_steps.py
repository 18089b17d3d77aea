"""Reserved."""

from __future__ import annotations

revision = "0013_serious_steps"
down_revision: str | None = "0012_dispatch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

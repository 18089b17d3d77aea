"""Reserved."""

from __future__ import annotations

revision = "0014_outreach_page"
down_revision: str | None = "0013_serious_steps"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

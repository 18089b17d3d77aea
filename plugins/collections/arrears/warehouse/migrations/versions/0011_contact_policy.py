"""Reserved."""

from __future__ import annotations

revision = "0011_contact_policy"
down_revision: str | None = "0010_desk_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

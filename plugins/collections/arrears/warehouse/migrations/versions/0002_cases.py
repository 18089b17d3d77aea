"""Cases."""

from __future__ import annotations

revision = "0002_cases"
down_revision: str | None = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

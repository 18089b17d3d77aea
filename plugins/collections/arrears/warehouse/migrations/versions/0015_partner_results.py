"""Results of contacts that a partner made: none of the lender's collectors did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_partner_results"
down_revision: str | None = "0014_outreach_page"
branch_labels = None
depends_on = None

_TABLE = "Results recorded by people: the columns of the ledger's contact_results, and who recorded them; append-only. Grain: result."  # noqa: E501
_MORE_TABLE = "Results recorded by people or reported by a partner: the columns of the ledger's contact_results, and who recorded them; append-only. Grain: result."  # noqa: E501
_COLLECTOR = "Collector who made the contact: owner of the case."
_MORE_COLLECTOR = "Collector who made the contact: owner of the case; NULL: a partner made it."
_RECORDED_BY = "Login or token of who recorded it."
_MORE_RECORDED_BY = "Login or token of who recorded it; of a partner its channel."


def upgrade() -> None:
    """Lets a result have no collector."""
    op.alter_column(
        "contact_result",
        "collector_id",
        existing_type=sa.TEXT(),
        nullable=True,
        comment=_MORE_COLLECTOR,
        existing_comment=_COLLECTOR,
        schema="ops",
    )
    op.alter_column(
        "contact_result",
        "recorded_by",
        existing_type=sa.TEXT(),
        existing_nullable=False,
        comment=_MORE_RECORDED_BY,
        existing_comment=_RECORDED_BY,
        schema="ops",
    )
    op.create_table_comment("contact_result", _MORE_TABLE, existing_comment=_TABLE, schema="ops")


def downgrade() -> None:
    """Asks for a collector again; fails while there are results without one."""
    op.create_table_comment("contact_result", _TABLE, existing_comment=_MORE_TABLE, schema="ops")
    op.alter_column(
        "contact_result",
        "recorded_by",
        existing_type=sa.TEXT(),
        existing_nullable=False,
        comment=_RECORDED_BY,
        existing_comment=_MORE_RECORDED_BY,
        schema="ops",
    )
    op.alter_column(
        "contact_result",
        "collector_id",
        existing_type=sa.TEXT(),
        nullable=False,
        comment=_COLLECTOR,
        existing_comment=_MORE_COLLECTOR,
        schema="ops",
    )

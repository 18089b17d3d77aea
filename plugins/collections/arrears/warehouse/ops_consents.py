"""Tables of what customers stated and did since the ledger was pulled (schema ops): consents, refusals, notices.

They arrive through the day: by a reply, a webhook, a page. Both are append-only, held by triggers: a later statement
speaks over an earlier one. All instants come from the clock of acting. No names, no addresses, no words of a customer.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import OPS, Base
from arrears.warehouse.ops_cases import INSTANT, MONEY

NoticeKind = Literal["payment", "reply"]
"""What can be known of a customer before the ledger says it."""

_CLOCK_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


class CustomerConsent(Base):
    """One statement of a customer on how he may be contacted."""

    __tablename__ = "customer_consent"
    __table_args__ = (
        sa.CheckConstraint("valid_to > valid_from", name="valid_to"),
        sa.CheckConstraint("(local_from IS NULL) = (local_to IS NULL)", name="local_hours"),
        sa.CheckConstraint(f"local_from ~ '{_CLOCK_TIME}'", name="local_from"),
        sa.CheckConstraint(f"local_to ~ '{_CLOCK_TIME}'", name="local_to"),
        sa.Index(None, "customer_id"),
        {
            "schema": OPS,
            "comment": "What customers allowed or refused since the ledger was pulled: channels, hours, places, and "
            "notices to cease or of an attorney; append-only. Grain: statement.",
        },
    )

    consent_id: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="Key of the statement; who tells it twice gives the same key."
    )
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer.")
    channel: Mapped[str] = mapped_column(sa.Text, comment="Channel that it is about, or all.")
    allowed: Mapped[bool] = mapped_column(comment="True: allowed; false: refused.")
    reason: Mapped[str] = mapped_column(
        sa.Text, comment="opt_out, cease, attorney, dispute, bankruptcy, deceased, agreed, inconvenient, …"
    )
    valid_from: Mapped[datetime] = mapped_column(INSTANT, comment="First instant at which it holds.")
    valid_to: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="First instant at which it no longer holds; NULL: open."
    )
    local_from: Mapped[str | None] = mapped_column(
        sa.Text, comment="HH:MM of the customer's day from which it holds; NULL: the whole day."
    )
    local_to: Mapped[str | None] = mapped_column(
        sa.Text, comment="HH:MM at which it no longer holds; before local_from: on the next day."
    )
    place: Mapped[str | None] = mapped_column(
        sa.Text, comment="Place that it is about, as contact.yaml names those of channels; NULL: any."
    )
    source: Mapped[str] = mapped_column(sa.Text, comment="Where it came from: a receipt, a page, a command.")
    recorded_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who recorded it; arrears: nobody.")
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was recorded.")


class CustomerNotice(Base):
    """A payment or an answer that arrived since the ledger was pulled."""

    __tablename__ = "customer_notice"
    __table_args__ = (
        sa.CheckConstraint(sa.column("kind").in_(get_args(NoticeKind)), name="kind"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index(None, "customer_id", "at"),
        {
            "schema": OPS,
            "comment": "Payments and answers of customers since the ledger was pulled: they stop what is still "
            "planned; append-only. Grain: notice.",
        },
    )

    notice_id: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="Key of the notice; who tells it twice gives the same key."
    )
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer.")
    contract_id: Mapped[str | None] = mapped_column(sa.Text, comment="Contract that was paid; NULL: not known.")
    kind: Mapped[str] = mapped_column(sa.Text, comment="payment or reply.")
    channel: Mapped[str | None] = mapped_column(sa.Text, comment="Channel of an answer; NULL: not known.")
    amount: Mapped[Decimal | None] = mapped_column(MONEY, comment="Amount paid; NULL: not known.")
    at: Mapped[datetime] = mapped_column(INSTANT, comment="When it happened.")
    source: Mapped[str] = mapped_column(sa.Text, comment="Where it came from.")
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was recorded.")

"""What customers state and do through the day, written down so that what is still planned stops at once.

Who records holds the customer's lock until the transaction ends, as whoever claims a contact does: after the record is
committed nothing is claimed that it forbids. Who records for several customers in one transaction takes all their
locks first (`history.lock_customers`), or takes one transaction for each.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.history import lock_customers
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice, NoticeKind

EVERY_CHANNEL = "all"
"""Channel of a statement that speaks about every channel."""

_CONSENT: sa.Table = CustomerConsent.__table__  # type: ignore[assignment]
_NOTICE: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]


def record_consent(
    connection: sa.Connection,
    customer_id: str,
    channel: str,
    *,
    allowed: bool,
    reason: str,
    at: datetime,
    source: str,
    recorded_by: str,
    now: datetime,
    until: datetime | None = None,
    local_from: str | None = None,
    local_to: str | None = None,
    place: str | None = None,
    key: str | None = None,
) -> str:
    """Writes down a statement of a customer, in force from `at` to `until`; returns its key.

    `channel` is one of contact.yaml, a name that it also has in the ledger, or `all`. `local_from` and `local_to`
    (HH:MM) keep it to hours of the customer's day, `place` to a place. A `key` that is known already adds nothing.
    IntegrityError for hours that are none, or a statement that ends before it begins.
    """
    consent_id = key or uuid.uuid4().hex
    lock_customers(connection, [customer_id])
    connection.execute(
        insert(_CONSENT)
        .values(
            consent_id=consent_id,
            customer_id=customer_id,
            channel=channel,
            allowed=allowed,
            reason=reason,
            valid_from=at,
            valid_to=until,
            local_from=local_from,
            local_to=local_to,
            place=place,
            source=source,
            recorded_by=recorded_by,
            recorded_at=now,
        )
        .on_conflict_do_nothing(index_elements=[_CONSENT.c.consent_id])
    )
    return consent_id


def record_notice(
    connection: sa.Connection,
    customer_id: str,
    kind: NoticeKind,
    *,
    at: datetime,
    source: str,
    now: datetime,
    contract_id: str | None = None,
    channel: str | None = None,
    amount: Decimal | None = None,
    key: str | None = None,
) -> str:
    """Writes down that a customer paid or answered at `at`; returns the notice's key.

    A `key` that is known already adds nothing. IntegrityError for an amount that is not above zero.
    """
    notice_id = key or uuid.uuid4().hex
    lock_customers(connection, [customer_id])
    connection.execute(
        insert(_NOTICE)
        .values(
            notice_id=notice_id,
            customer_id=customer_id,
            contract_id=contract_id,
            kind=kind,
            channel=channel,
            amount=amount,
            at=at,
            source=source,
            recorded_at=now,
        )
        .on_conflict_do_nothing(index_elements=[_NOTICE.c.notice_id])
    )
    return notice_id

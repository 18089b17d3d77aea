"""Asks providers and partners for what they have to report, and takes it in."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.errors import ChannelError
from arrears.outreach import partners
from arrears.outreach.channels.base import Channel
from arrears.outreach.channels.sftp import SftpChannel
from arrears.outreach.receipts import Desk, keep_unmatched, take_in
from arrears.outreach.reported import take_reported
from arrears.warehouse.ops_contacts import ContactChannel

UNREADABLE = "unreadable"
"""Reason, and in place of an outcome, of a receipt that is none."""

_CHANNEL: sa.Table = ContactChannel.__table__  # type: ignore[assignment]


def poll_receipts(warehouse: sa.Engine, channel: Channel, desk: Desk) -> tuple[Counter[str], list[ChannelError]]:
    """Takes in all that `channel` has to report; gives how many receipts did what, and what could not be taken in.

    Raises ChannelError when the provider cannot be asked.
    """
    if isinstance(channel, SftpChannel):
        return _poll_partner(warehouse, channel, desk)
    counts: Counter[str] = Counter()
    with warehouse.connect() as connection:
        cursor = connection.execute(
            sa.select(_CHANNEL.c.receipts_cursor).where(_CHANNEL.c.channel == channel.name)
        ).scalar()
    while (page := channel.receipts(cursor or "")) is not None:
        with warehouse.begin() as connection:
            counts += take_in(connection, channel.name, page.receipts, desk)
            unreadable = [(each, UNREADABLE, UNREADABLE, None) for each in page.unreadable]
            keep_unmatched(connection, channel.name, unreadable, desk.now)
            counts["unmatched"] += len(page.unreadable)
            statement = insert(_CHANNEL).values(channel=channel.name, receipts_cursor=page.cursor, changed_at=desk.now)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[_CHANNEL.c.channel],
                    set_={"receipts_cursor": statement.excluded.receipts_cursor, "changed_at": desk.now},
                )
            )
        if page.cursor == cursor:
            break
        cursor = page.cursor
    return +counts, []


def _poll_partner(warehouse: sa.Engine, channel: SftpChannel, desk: Desk) -> tuple[Counter[str], list[ChannelError]]:
    counts: Counter[str] = Counter()
    answers, errors = partners.acknowledgements(warehouse, channel)
    for told in answers:
        with warehouse.begin() as connection:
            receipts = partners.settle_acknowledgement(connection, channel.name, told, desk.now)
            counts += take_in(connection, channel.name, receipts, desk)
    lists, more = partners.results(warehouse, channel)
    for manifest, reported in lists:
        with warehouse.begin() as connection:
            if partners.note_results(connection, channel.name, manifest, desk.day, desk.now):
                counts += take_reported(connection, channel.name, reported, desk)
    return counts, errors + more

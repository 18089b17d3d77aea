"""Files between the lender and a partner: what was handed over, what the partner acknowledged, which results it sent.

What an acknowledgement or a list of results says is taken in whole or not at all: its digest must be right.
"""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date, datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from sqlalchemy.dialects.postgresql import insert

from arrears.errors import ChannelError
from arrears.outreach.channels.base import Channel, Receipt
from arrears.outreach.channels.providers import CODE
from arrears.outreach.channels.sftp import ACKNOWLEDGEMENT, MANIFEST, RESULTS, SftpChannel
from arrears.outreach.reported import Contacted, Reported
from arrears.warehouse.ops_contacts import ContactTask, PartnerFile

_FILE: sa.Table = PartnerFile.__table__  # type: ignore[assignment]
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_SHOWN = 12
_CALLS = {"agency": "agency_call"}
"""How the partner of a channel contacts the customer where its results name no channel; of others they are about the
case, and no contact."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Acknowledgement(BaseModel):
    """What the partner says of a file that it got."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    sha256: Digest
    rows: Annotated[int, Field(ge=0)]
    accepted: StrictBool
    reason: Annotated[str, Field(pattern=CODE.pattern)] | None = None


class Manifest(BaseModel):
    """What the partner says of a file that it sends."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    sha256: Digest
    rows: Annotated[int, Field(ge=0)]


def note_files(connection: sa.Connection, adapter: Channel, day: date, now: datetime) -> None:
    """Writes down the files that `adapter` has handed over since the last time, in the caller's transaction."""
    if not isinstance(adapter, SftpChannel):
        return
    for made in adapter.handed_over:
        statement = insert(_FILE).values(
            channel=adapter.name,
            file=made.file,
            kind=made.kind,
            business_day=day,
            sha256=made.sha256,
            rows=made.rows,
            at=now,
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[_FILE.c.channel, _FILE.c.file],
                set_={name: statement.excluded[name] for name in ("sha256", "rows", "at")},
                where=_FILE.c.acknowledged_at.is_(None),
            )
        )


def unacknowledged(connection: sa.Connection, channel: str) -> dict[str, tuple[str, int]]:
    """Digest and rows of the files that were handed over and not answered yet, by name."""
    rows = connection.execute(
        sa.select(_FILE.c.file, _FILE.c.sha256, _FILE.c.rows).where(
            _FILE.c.channel == channel, _FILE.c.kind != "results", _FILE.c.acknowledged_at.is_(None)
        )
    )
    return {row.file: (row.sha256, row.rows) for row in rows}


def acknowledgements(warehouse: sa.Engine, adapter: SftpChannel) -> tuple[list[Acknowledgement], list[ChannelError]]:
    """The partner's answers to files that have none yet, and what is wrong with others; nothing is written.

    A wrong digest, a wrong number of rows and an answer that is none are errors that name the file.
    """
    with warehouse.connect() as connection:
        waiting = unacknowledged(connection, adapter.name)
    wanted = {f"{file.removesuffix('.csv')}{ACKNOWLEDGEMENT}": file for file in waiting}
    names = [name for name in (adapter.answers(ACKNOWLEDGEMENT) if waiting else []) if name in wanted]
    found: list[Acknowledgement] = []
    errors: list[ChannelError] = []
    for name, content in zip(names, adapter.fetch(*names) if names else [], strict=True):
        file = wanted[name]
        sha256, rows = waiting[file]
        try:
            told = Acknowledgement.model_validate_json(content)
        except ValidationError:
            errors.append(_wrong(adapter, name, "an acknowledgement as JSON", "something else"))
            continue
        if told.file != file:
            errors.append(_wrong(adapter, name, f"an acknowledgement of {file}", "one of another file"))
        elif told.sha256 != sha256:
            errors.append(
                _wrong(adapter, name, f"the digest {sha256[:_SHOWN]}… that was sent", f"{told.sha256[:_SHOWN]}…")
            )
        elif told.rows != rows:
            errors.append(_wrong(adapter, name, f"{rows} rows, as were sent", f"{told.rows}"))
        else:
            found.append(told)
    return found, errors


def settle_acknowledgement(
    connection: sa.Connection, channel: str, told: Acknowledgement, now: datetime
) -> list[Receipt]:
    """Writes down an answer, in the caller's transaction; gives the receipts of the file's tasks, once."""
    settled = connection.execute(
        sa.update(_FILE)
        .where(_FILE.c.channel == channel, _FILE.c.file == told.file, _FILE.c.acknowledged_at.is_(None))
        .values(acknowledged_at=now, accepted=told.accepted, reason=told.reason)
        .returning(_FILE.c.kind)
    ).scalar_one_or_none()
    if settled != "placement":
        return []
    keys = connection.execute(
        sa.select(_TASK.c.task_key)
        .where(_TASK.c.channel == channel, _TASK.c.provider_id == told.file)
        .order_by(_TASK.c.task_key)
    ).scalars()
    outcome = "accepted" if told.accepted else f"refused.{told.reason or 'partner'}"
    return [Receipt(key, told.accepted, outcome, told.file) for key in keys]


def results(
    warehouse: sa.Engine, adapter: SftpChannel
) -> tuple[list[tuple[Manifest, list[Reported]]], list[ChannelError]]:
    """The lists of results that were not taken in yet, and what is wrong with others; nothing is written."""
    with warehouse.connect() as connection:
        known = set(
            connection.execute(
                sa.select(_FILE.c.file).where(_FILE.c.channel == adapter.name, _FILE.c.kind == "results")
            ).scalars()
        )
        waiting = unacknowledged(connection, adapter.name)
    ending = RESULTS.removesuffix(".csv") + MANIFEST
    stems = [name.removesuffix(ending) for name in adapter.answers(ending)]
    # what the partner did not rightly acknowledge it can have no results of yet
    stems = [stem for stem in stems if f"{stem}.csv" not in waiting]
    names = [(f"{stem}{RESULTS}", f"{stem}{ending}") for stem in stems if f"{stem}{RESULTS}" not in known]
    found: list[tuple[Manifest, list[Reported]]] = []
    errors: list[ChannelError] = []
    for name, manifest_name in names:
        content, manifest_content = adapter.fetch(name, manifest_name)
        try:
            manifest = Manifest.model_validate_json(manifest_content)
        except ValidationError:
            errors.append(_wrong(adapter, manifest_name, "a manifest as JSON", "something else"))
            continue
        digest = hashlib.sha256(content).hexdigest()
        if manifest.file != name or manifest.sha256 != digest:
            errors.append(
                _wrong(adapter, name, f"the digest {manifest.sha256[:_SHOWN]}… of its manifest", f"{digest[:_SHOWN]}…")
            )
            continue
        try:
            rows = csv.DictReader(io.StringIO(content.decode("utf-8")))
            reported = [_result(row, name, number, adapter.name) for number, row in enumerate(rows, start=1)]
        except (ValueError, KeyError, TypeError):
            errors.append(_wrong(adapter, name, "task_key, outcome and promised_days in every row", "something else"))
            continue
        if len(reported) != manifest.rows:
            errors.append(_wrong(adapter, name, f"{manifest.rows} rows, as its manifest says", f"{len(reported)}"))
        else:
            found.append((manifest, reported))
    return found, errors


def note_results(connection: sa.Connection, channel: str, manifest: Manifest, day: date, now: datetime) -> bool:
    """Writes down that a list of results is taken in, in the caller's transaction; False when it was before."""
    noted = connection.execute(
        insert(_FILE)
        .values(
            channel=channel,
            file=manifest.file,
            kind="results",
            business_day=day,
            sha256=manifest.sha256,
            rows=manifest.rows,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(_FILE.c.file)
    ).scalar_one_or_none()
    return noted is not None


def _result(row: dict[str, str], file: str, number: int, channel: str) -> Reported:
    promised = row.get("promised_days") or ""
    if "\0" in row["task_key"] or not (promised.isdecimal() or not promised):
        raise ValueError("a key, and days that are a number")
    receipt = Receipt(
        row["task_key"], True, _code(row["outcome"]), file, promised_days=int(promised) if promised else None
    )
    used = row.get("channel") or _CALLS.get(channel)
    if used is None:
        return Reported(receipt, None)
    told = row.get("attempted_at") or ""
    at = datetime.fromisoformat(told) if told else None
    if at is not None and at.tzinfo is None:
        raise ValueError("an instant with its offset")
    key = row.get("result_id") or hashlib.sha256(f"{file}|{number}".encode()).hexdigest()
    return Reported(receipt, Contacted(_code(key), _code(used), at))


def _code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise ValueError("a code")
    return text


def _wrong(adapter: SftpChannel, name: str, expected: str, found: str) -> ChannelError:
    return ChannelError(
        expected=expected,
        found=found,
        where=f"channel {adapter.name}, file {name}",
        action="Nothing of it was taken in. Ask the partner for the file again; a right one is taken by the next run.",
    )

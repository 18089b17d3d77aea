"""What callers send: bodies with their bounds. Texts are stored and shown as text; control characters are refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TEXT = r"^[^\x00-\x1f\x7f]+$"
"""A text without control characters, which the database does not take all of and no page shows."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=TEXT)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=TEXT)]
CaseIds = Annotated[list[Id], Field(min_length=1, max_length=500)]

CASE = "CU0000000017@2026-11-20"


class Body(BaseModel):
    """Base of the bodies: unknown fields are refused, so that a slip of the pen is no silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def example(**fields: Any) -> ConfigDict:
    """The configuration of a body with its example for the document."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class GrabBody(Body):
    """How many, and for whom."""

    model_config = example(batch=20)

    batch: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    """Cases at most; default the queue's batch of today. The rules bound it further."""
    collector_id: Name | None = None
    """For whom a lead grabs; a collector's token grabs for its own collector."""


class CasesBody(Body):
    """Several cases."""

    model_config = example(case_ids=[CASE])

    case_ids: CaseIds
    """The cases."""


class ReturnBody(CasesBody):
    """Cases that go back to the pool."""

    model_config = example(case_ids=[CASE], reason="no_capacity")

    reason: Reason
    """One of the queue's give_back_reasons."""


class HandOverBody(CasesBody):
    """Cases that get another owner."""

    model_config = example(case_ids=[CASE], to="C002", reason="speaks the customer's language")

    to: Name | None
    """The collector who gets them; null: the pool."""
    reason: Reason
    """Why, for the audit; nothing personal."""
    from_collector_id: Name | None = None
    """Only what this collector still has; what somebody moved meanwhile is refused (`case.moved`). Null: whoever has
    it."""


class RecallBody(Body):
    """Cases that come back from agencies; give at least one of the three ways to name them."""

    model_config = example(collector_id="AG01", reason="end of the agency's term")

    case_ids: CaseIds | None = None
    """These cases."""
    collector_id: Name | None = None
    """All of this agency."""
    queue: Name | None = None
    """All of this queue."""
    reason: Reason
    """Why, for the audit; nothing personal."""


class AbsenceBody(Body):
    """A collector who is not there today, or is there again."""

    model_config = example(collector_id="C007", absent=True, reason="sick")

    collector_id: Name
    """The collector."""
    absent: Annotated[bool, Field(strict=True)]
    """true: his cases are dealt to the others; false: he is in the roster again."""
    reason: Reason
    """Why, for the audit; nothing personal."""


class BatchBody(Body):
    """How many cases one grab takes today."""

    model_config = example(batch=30, reason="much in the pool")

    batch: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None
    """For today; null: as the rules say. The rules bound it further."""
    reason: Reason
    """Why, for the audit."""


class QuotaBody(Body):
    """How many cases a collector is given of a queue today."""

    model_config = example(collector_id="C007", queue="phone", quota=25, reason="training in the afternoon")

    collector_id: Name
    """The collector."""
    queue: Name
    """The queue."""
    quota: Annotated[int, Field(strict=True, ge=0, le=100_000)] | None
    """For today; null: as the ledger and the rules say."""
    reason: Reason
    """Why, for the audit; nothing personal."""


class PromiseBody(Body):
    """A promise to pay."""

    model_config = example(amount="1200.00", due_on="2026-11-27")

    amount: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2)]
    """How much, in the contract's currency."""
    due_on: date
    """Until when."""


class ResultBody(Body):
    """How a contact ended. There is no place for notes: they would be personal."""

    model_config = example(
        case_id=CASE,
        channel="phone",
        outcome="right_party",
        call_id="CALL-1",
        promise={"amount": "1200.00", "due_on": "2026-11-27"},
    )

    case_id: Id
    """The case."""
    channel: Name
    """Channel of the contact."""
    outcome: Name
    """How it ended; contact.yaml lists the outcomes."""
    contract_id: Id | None = None
    """Which contract of the case; null: the harshest."""
    call_id: Id | None = None
    """The reserved call that this settles; null: the one that the case's owner reserved, if there is just one."""
    promise: PromiseBody | None = None
    """The promise that was made; null: none."""
    initiated_by: Literal["lender", "customer"] = "lender"
    """Who began the contact."""


class CallBody(Body):
    """A manual call that is about to be made."""

    model_config = example(case_id=CASE)

    case_id: Id
    """The case."""

"""`ageing.yaml`: grace, materiality, buckets and the holds that stop treatment."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator

from arrears.rules.files import PlacedError, RuleModel

ContractClass = Literal["current", "low", "mid", "high"]


class MaterialityRule(RuleModel):
    """How much of an instalment may be unpaid for it still to count as met: the larger of the two."""

    share: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    """Share of the instalment, 0.1 for 10 %."""
    amount: Annotated[Decimal, Field(ge=0, decimal_places=2)] = Decimal(0)
    """Amount in the contract's currency."""


class Bucket(RuleModel):
    """One bucket: a range of delinquent days."""

    bucket: Annotated[str, Field(min_length=1)]
    class_: Annotated[ContractClass, Field(alias="class")]
    """low 低账龄, mid 中账龄, high 高账龄, or current."""
    from_day: Annotated[int, Field(ge=0)]
    to_day: Annotated[int, Field(ge=0)] | None = None
    """Last day of the bucket; only the last bucket has none."""


class AgeingRules(RuleModel):
    """How contracts are aged."""

    grace_days: Annotated[int, Field(ge=0)] = 0
    materiality: MaterialityRule = MaterialityRule()
    buckets: Annotated[tuple[Bucket, ...], Field(min_length=2)]
    stop_holds: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("buckets")
    @classmethod
    def _without_gap_or_overlap(cls, buckets: tuple[Bucket, ...]) -> tuple[Bucket, ...]:
        expected = 0
        names: set[str] = set()
        for position, each in enumerate(buckets):
            if each.bucket in names:
                raise PlacedError(f"bucket names once each; {each.bucket} comes again", position, "bucket")
            names.add(each.bucket)
            if each.from_day != expected:
                kind = "overlap" if each.from_day < expected else "gap"
                raise PlacedError(
                    f"no {kind} between buckets: {each.bucket} should begin on day {expected}", position, "from_day"
                )
            last = position == len(buckets) - 1
            if last != (each.to_day is None):
                raise PlacedError(f"to_day in every bucket but the last, not so at {each.bucket}", position)
            if each.to_day is not None:
                if each.to_day < each.from_day:
                    raise PlacedError(f"{each.bucket} to end on day {each.from_day} or later", position, "to_day")
                expected = each.to_day + 1
        if buckets[0].class_ != "current" or buckets[0].to_day != 0:
            raise PlacedError(f"the first bucket to be day 0 alone, class current; {buckets[0].bucket} is not", 0)
        return buckets

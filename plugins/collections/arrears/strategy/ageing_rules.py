"""`ageing.yaml`: grace, materiality, what delinquency is counted in, buckets, and the holds that stop treatment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from arrears.rules.files import PlacedError, RuleModel

ContractClass = Literal["current", "low", "mid", "high"]
Counting = Literal["days", "months", "installments", "mba", "ots"]
Convention = Literal["A", "B"]
RecoveryBook = Literal["left", "worked"]

_MONTH = 30
"""Days of a bucket that is counted in days."""


class MaterialityRule(RuleModel):
    """How much of an instalment may be unpaid for it still to count as met: the larger of the two."""

    share: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    """Share of the instalment, 0.1 for 10 %."""
    amount: Annotated[Decimal, Field(ge=0, decimal_places=2)] = Decimal(0)
    """Amount in the contract's currency."""


class Bucket(RuleModel):
    """One bucket. Its range is given by the convention, or said here: then in every bucket."""

    bucket: Annotated[str, Field(min_length=1)]
    class_: Annotated[ContractClass, Field(alias="class")]
    """low 低账龄, mid 中账龄, high 高账龄, or current."""
    from_: Annotated[int | None, Field(ge=0, alias="from")] = None
    """First count of the bucket: days, months or instalments, whatever `counting` says."""
    to: Annotated[int | None, Field(ge=0)] = None
    """Last count of the bucket; only the last bucket has none."""


@dataclass(frozen=True)
class BucketRange:
    """A bucket with what is counted in it."""

    number: int
    """Place in the order of buckets; 0 is current."""
    bucket: str
    class_: ContractClass
    first: int
    last: int | None
    """None: open."""


class AgeingRules(RuleModel):
    """How contracts are aged."""

    grace_days: Annotated[int, Field(ge=0)] = 0
    materiality: MaterialityRule = MaterialityRule()
    counting: Counting = "days"
    """What a bucket is a range of. days: delinquent days. months: calendar months begun since the due date (convention
    A: whole ones, plus 1). installments: unmet instalments. mba, ots: whole months by the method of the Mortgage
    Bankers Association or of the Office of Thrift Supervision."""
    convention: Convention | None = None
    """A: days / 30 rounded down, plus 1 (M1 is 1-29). B: days / 30 rounded up (M1 is 1-30). Left out: B, or the ranges
    that the buckets say themselves."""
    buckets: Annotated[tuple[Bucket, ...], Field(min_length=2)]
    stop_holds: Annotated[tuple[str, ...], Field(min_length=1)]
    recovery_book: RecoveryBook = "left"
    """What becomes of written-off contracts that still owe. left: they are in no snapshot, and nothing is decided about
    them. worked: they stay in it, are decided about like the others, and rules tell them by `written_off`."""

    @property
    def ranges(self) -> tuple[BucketRange, ...]:
        """The buckets in order, each with the counts that are in it."""
        if _says_ranges(self.buckets):
            said = [(each.from_ or 0, each.to) for each in self.buckets]
        else:
            starts = [0, *(self._first(number) for number in range(1, len(self.buckets)))]
            ends = [start - 1 for start in starts[1:]]
            said = list(zip(starts, [*ends, None], strict=True))
        return tuple(
            BucketRange(number, each.bucket, each.class_, first, last)
            for number, (each, (first, last)) in enumerate(zip(self.buckets, said, strict=True))
        )

    def _first(self, number: int) -> int:
        """The first count of the bucket `number` (1 or more) under the convention."""
        if self.counting != "days":
            return number
        if self.convention == "A":
            return max(1, (number - 1) * _MONTH)
        return (number - 1) * _MONTH + 1

    @model_validator(mode="after")
    def _each_bucket_once(self) -> Self:
        names: set[str] = set()
        for position, each in enumerate(self.buckets):
            if each.bucket in names:
                raise PlacedError(f"bucket names once each; {each.bucket} comes again", "buckets", position, "bucket")
            names.add(each.bucket)
        if self.buckets[0].class_ != "current":
            raise PlacedError(f"the first bucket to be of class current; {self.buckets[0].bucket} is not", "buckets", 0)
        return self

    @model_validator(mode="after")
    def _one_source_of_ranges(self) -> Self:
        if not _says_ranges(self.buckets):
            if self.convention is not None and self.counting not in ("days", "months"):
                raise PlacedError(f"no convention where {self.counting} is counted: bucket n is n", "convention")
            return self
        if self.convention is not None:
            raise PlacedError(
                f"either a convention or ranges; convention {self.convention} already says what is in each bucket",
                "convention",
            )
        return self

    @model_validator(mode="after")
    def _without_gap_or_overlap(self) -> Self:
        if not _says_ranges(self.buckets):
            return self
        expected = 0
        for position, each in enumerate(self.buckets):
            at = ("buckets", position)
            if each.from_ is None:
                raise PlacedError(f"from in every bucket or in none; {each.bucket} has none", *at)
            if each.from_ != expected:
                kind = "overlap" if each.from_ < expected else "gap"
                raise PlacedError(f"no {kind} between buckets: {each.bucket} should begin with {expected}", *at, "from")
            last = position == len(self.buckets) - 1
            if last != (each.to is None):
                raise PlacedError(f"to in every bucket but the last, not so at {each.bucket}", *at)
            if each.to is not None:
                if each.to < each.from_:
                    raise PlacedError(f"{each.bucket} to end with {each.from_} or more", *at, "to")
                expected = each.to + 1
        if self.buckets[0].to != 0:
            raise PlacedError(f"the first bucket to be 0 alone; {self.buckets[0].bucket} is not", "buckets", 0)
        return self


def _says_ranges(buckets: tuple[Bucket, ...]) -> bool:
    return any(each.from_ is not None or each.to is not None for each in buckets)

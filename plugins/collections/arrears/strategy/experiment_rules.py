"""`experiments.yaml`: champion and challenger, the shares of their arms over time, and what they are to find."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from arrears.rules.decision_table import Approval
from arrears.rules.files import PlacedError, RuleModel, did_you_mean

FILE = "experiments.yaml"
NONE = "none"
"""Value of an arm's word for a case that is in none of them."""

Metric = Literal["cure", "roll", "recovered"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[Decimal, Field(ge=0, le=1)]


class Shares(RuleModel):
    """The share of new cases that each arm gets from a day on; an arm that is not named gets none."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Share]

    valid_from: date
    """First entry day that these shares are for."""

    @property
    def arms(self) -> dict[str, Decimal]:
        """Arm → share, 0 to 1."""
        return dict(self.__pydantic_extra__)


class Exclusion(RuleModel):
    """Customers whom the experiment leaves out."""

    when: Annotated[str, Field(min_length=1)]
    """Condition over the master data of a contract. A customer is left out when it is true for any contract that was
    originated up to the case's entry day."""
    reason: Annotated[str, Field(min_length=1)]
    approval: Approval | None = None
    """Who approved that the condition reads an attribute under review."""


class Experiment(RuleModel):
    """One comparison of treatments on cases that chance sorted into arms."""

    name: Name
    """Part of the digest that sorts customers into arms; rules read the arm as `arm_<name>`."""
    hypothesis: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    arms: Annotated[dict[Name, Annotated[str, Field(min_length=1)]], Field(min_length=2)]
    """Arm → what is done there. The first one is the champion, to which the others are compared."""
    shares: Annotated[tuple[Shares, ...], Field(min_length=1)]
    """Shares over time, ascending in valid_from. Arms are laid out in the order of `arms`, one after the other, so a
    share that grows takes from the arm beside it and moves no other. What the shares leave is in no arm."""
    ends_on: date | None = None
    """Last entry day; cases that entered by then keep their arm."""
    exclude: tuple[Exclusion, ...] = ()
    metric: Metric
    """What decides: cure (the case ends within the days), roll (it reaches a higher bucket within them), or recovered
    (money per case within them)."""
    within_days: Annotated[int, Field(ge=1, le=366)]
    """Days after entry in which a case's result is measured; a case counts once they have passed."""
    baseline: Annotated[Decimal, Field(gt=0)]
    """What the champion is expected to give: a share, or for recovered an amount per case."""
    minimum_effect: Annotated[Decimal, Field(gt=0)]
    """Smallest difference to the champion that is worth finding, in the unit of the baseline."""
    standard_deviation: Annotated[Decimal, Field(gt=0)] | None = None
    """For recovered: standard deviation of the amount per case."""
    alpha: Annotated[Decimal, Field(gt=0, le=Decimal("0.2"))] = Decimal("0.05")
    """Chance of calling a difference that is none, two-sided, over all comparisons with the champion together."""
    power: Annotated[Decimal, Field(ge=Decimal("0.5"), lt=1)] = Decimal("0.8")
    """Chance of finding the minimum effect if it is there."""

    @model_validator(mode="after")
    def _sound(self) -> Experiment:
        if NONE in self.arms:
            raise PlacedError(f"another name than {NONE!r}, which is the word for a case in no arm", "arms", NONE)
        self._check_shares()
        self._check_figures()
        return self

    def _check_shares(self) -> None:
        before: date | None = None
        for position, each in enumerate(self.shares):
            at = ("shares", position)
            for arm in each.arms:
                if arm not in self.arms:
                    action = did_you_mean(arm, self.arms) or "Correct the name."
                    raise PlacedError(f"one of the arms {', '.join(self.arms)}, not {arm!r}", *at, arm, action=action)
            whole = sum(each.arms.values(), Decimal(0))
            if whole > 1:
                raise PlacedError(f"shares of {self.name} that add up to 1 at most, not to {whole.normalize():f}", *at)
            if whole == 0:
                raise PlacedError(f"a share above 0 for one arm of {self.name} at least; ends_on ends it", *at)
            if before is not None and each.valid_from <= before:
                raise PlacedError(
                    f"shares of {self.name} in ascending order of valid_from; {each.valid_from} is not after {before}",
                    *at,
                    "valid_from",
                )
            before = each.valid_from
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise PlacedError(f"{self.name} to end on its first day, {self.starts_on}, or later", "ends_on")

    def _check_figures(self) -> None:
        if self.metric == "recovered":
            if self.standard_deviation is None:
                raise PlacedError(
                    f"standard_deviation, the spread of the amount per case, since {self.name} measures recovered",
                    "metric",
                )
            return
        if self.standard_deviation is not None:
            raise PlacedError(f"standard_deviation only with metric recovered, not {self.metric}", "standard_deviation")
        if not 0 < self.target < 1 or self.baseline >= 1:
            raise PlacedError(
                f"baseline and baseline {'-' if self.metric == 'roll' else '+'} minimum_effect between 0 and 1 as "
                f"shares, not {self.baseline} and {self.target}",
                "baseline",
            )

    @property
    def champion(self) -> str:
        """The arm that the others are compared to."""
        return next(iter(self.arms))

    @property
    def challengers(self) -> tuple[str, ...]:
        """The other arms."""
        return tuple(self.arms)[1:]

    @property
    def target(self) -> Decimal:
        """What a challenger must give to be the minimum effect better than the champion; rolling less is better."""
        return self.baseline - self.minimum_effect if self.metric == "roll" else self.baseline + self.minimum_effect

    @property
    def starts_on(self) -> date:
        """First entry day."""
        return self.shares[0].valid_from

    @property
    def word(self) -> str:
        """What rules call the arm of a case."""
        return f"arm_{self.name}"

    def shares_on(self, day: date) -> Shares | None:
        """The shares for cases that enter on `day`; None before the first and after the end."""
        if self.ends_on is not None and day > self.ends_on:
            return None
        valid = [each for each in self.shares if each.valid_from <= day]
        return valid[-1] if valid else None

    def periods(self) -> Iterator[tuple[Shares, date | None]]:
        """Each shares with the first entry day that they are no more for (None: open), in order."""
        end = None if self.ends_on is None else self.ends_on + timedelta(days=1)
        for position, each in enumerate(self.shares):
            following = self.shares[position + 1].valid_from if position + 1 < len(self.shares) else None
            before = min((day for day in (following, end) if day is not None), default=None)
            if before is None or each.valid_from < before:
                yield each, before


class Experiments(RuleModel):
    """What is tried on a share of the customers; none is legal."""

    experiments: tuple[Experiment, ...] = ()

    @model_validator(mode="after")
    def _one_of_a_name(self) -> Experiments:
        seen: set[str] = set()
        for position, each in enumerate(self.experiments):
            if each.name in seen:
                raise PlacedError(f"one experiment of a name; {each.name} comes again", "experiments", position, "name")
            seen.add(each.name)
        return self

    def __iter__(self) -> Iterator[Experiment]:  # type: ignore[override]
        return iter(self.experiments)

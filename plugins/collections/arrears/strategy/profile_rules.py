"""`profile.yaml`: risk points of the customer's profile, and their band."""

from __future__ import annotations

from decimal import Decimal

from pydantic import model_validator

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import PlacedError, RuleModel

_POINTS = "profile_points"


class ProfileRules(RuleModel):
    """How the profile refines the treatment."""

    points: DecisionTable
    """Risk points, which add up to the cap at most: what kind of person somebody is never outweighs what he owes."""
    band: DecisionTable
    """The band of the points, which the tables of treatments read."""

    @model_validator(mode="after")
    def _weight_is_capped(self) -> ProfileRules:
        points = self.points
        points.require("points", _POINTS, {_POINTS: "number"})
        self.band.require("band", "profile", {"profile_band": "text"})
        if points.hit != "collect":
            raise PlacedError("hit: collect, because the points of a profile add up", "points", "hit")
        if points.cap is None or points.floor is None:
            raise PlacedError("a floor and a cap on the weight of a profile", "points")
        most = sum((max(_points(rule.then[_POINTS]), Decimal(0)) for rule in points.rules), _points_default(points))
        if points.cap > most:
            raise PlacedError(f"a cap that can be reached; all points together are {most}", "points", "cap")
        return self


def _points_default(points: DecisionTable) -> Decimal:
    return _points(points.default[_POINTS]) if points.default else Decimal(0)


def _points(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))

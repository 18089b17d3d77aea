"""`scores.yaml`: which model serves which stage, how old a score may be, and its bands."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, field_validator, model_validator
from sqlglot import exp

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import PlacedError, RuleModel

Role = Literal["collection", "lost_contact", "roll_rate"]


class Stage(RuleModel):
    """A range of buckets that one set of models serves."""

    stage: Literal["M0M1", "M1M4", "M4+"]
    from_bucket: Annotated[int, Field(ge=0)]
    to_bucket: Annotated[int, Field(ge=0)] | None = None


class ScoreModel(RuleModel):
    """The model that plays a role in a stage."""

    role: Role
    stage: Literal["M0M1", "M1M4", "M4+"]
    model: Annotated[str, Field(min_length=1)]
    max_age_days: Annotated[int, Field(ge=0)]


class Band(RuleModel):
    """One band of a score, from its lowest score on."""

    band: Literal["low", "medium", "high"]
    from_score: float


class ScoreRules(RuleModel):
    """How scores are chosen and banded."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    models: tuple[ScoreModel, ...]
    bands: dict[Role, Annotated[tuple[Band, ...], Field(min_length=1)]]
    view: DecisionTable

    @field_validator("stages")
    @classmethod
    def _stages_follow_each_other(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        expected = 0
        for position, each in enumerate(stages):
            if each.from_bucket != expected:
                kind = "overlap" if each.from_bucket < expected else "gap"
                raise PlacedError(
                    f"no {kind} between stages: {each.stage} should begin with bucket {expected}",
                    position,
                    "from_bucket",
                )
            if (position == len(stages) - 1) != (each.to_bucket is None):
                raise PlacedError(f"to_bucket in every stage but the last, not so at {each.stage}", position)
            if each.to_bucket is not None:
                if each.to_bucket < each.from_bucket:
                    raise PlacedError(
                        f"{each.stage} to end with bucket {each.from_bucket} or later", position, "to_bucket"
                    )
                expected = each.to_bucket + 1
        return stages

    @field_validator("bands")
    @classmethod
    def _bands_ascend(cls, bands: dict[Role, tuple[Band, ...]]) -> dict[Role, tuple[Band, ...]]:
        for role, each in bands.items():
            for position, (lower, upper) in enumerate(pairwise(each), start=1):
                if upper.from_score <= lower.from_score:
                    raise PlacedError(
                        f"bands in ascending order; {role} {upper.band} begins at {upper.from_score}, "
                        f"which is not above {lower.from_score}",
                        role,
                        position,
                    )
        return bands

    @model_validator(mode="after")
    def _one_model_each(self) -> ScoreRules:
        seen: set[tuple[str, str]] = set()
        for position, each in enumerate(self.models):
            if (each.role, each.stage) in seen:
                message = f"one model for a role and stage; {each.role} in {each.stage} has two"
                raise PlacedError(message, "models", position)
            seen.add((each.role, each.stage))
        missing = {"collection", "lost_contact", "roll_rate"} - set(self.bands)
        if missing:
            raise ValueError(f"bands for every role; {', '.join(sorted(missing))} has none")
        return self


def stage_relation(rules: ScoreRules) -> pa.Table:
    """The stages as a table: stage, from_bucket, to_bucket (NULL: open)."""
    return pa.table(
        {
            "stage": pa.array([each.stage for each in rules.stages], pa.string()),
            "from_bucket": pa.array([each.from_bucket for each in rules.stages], pa.int32()),
            "to_bucket": pa.array([each.to_bucket for each in rules.stages], pa.int32()),
        }
    )


def model_relation(rules: ScoreRules) -> pa.Table:
    """The models as a table: role, stage, model, max_age_days."""
    return pa.table(
        {
            "role": pa.array([each.role for each in rules.models], pa.string()),
            "stage": pa.array([each.stage for each in rules.models], pa.string()),
            "model": pa.array([each.model for each in rules.models], pa.string()),
            "max_age_days": pa.array([each.max_age_days for each in rules.models], pa.int32()),
        }
    )


def band_columns(rules: ScoreRules) -> list[exp.Expr]:
    """A column `<role>_band` for each score: the last band whose score is reached; `unknown` without a score."""
    columns: list[exp.Expr] = []
    for role, bands in sorted(rules.bands.items()):
        score = exp.column(f"{role}_score")
        case = exp.Case().when(exp.Is(this=score.copy(), expression=exp.null()), exp.Literal.string("unknown"))
        for band in reversed(bands[1:]):
            reached = exp.GTE(this=score.copy(), expression=exp.Literal.number(str(band.from_score)))
            case = case.when(reached, exp.Literal.string(band.band))
        columns.append(exp.alias_(case.else_(exp.Literal.string(bands[0].band)), f"{role}_band"))
    return columns

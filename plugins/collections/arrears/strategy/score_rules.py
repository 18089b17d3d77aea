"""`scores.yaml`: which model serves which stage, how old a score may be, what takes its place, and the bands."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Final, Literal, get_args

import pyarrow as pa
from pydantic import Field, field_validator, model_validator
from sqlglot import exp

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import PlacedError, RuleModel

Role = Literal["collection", "lost_contact", "roll_rate"]
StageName = Literal["M0M1", "M1M4", "M4+"]
BandName = Literal["low", "medium", "high"]

UNKNOWN: Final = "unknown"
"""The band of a contract without a score, unless the rules say otherwise."""


class Stage(RuleModel):
    """A range of buckets that one set of models serves."""

    stage: StageName
    """Stage of the scores in the ledger."""
    from_bucket: Annotated[int, Field(ge=0)]
    """First bucket by number: 0 is M0."""
    to_bucket: Annotated[int, Field(ge=0)] | None = None
    """Last bucket by number; only the last stage has none."""


class Band(RuleModel):
    """One band of a score, from its lowest score on; the first one holds all lower scores as well."""

    band: BandName
    """What conditions ask for."""
    from_score: Annotated[Decimal, Field(allow_inf_nan=False)]
    """Lowest score of the band."""


Bands = Annotated[tuple[Band, ...], Field(min_length=1)]


class StandIn(RuleModel):
    """A model that takes the place of one whose score is missing or too old."""

    model: Annotated[str, Field(min_length=1)]
    """Model of the scores in the ledger; the same one again, to use a score that is older."""
    of_stage: StageName | None = None
    """Stage of the scores that it takes; default the stage that it serves."""
    max_age_days: Annotated[int, Field(ge=0)]
    """How old its score may be; 0 is a score of the day itself."""
    bands: Bands | None = None
    """Bands of its own, for another scale; default those of the role."""


class ScoreModel(RuleModel):
    """The model that plays a role in a stage."""

    role: Role
    """What the score says: who pays, who is hard to reach 失联, who rolls on 滚动率."""
    stage: StageName
    """The stage that it serves."""
    model: Annotated[str, Field(min_length=1)]
    """Model of the scores in the ledger."""
    max_age_days: Annotated[int, Field(ge=0)]
    """How old its score may be; 0 is a score of the day itself."""
    instead: tuple[StandIn, ...] = ()
    """What takes its place, in this order, when it has no score that is new enough."""
    otherwise: Literal["low", "medium", "high", "unknown"] = UNKNOWN
    """The band when there is no such score at all."""


class ScoreRules(RuleModel):
    """How scores are chosen and banded."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """Every bucket is in one stage."""
    models: tuple[ScoreModel, ...]
    """One for each role and stage. A role that has no model at all is unknown everywhere."""
    bands: dict[Role, Bands]
    """Bands of each role's scores."""
    view: DecisionTable
    """What the scores say together."""

    @field_validator("stages")
    @classmethod
    def _stages_follow_each_other(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        expected = 0
        names: set[str] = set()
        for position, each in enumerate(stages):
            if each.stage in names:
                raise PlacedError(f"stages once each; {each.stage} comes again", position, "stage")
            names.add(each.stage)
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

    @model_validator(mode="after")
    def _complete(self) -> ScoreRules:
        missing = sorted(set(get_args(Role)) - set(self.bands))
        if missing:
            raise PlacedError(f"bands for every role; {', '.join(missing)} has none", "bands")
        for role, bands in self.bands.items():
            _check_bands(role, bands, "bands", role)
        self._check_models()
        self.view.require("view", "score", {"score_view": "text"})
        return self

    def _check_models(self) -> None:
        stages = [each.stage for each in self.stages]
        served: dict[str, set[str]] = {}
        for position, each in enumerate(self.models):
            at = ("models", position)
            _check_stage(each.stage, stages, *at, "stage")
            if each.stage in served.setdefault(each.role, set()):
                raise PlacedError(f"one model for a role and stage; {each.role} in {each.stage} has two", *at)
            served[each.role].add(each.stage)
            _check_stand_ins(each, stages, position)
        for role, found in served.items():
            for stage in stages:
                if stage not in found:
                    raise PlacedError(f"a model in every stage for {role}; {stage} has none", "models")


def _check_stage(stage: str, stages: list[StageName], *at: str | int) -> None:
    if stage not in stages:
        raise PlacedError(f"one of the stages {', '.join(stages)}, not {stage}", *at)


def _check_stand_ins(model: ScoreModel, stages: list[StageName], position: int) -> None:
    oldest = {(model.model, model.stage): model.max_age_days}
    for number, each in enumerate(model.instead):
        at = ("models", position, "instead", number)
        stage = each.of_stage or model.stage
        _check_stage(stage, stages, *at, "of_stage")
        if each.max_age_days <= oldest.get((each.model, stage), -1):
            days = oldest[each.model, stage]
            message = f"a stand-in that can be reached: {each.model} of {stage} up to {days} days old comes before it"
            raise PlacedError(message, *at, "max_age_days")
        oldest[each.model, stage] = each.max_age_days
        if each.bands is not None:
            _check_bands(f"{model.role} by {each.model}", each.bands, *at, "bands")


def _check_bands(whose: str, bands: tuple[Band, ...], *at: str | int) -> None:
    order = list(get_args(BandName))
    for position, (lower, upper) in enumerate(pairwise(bands), start=1):
        if upper.from_score <= lower.from_score:
            raise PlacedError(
                f"bands in ascending order; {whose} {upper.band} begins at {upper.from_score}, "
                f"which is not above {lower.from_score}",
                *at,
                position,
            )
        if order.index(upper.band) <= order.index(lower.band):
            raise PlacedError(
                f"bands once each, in the order {', '.join(order)}; {whose} has {upper.band} after {lower.band}",
                *at,
                position,
            )


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
    """The models as a table: role, stage, choice (0: the stage's own), model, of_stage, max_age_days."""
    rows = [row for each in rules.models for row in _choices(each)]
    schema = pa.schema(
        [
            ("role", pa.string()),
            ("stage", pa.string()),
            ("choice", pa.int32()),
            ("model", pa.string()),
            ("of_stage", pa.string()),
            ("max_age_days", pa.int32()),
        ]
    )
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def _choices(model: ScoreModel) -> Iterator[tuple[str, str, int, str, str, int]]:
    yield model.role, model.stage, 0, model.model, model.stage, model.max_age_days
    for choice, each in enumerate(model.instead, start=1):
        yield model.role, model.stage, choice, each.model, each.of_stage or model.stage, each.max_age_days


def band_columns(rules: ScoreRules) -> list[exp.Expr]:
    """Columns `<role>_band` and `<role>_stand_in` for each score.

    The band is the last one whose score is reached, by the bands of the model that served. A stand-in is a score of
    another choice than the stage's own model, or a band that the rules give to a contract without a score.
    """
    columns: list[exp.Expr] = []
    for role, bands in sorted(rules.bands.items()):
        models = [each for each in rules.models if each.role == role]
        columns.append(exp.alias_(_band(role, bands, models), f"{role}_band"))
        columns.append(exp.alias_(_stand_in(role, models), f"{role}_stand_in"))
    return columns


def _band(role: str, bands: tuple[Band, ...], models: list[ScoreModel]) -> exp.Expr:
    score, choice = exp.column(f"{role}_score"), exp.column(f"{role}_choice")
    without = exp.Is(this=score.copy(), expression=exp.null())
    case = exp.Case()
    for model in models:
        if model.otherwise != UNKNOWN:
            case = case.when(exp.and_(without.copy(), _in_stage(model)), exp.Literal.string(model.otherwise))
    case = case.when(without, exp.Literal.string(UNKNOWN))
    for model in models:
        for number, each in enumerate(model.instead, start=1):
            if each.bands is not None:
                served = exp.and_(_in_stage(model), exp.EQ(this=choice.copy(), expression=exp.Literal.number(number)))
                for band in reversed(each.bands[1:]):
                    case = case.when(exp.and_(served.copy(), _reached(score, band)), exp.Literal.string(band.band))
                case = case.when(served, exp.Literal.string(each.bands[0].band))
    for band in reversed(bands[1:]):
        case = case.when(_reached(score, band), exp.Literal.string(band.band))
    return case.else_(exp.Literal.string(bands[0].band))


def _stand_in(role: str, models: list[ScoreModel]) -> exp.Expr:
    score, choice = exp.column(f"{role}_score"), exp.column(f"{role}_choice")
    case = exp.Case().when(exp.GT(this=choice, expression=exp.Literal.number(0)), exp.true())
    for model in models:
        if model.otherwise != UNKNOWN:
            without = exp.Is(this=score.copy(), expression=exp.null())
            case = case.when(exp.and_(without, _in_stage(model)), exp.true())
    return case.else_(exp.false())


def _in_stage(model: ScoreModel) -> exp.Expr:
    return exp.EQ(this=exp.column("score_stage"), expression=exp.Literal.string(model.stage))


def _reached(score: exp.Column, band: Band) -> exp.Expr:
    return exp.GTE(this=score.copy(), expression=exp.Literal.number(f"{band.from_score:f}"))

"""`preview.yaml`: how a preview measures the fairness of a change, and how much of it a report shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import pyarrow as pa
from pydantic import Field, model_validator

from arrears.rules.files import PlacedError, RuleModel
from arrears.rules.rule_set import RuleSet

FILE = "preview.yaml"

_AGE_BAND = pa.schema([("band", pa.string()), ("from_years", pa.int32()), ("to_years", pa.int32())])


class AgeBand(RuleModel):
    """A band of ages; it ends where the next one begins."""

    band: Annotated[str, Field(min_length=1)]
    """What the band is called."""
    from_years: Annotated[int, Field(ge=0, le=120)]
    """Youngest age in whole years."""


class FairnessRules(RuleModel):
    """How the treatment of profile groups is compared."""

    alert_below: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.80")
    """An attribute whose ratio is below this is an alert."""
    harsh_from_intensity: Annotated[int, Field(ge=1, le=5)] = 4
    """Treatments of this intensity and above count as harsh."""
    min_group_cases: Annotated[int, Field(ge=5)] = 30
    """Groups with fewer cases are not shown."""
    age_bands: Annotated[tuple[AgeBand, ...], Field(min_length=1)]
    """Bands of ages, the youngest first."""

    @model_validator(mode="after")
    def _bands_in_order(self) -> FairnessRules:
        for position, band in enumerate(self.age_bands):
            if position == 0 and band.from_years != 0:
                raise PlacedError("the first band from 0 years on", "age_bands", 0)
            if position and band.from_years <= self.age_bands[position - 1].from_years:
                raise PlacedError("bands in the order of their ages", "age_bands", position)
        return self


class PreviewReportRules(RuleModel):
    """How much a report shows; the files beside it have everything."""

    listed_cases: Annotated[int, Field(ge=0, le=1000)] = 50
    """Changed cases in the report, the largest first."""
    flow_states: Annotated[int, Field(ge=4, le=40)] = 20
    """States of a dimension in the pictures; the smallest beyond them are put together."""


class PreviewRules(RuleModel):
    """`preview.yaml`."""

    fairness: FairnessRules
    report: PreviewReportRules = PreviewReportRules()


def preview_rules(rules: RuleSet) -> PreviewRules:
    """The preview's rules of a rule set."""
    return rules.load(FILE, PreviewRules)


def age_band_relation(rules: PreviewRules) -> pa.Table:
    """The age bands as SQL reads them: band, from_years, to_years (the first age that is not in it; NULL: open)."""
    bands = rules.fairness.age_bands
    ends = [band.from_years for band in bands[1:]] + [None]
    rows = [
        {"band": band.band, "from_years": band.from_years, "to_years": end}
        for band, end in zip(bands, ends, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=_AGE_BAND)

"""Views of the arms of experiments: rates with their intervals, differences to the champion, and when to read them.

Every figure is about matured cases, those whose days have passed. The size of the sample is settled when the
experiment is declared, and the result is for reading once that size is reached: an interval that is looked at every
day until it leaves out 0 does so by chance far more often than alpha says (P. Armitage, C. K. McPherson and B. C. Rowe,
"Repeated significance tests on accumulating data", J. R. Statist. Soc. A 132, 1969). So the verdict is NULL until then.

Formulas, z being the normal quantile of the experiment's alpha:

- share p = x / n: the score interval of E. B. Wilson, "Probable inference, the law of succession, and statistical
  inference", J. Amer. Statist. Assoc. 22 (1927): (p + z²/2n ± z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n).
- difference of two shares: method 10 of R. G. Newcombe, "Interval estimation for the difference between independent
  proportions", Statist. Med. 17 (1998), from the Wilson limits l and u of both:
  d - √((p1 - l1)² + (u2 - p2)²) to d + √((u1 - p1)² + (p2 - l2)²).
- mean m = Σx / n: m ± z √(s²/n) with s² = (Σx² - n m²) / (n - 1); difference of two means: d ± z √(s1²/n1 + s2²/n2)
  (the central limit theorem; both variances their own).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from arrears.warehouse.mart import ArmResult

_FIGURE = sa.Numeric(18, 6)
_REAL = sa.Double

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True)
class _Measure:
    name: str
    sum: str
    squares: str | None
    """Column of the sum of squares; None for a share."""
    what: str
    formula: str


_MEASURES = (
    _Measure("cure_rate", "cured_cases", None, "Cure rate", "cured_cases / matured_cases"),
    _Measure("roll_rate", "rolled_cases", None, "Roll rate", "rolled_cases / matured_cases"),
    _Measure(
        "recovered_per_case",
        "recovered_amount",
        "recovered_squares",
        "Recovered per case",
        "recovered_amount / matured_cases",
    ),
    _Measure("contacts_per_case", "contacts", "contact_squares", "Contacts per case", "contacts / matured_cases"),
)
METRIC_MEASURE = {"cure": "cure_rate", "roll": "roll_rate", "recovered": "recovered_per_case"}
"""What an experiment declares as its metric → the column that it is judged by."""


def _real(column: Any) -> Expression:
    return sa.cast(column, _REAL)


def _quotient(part: Any, whole: Any) -> Expression:
    quotient: Expression = part / sa.func.nullif(whole, 0)
    return quotient


def _wilson(share: Expression, cases: Expression, z: Expression, sign: int) -> Expression:
    middle = share + _quotient(z * z, 2 * cases)
    half = z * sa.func.sqrt(
        sa.func.greatest(_quotient(share * (1 - share), cases) + _quotient(z * z, 4 * cases * cases), 0)
    )
    return (middle + sign * half) / (1 + _quotient(z * z, cases))


def _variance(total: Expression, squares: Expression, cases: Expression) -> Expression:
    """Of the mean; NULL for fewer than two cases."""
    spread = sa.func.greatest(squares - _quotient(total * total, cases), 0)
    return _quotient(_quotient(spread, cases - 1), cases)


def _totals(*, by_period: bool) -> sa.CTE:
    fact = ArmResult
    keys: list[Any] = [fact.as_of, fact.basis, fact.experiment, *([fact.shares_from] if by_period else []), fact.arm]
    ratio = sa.cast(_quotient(fact.share, fact.champion_share), _FIGURE)
    whole = [
        sa.cast(sa.func.sum(column), sa.BigInteger).label(column.key)
        for column in (fact.cases, fact.matured_cases, fact.cured_cases, fact.rolled_cases)
    ]
    return (
        sa.select(
            *keys,
            fact.is_champion,
            fact.metric,
            fact.within_days,
            fact.z_value,
            *whole,
            sa.cast(sa.func.sum(fact.recovered_amount), sa.Numeric(18, 2)).label("recovered_amount"),
            sa.func.sum(fact.recovered_squares).label("recovered_squares"),
            sa.cast(sa.func.sum(fact.contacts), sa.BigInteger).label("contacts"),
            sa.func.sum(fact.contact_squares).label("contact_squares"),
            sa.func.max(fact.required_cases).label("required_cases"),
            sa.cast(sa.func.sum(fact.entry_days), sa.BigInteger).label("entry_days"),
            sa.func.bool_or(fact.takes_cases).label("takes_cases"),
            # of the periods that count: an arm whose share against the champion's changed compares cases of other times
            sa.func.count(ratio.distinct()).filter(fact.cases > 0).label("proportions"),
        )
        .group_by(*keys, fact.is_champion, fact.metric, fact.within_days, fact.z_value)
        .cte("totals")
    )


def arm_select(*, by_period: bool) -> sa.Select[*tuple[Any, ...]]:
    """The results per experiment and arm, of all cases or per period of shares."""
    totals = _totals(by_period=by_period)
    keys = ["as_of", "basis", "experiment", *(["shares_from"] if by_period else []), "arm"]
    measured = _measured(totals, keys)
    own, champion = measured, measured.alias("champion")
    same = [own.c[key] == champion.c[key] for key in keys[:-1]]
    columns: list[Any] = [own.c[key] for key in keys]
    columns += [
        own.c[name] for name in ("is_champion", "metric", "within_days", "cases", "matured_cases", "required_cases")
    ]
    columns += [own.c[name] for name in ("cured_cases", "rolled_cases", "recovered_amount", "contacts")]
    for each in _MEASURES:
        columns += [sa.cast(own.c[f"{each.name}{end}"], _FIGURE).label(f"{each.name}{end}") for end in _ENDS]
        columns += [
            sa.cast(sa.case((own.c.is_champion, None), else_=figure), _FIGURE).label(f"{each.name}_difference{end}")
            for end, figure in _differences(each, own, champion).items()
        ]
    readable = _readable(own, champion)
    columns += [
        readable.label("readable"),
        _verdict(own, champion, readable).label("verdict"),
        _readable_from(own, champion, readable).label("readable_from"),
        _note(own, champion, by_period=by_period).label("reading_note"),
    ]
    return sa.select(*columns).select_from(sa.outerjoin(own, champion, sa.and_(champion.c.is_champion, *same)))


_ENDS = ("", "_low", "_high")


def _measured(totals: sa.CTE, keys: list[str]) -> sa.CTE:
    cases, z = _real(totals.c.matured_cases), totals.c.z_value
    columns: list[Any] = [column for column in totals.columns if column.key != "proportions"]
    # a challenger whose share changed makes the champion's cases no comparison either
    whole = sa.func.max(totals.c.proportions).over(partition_by=[totals.c[key] for key in keys[:-1]])
    columns.append(whole.label("proportions"))
    for each in _MEASURES:
        total = _real(totals.c[each.sum])
        mean = _quotient(total, cases)
        if each.squares is None:
            columns += [
                mean.label(each.name),
                _wilson(mean, cases, z, -1).label(f"{each.name}_low"),
                _wilson(mean, cases, z, 1).label(f"{each.name}_high"),
            ]
        else:
            variance = _variance(total, _real(totals.c[each.squares]), cases)
            half = z * sa.func.sqrt(variance)
            columns += [
                mean.label(each.name),
                (mean - half).label(f"{each.name}_low"),
                (mean + half).label(f"{each.name}_high"),
                variance.label(f"{each.name}_variance"),
            ]
    return sa.select(*columns).cte("measured")


def _differences(each: _Measure, own: Any, champion: Any) -> dict[str, Expression]:
    p1, p2 = own.c[each.name], champion.c[each.name]
    if each.squares is not None:
        half = own.c.z_value * sa.func.sqrt(own.c[f"{each.name}_variance"] + champion.c[f"{each.name}_variance"])
        return {"": p1 - p2, "_low": p1 - p2 - half, "_high": p1 - p2 + half}
    l1, u1 = own.c[f"{each.name}_low"], own.c[f"{each.name}_high"]
    l2, u2 = champion.c[f"{each.name}_low"], champion.c[f"{each.name}_high"]

    def distance(first: Expression, second: Expression) -> Expression:
        return sa.func.sqrt(first * first + second * second)

    return {
        "": p1 - p2,
        "_low": p1 - p2 - distance(p1 - l1, u2 - p2),
        "_high": p1 - p2 + distance(u1 - p1, p2 - l2),
    }


def _enough(arm: Any) -> Expression:
    return sa.func.coalesce(arm.c.matured_cases >= arm.c.required_cases, sa.false())


def _readable(own: Any, champion: Any) -> Expression:
    return sa.and_(_enough(own), _enough(champion), own.c.proportions <= 1)


def _verdict(own: Any, champion: Any, readable: Expression) -> Expression:
    low, high = (
        sa.case(
            *(
                (own.c.metric == metric, _differences(each, own, champion)[end])
                for metric, name in METRIC_MEASURE.items()
                for each in _MEASURES
                if each.name == name
            )
        )
        for end in ("_low", "_high")
    )
    # less rolling is better, more of the others
    gain_low = sa.case((own.c.metric == "roll", -high), else_=low)
    gain_high = sa.case((own.c.metric == "roll", -low), else_=high)
    return sa.case(
        (sa.or_(own.c.is_champion, sa.not_(readable)), None),
        (gain_low > 0, "better"),
        (gain_high < 0, "worse"),
        else_="no difference found",
    )


def _readable_from(own: Any, champion: Any, readable: Expression) -> Expression:
    def reached(arm: Any) -> Expression:
        missing = sa.func.greatest(arm.c.required_cases - arm.c.cases, 0)
        days = sa.func.ceil(_quotient(sa.cast(missing * arm.c.entry_days, sa.Numeric), arm.c.cases))
        return sa.case(
            # no more than ten years ahead: dates end somewhere, and plans before
            (arm.c.required_cases.is_(None), None),
            (sa.and_(missing > 0, sa.or_(sa.not_(arm.c.takes_cases), days > 3650)), None),
            (_enough(arm), arm.c.as_of),
            else_=arm.c.as_of + sa.cast(days, sa.Integer) + arm.c.within_days + 1,
        )

    first, second = reached(own), reached(champion)
    return sa.cast(
        sa.case(
            (readable, own.c.as_of),
            (sa.or_(own.c.proportions > 1, first.is_(None), second.is_(None)), None),
            else_=sa.func.greatest(first, second),
        ),
        sa.Date,
    )


def _note(own: Any, champion: Any, *, by_period: bool) -> Expression:
    short = sa.case((_enough(own), champion.c.arm), else_=own.c.arm)
    has = sa.case((_enough(own), champion.c.matured_cases), else_=own.c.matured_cases)
    asked = sa.case((_enough(own), champion.c.required_cases), else_=own.c.required_cases)
    missing = sa.func.concat(
        has, " of the ", asked, " cases that it needs have passed their ", own.c.within_days, " days in arm ", short
    )
    closed = sa.or_(
        sa.and_(sa.not_(own.c.takes_cases), own.c.cases < own.c.required_cases),
        sa.and_(sa.not_(champion.c.takes_cases), champion.c.cases < champion.c.required_cases),
    )
    ending = sa.case((closed, ", and no more enter: it cannot be read"), else_=": not yet to be read")
    nothing = sa.or_(own.c.required_cases.is_(None), champion.c.required_cases.is_(None))
    changed = own.c.proportions > 1
    return sa.case(
        (nothing, "Compared with nothing: champion and challenger have no shares at the same time."),
        *([] if by_period else [(changed, "Shares changed: read each period by itself, in v_arm_period_result.")]),
        (
            sa.or_(own.c.matured_cases == 0, champion.c.matured_cases == 0),
            sa.func.concat("Not matured: no case of one arm has passed its ", own.c.within_days, " days."),
        ),
        (sa.or_(sa.not_(_enough(own)), sa.not_(_enough(champion))), sa.func.concat(missing, ending, ".")),
        else_=sa.func.concat("May be read: the sample asked for is there. Judge by ", own.c.metric, ", once."),
    )


def column_texts() -> dict[str, str]:
    """What the columns are, but for the keys."""
    texts = {
        "is_champion": "Whether the other arms are compared to it.",
        "metric": "What decides: cure, roll, or recovered.",
        "within_days": "Days after entry in which a case's result is measured.",
        "cases": "Cases that entered.",
        "matured_cases": "Of them those whose days have passed; all figures are about these.",
        "required_cases": "Matured cases that the power calculation asks for.",
        "cured_cases": "Cases that were over within the days, and not by a write-off.",
        "rolled_cases": "Cases that reached a higher bucket than at entry within the days.",
        "recovered_amount": "What the cases paid of what was overdue, from entry to the end of the days.",
        "contacts": "Contact attempts from entry to the end of the days.",
    }
    for each in _MEASURES:
        interval = "Wilson's score interval" if each.squares is None else "Normal interval"
        difference = "Newcombe's interval" if each.squares is None else "Normal interval"
        texts |= {
            each.name: f"{each.what}: {each.formula}.",
            f"{each.name}_low": f"{interval}, lower end.",
            f"{each.name}_high": f"{interval}, upper end.",
            f"{each.name}_difference": "Difference to the champion; NULL for the champion.",
            f"{each.name}_difference_low": f"{difference} of the difference, lower end.",
            f"{each.name}_difference_high": f"{difference} of the difference, upper end.",
        }
    return texts | {
        "readable": "Whether arm and champion have the cases that the power calculation asks for, under even shares.",
        "verdict": "By the metric, against the champion: better, worse, no difference found; NULL until readable.",
        "readable_from": "Day from which it may be read at the present rate of entries; NULL: not foreseeable.",
        "reading_note": "Whether it may be read, and if not, why.",
    }

"""`arrears strategy experiments` and `arrears strategy power`: what is tried, and how many cases it needs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from arrears.strategy.experiment_power import Need
    from arrears.strategy.experiment_rate import EntryRate
    from arrears.strategy.experiment_rules import Experiment


def experiments(
    rules: Annotated[Path | None, typer.Option("--rules", help="Folder of the files; default ARREARS_RULES.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Day of the rules and shares; default today.")
    ] = None,
) -> None:
    """List the experiments: arms, shares, the cases that they need, and how long that takes at today's entries."""
    from arrears.day import parse_day
    from arrears.lake import Lake
    from arrears.rules.rule_set import load_rule_set
    from arrears.settings import load_settings
    from arrears.strategy.experiment_arms import experiments_of
    from arrears.strategy.experiment_power import present_need
    from arrears.strategy.experiment_rate import entry_rate

    settings = load_settings()
    day = parse_day(as_of, where="--as-of") if as_of else settings.acting_clock().today()
    declared = list(experiments_of(load_rule_set(rules or settings.rules, day)))
    if not declared:
        typer.echo("no experiments")
        return
    rate = entry_rate(Lake(settings.lake_root), day)
    for number, each in enumerate(declared):
        typer.echo("" if number else _rate_text(rate))
        asked = present_need(each, day)
        typer.echo(f"{each.name}: {each.hypothesis}")
        typer.echo(f"  owner {each.owner}; {_period(each, day)}")
        for arm, meaning in each.arms.items():
            share = asked.shares.arms.get(arm)
            role = "champion" if arm == each.champion else "challenger"
            typer.echo(f"  {arm} ({role}, {float(share or 0):.1%}): {meaning}")
        _show_need(each, asked, rate)


def power(
    baseline: Annotated[float, typer.Option("--baseline", help="What the champion is expected to give.")],
    effect: Annotated[float, typer.Option("--effect", help="Smallest difference that is worth finding.")],
    shares: Annotated[
        str, typer.Option("--shares", help="Shares of new cases, the champion's first: 0.9,0.1 or 0.8,0.1,0.1.")
    ],
    metric: Annotated[str, typer.Option("--metric", help="cure, roll, or recovered.")] = "cure",
    within_days: Annotated[int, typer.Option("--within-days", help="Days after entry that are measured.")] = 30,
    deviation: Annotated[float | None, typer.Option("--deviation", help="For recovered: the spread per case.")] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Chance of a false alarm, two-sided.")] = 0.05,
    power: Annotated[float, typer.Option("--power", help="Chance of finding the effect.")] = 0.8,
    per_day: Annotated[float | None, typer.Option("--per-day", help="New cases a day; default from the lake.")] = None,
) -> None:
    """Calculate how many cases an experiment would need, before it is declared."""
    from arrears.lake import Lake
    from arrears.settings import load_settings
    from arrears.strategy.experiment_power import need
    from arrears.strategy.experiment_rate import EntryRate, entry_rate

    settings = load_settings()
    today = settings.acting_clock().today()
    trial = _trial(
        shares,
        today,
        metric=metric,
        within_days=within_days,
        baseline=baseline,
        minimum_effect=effect,
        standard_deviation=deviation,
        alpha=alpha,
        power=power,
    )
    rate = EntryRate(per_day, today, 1, True) if per_day else entry_rate(Lake(settings.lake_root), today)
    _show_need(trial, need(trial, trial.shares[0]), rate)


def _trial(shares: str, today: date, **figures: Any) -> Experiment:
    from pydantic import ValidationError

    from arrears.errors import RulesError
    from arrears.strategy.experiment_rules import Experiment

    parts = [part.strip() for part in shares.split(",")]
    names = ["champion", *(f"challenger{n}" if len(parts) > 2 else "challenger" for n in range(1, len(parts)))]
    try:
        return Experiment.model_validate(
            {
                "name": "it",
                **dict.fromkeys(("hypothesis", "owner", "reason"), "-"),
                "arms": dict.fromkeys(names, "-"),
                "shares": [{"valid_from": today, **dict(zip(names, parts, strict=True))}],
                **figures,
            }
        )
    except ValidationError as invalid:
        problem = invalid.errors()[0]
        raise RulesError(
            expected=str(problem["msg"]).removeprefix("Value error, "),
            found=f"{problem['input']!r}" if problem["loc"] else shares,
            where=f"the option of {'.'.join(str(part) for part in problem['loc']) or 'the experiment'}",
            action="Correct the figure; shares are written 0.9,0.1 and add up to 1 at most.",
        ) from None


def _show_need(experiment: Experiment, asked: Need, rate: EntryRate | None) -> None:
    from arrears.strategy.check_experiments import power_text

    if not asked.required:
        typer.echo("  compared with nothing: champion and challenger have no shares at the same time")
        return
    typer.echo(f"  {power_text(experiment, asked)}")
    days = asked.days(rate.per_day) if rate else None
    if rate is None or days is None:
        return
    whole = days + experiment.within_days
    bound = "" if rate.complete else "at most "
    typer.echo(
        f"  at {rate.per_day:,.1f} new cases a day: {bound}{days:,} days until they have entered, "
        f"{whole:,} until their {experiment.within_days} days have passed"
    )


def _rate_text(rate: EntryRate | None) -> str:
    if rate is None:
        return "new cases a day: not known, no day is in the lake"
    kind = "" if rate.complete else "at least "
    return f"new cases a day: {kind}{rate.per_day:,.1f} (the {rate.days} days before {rate.as_of.isoformat()})"


def _period(experiment: Experiment, day: date) -> str:
    ends = experiment.ends_on
    if day < experiment.starts_on:
        return f"begins on {experiment.starts_on.isoformat()}"
    if ends is not None and day > ends:
        done = ends + timedelta(days=experiment.within_days)
        return f"took cases until {ends.isoformat()}, the last are measured until {done.isoformat()}"
    until = f" until {ends.isoformat()}" if ends else ""
    return f"takes cases since {experiment.starts_on.isoformat()}{until}"

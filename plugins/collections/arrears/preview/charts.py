"""A preview's charts (Altair): each function takes rows and gives a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from arrears.vega import INK, Spec, inline, styled

Row = Mapping[str, Any]

BEFORE, AFTER = "present 现行", "changed 变更后"
_COLOURS = {BEFORE: "#9fb3c8", AFTER: "#2f6fb2"}


def heat_map(cells: Sequence[Row], states: Sequence[str]) -> Spec:
    """Cases by state before and after. Rows: before, after, cases, moved, stays."""
    most = max((cell["moved"] for cell in cells), default=1) or 1
    base = alt.Chart(inline(cells)).encode(
        x=alt.X(
            "after:N",
            sort=list(states),
            title="present 现行 ↓   changed 变更后 →",
            axis=alt.Axis(orient="top", labelAngle=-35, ticks=False, labelLimit=150),
        ),
        y=alt.Y("before:N", sort=list(states), title=None, axis=alt.Axis(ticks=False, labelLimit=170)),
    )
    rects = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.condition(
            alt.datum.stays,
            alt.value("#e4e7eb"),
            alt.Color("moved:Q", scale=alt.Scale(scheme="oranges", domain=[0, most], type="sqrt"), legend=None),
        ),
        tooltip=["before:N", "after:N", alt.Tooltip("cases:Q", format=",d")],
    )
    texts = base.mark_text(fontSize=11).encode(
        text=alt.Text("cases:Q", format=",d"),
        color=alt.condition(alt.datum.moved > most * 0.6, alt.value("white"), alt.value(INK)),
    )
    # room for the slanted name of the last state
    chart = alt.layer(rects, texts).properties(padding={"left": 5, "top": 5, "bottom": 5, "right": 70})
    return styled(chart, height=32 * max(2, len(states)))


def loads(rows: Sequence[Row], limits: Sequence[Row], title: str) -> Spec:
    """Two bars per name, before and after; a tick is the limit. Rows: name, side, value; name, limit."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    bars = (
        alt.Chart(inline(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(ticks=False, labelLimit=200)),
            yOffset=alt.YOffset("side:N", sort=[BEFORE, AFTER]),
            x=alt.X("value:Q", title=title, axis=alt.Axis(format=",d", tickMinStep=1, tickCount=6)),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["name:N", "side:N", alt.Tooltip("value:Q", format=",d")],
        )
    )
    ticks = (
        alt.Chart(inline(limits))
        .mark_tick(color="#c5413c", thickness=2, size=30)
        .encode(
            y=alt.Y("name:N", sort=names),
            x=alt.X("limit:Q"),
            tooltip=["name:N", alt.Tooltip("limit:Q", format=",d")],
        )
    )
    chart = alt.layer(bars, ticks) if limits else bars
    return styled(chart, height=max(90, 38 * len(names)))


def groups(rows: Sequence[Row], highest: float) -> Spec:
    """Mean intensity of an attribute's groups before and after. Rows: name, before, after, cases."""
    names = [row["name"] for row in rows]
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(ticks=False, labelLimit=150, grid=True))
    scale = alt.Scale(domain=[0, highest])
    axis = alt.Axis(tickCount=5, format=".1f")
    base = alt.Chart(inline(rows)).encode(y=y)
    tooltip = [
        "name:N",
        alt.Tooltip("cases:Q", format=",d"),
        alt.Tooltip("before:Q", format=".3f"),
        alt.Tooltip("after:Q", format=".3f"),
    ]
    lines = base.mark_rule(color="#9fb3c8", strokeWidth=2).encode(
        x=alt.X("before:Q", scale=scale, title="mean intensity 平均强度", axis=axis), x2="after:Q"
    )
    first = base.mark_point(size=60, color="#829ab1", filled=False, strokeWidth=2).encode(
        x=alt.X("before:Q", scale=scale), tooltip=tooltip
    )
    second = base.mark_point(size=60, color="#2f6fb2", filled=True, opacity=1).encode(
        x=alt.X("after:Q", scale=scale), tooltip=tooltip
    )
    return styled(alt.layer(lines, first, second), height=max(70, 24 * len(names)))

"""The report's charts (Altair): each function takes rows and gives a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from arrears.vega import BLUE, INK, MUTED, Row, Spec, inline, styled

# from calm to alarming, in the order of the buckets; the first is the current bucket
_RAMP = ("#8fb8de", "#f7d488", "#f2b35e", "#ea8c4b", "#dd6641", "#c5413c", "#a02838", "#741b33")
_PLAN = {
    "planned 计划": "#2f6fb2",
    "to approve 待审批": "#8fb8de",
    "blocked 合规拦截": "#c5413c",
    "cut 超上限": "#cbd2d9",
}


def bucket_colours(count: int) -> list[str]:
    """One colour a bucket; beyond the ramp the last one stays."""
    return [_RAMP[min(position, len(_RAMP) - 1)] for position in range(count)]


def distribution(rows: Sequence[Row], buckets: Sequence[str]) -> Spec:
    """Shares per bucket, by contracts and by balance. Rows: bucket, measure, share, text."""
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("bucket:N", sort=list(buckets), title=None, axis=alt.Axis(labelAngle=0, ticks=False)),
        xOffset=alt.XOffset("measure:N", sort=["contracts 户数", "balance 余额"]),
        y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5)),
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color(
            "measure:N",
            scale=alt.Scale(domain=["contracts 户数", "balance 余额"], range=[BLUE, "#e0a33a"]),
            legend=alt.Legend(title=None, orient="top"),
        ),
        tooltip=["bucket:N", "measure:N", alt.Tooltip("share:Q", format=".2%"), "text:N"],
    )
    labels = base.mark_text(dy=-6, fontSize=10, color=MUTED).encode(text=alt.Text("share:Q", format=".1%"))
    return styled(alt.layer(bars, labels), height=240)


def trend(rows: Sequence[Row], buckets: Sequence[str], height: int = 240) -> Spec:
    """Share of contracts in each overdue bucket over time, stacked. Rows: label, bucket, no, share, basis."""
    bars = len({row["label"] for row in rows})
    chart = (
        alt.Chart(inline(rows))
        .mark_bar(size=max(8, min(30, 380 // bars)))
        .encode(
            x=alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=-45, labelOverlap=True)),
            y=alt.Y("share:Q", stack="zero", title=None, axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color(
                "bucket:N",
                sort=list(buckets),
                scale=alt.Scale(domain=list(buckets), range=bucket_colours(len(buckets) + 1)[1:]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            order=alt.Order("no:Q"),
            tooltip=["label:N", "basis:N", "bucket:N", alt.Tooltip("share:Q", format=".2%"), "contracts:Q"],
        )
    )
    return styled(chart, height=height)


def roll_matrix(rows: Sequence[Row], froms: Sequence[str], tos: Sequence[str]) -> Spec:
    """Heat map of roll rates. Rows: from, to, rate, text."""
    base = alt.Chart(inline(rows)).encode(
        x=alt.X(
            "to:N", sort=list(tos), title="from 自 ↓   to 至 →", axis=alt.Axis(labelAngle=0, orient="top", ticks=False)
        ),
        y=alt.Y("from:N", sort=list(froms), title=None, axis=alt.Axis(ticks=False)),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color("rate:Q", scale=alt.Scale(scheme="orangered", domain=[0, 1], type="sqrt"), legend=None),
        tooltip=["from:N", "to:N", alt.Tooltip("rate:Q", format=".2%"), "text:N"],
    )
    texts = base.mark_text(fontSize=11).encode(
        text=alt.Text("rate:Q", format=".1%"),
        color=alt.condition(alt.datum.rate > 0.45, alt.value("white"), alt.value(INK)),
    )
    return styled(alt.layer(cells, texts), height=34 * max(2, len(froms)))


def roll_trend(rows: Sequence[Row], order: Sequence[str]) -> Spec:
    """Roll rates over the months. Rows: month, transition, rate."""
    chart = (
        alt.Chart(inline(rows))
        .mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2)
        .encode(
            x=alt.X("month:N", sort=None, title=None, axis=alt.Axis(labelAngle=-45)),
            y=alt.Y("rate:Q", title=None, axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color(
                "transition:N",
                sort=list(order),
                scale=alt.Scale(domain=list(order), range=["#2f6fb2", "#e0a33a", "#dd6641", "#3f9c6b"]),
                legend=alt.Legend(title=None, orient="top", columns=2),
            ),
            tooltip=["month:N", "transition:N", alt.Tooltip("rate:Q", format=".2%"), "contracts:Q", "start:Q"],
        )
    )
    return styled(chart, height=240)


def collectors(rows: Sequence[Row]) -> Spec:
    """Cases in hand per collector, new and kept. Rows: label, kind, cases."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    chart = (
        alt.Chart(inline(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=220, ticks=False)),
            x=alt.X("cases:Q", title="cases 案件", axis=alt.Axis(tickMinStep=1, format=",d")),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["new 新分", "kept 留存"], range=[BLUE, "#8fb8de"]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["label:N", "kind:N", alt.Tooltip("cases:Q", format=",d")],
        )
    )
    return styled(chart, height=max(120, 20 * len(labels)))


def plan(rows: Sequence[Row]) -> Spec:
    """Planned contacts per channel by verdict. Rows: channel, verdict, tasks."""
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    chart = (
        alt.Chart(inline(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("channel:N", sort=channels, title=None, axis=alt.Axis(ticks=False, labelLimit=220)),
            x=alt.X("tasks:Q", title="contacts 触达", axis=alt.Axis(tickMinStep=1, format=",d")),
            color=alt.Color(
                "verdict:N",
                scale=alt.Scale(domain=list(_PLAN), range=list(_PLAN.values())),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["channel:N", "verdict:N", alt.Tooltip("tasks:Q", format=",d")],
        )
    )
    return styled(chart, height=max(110, 34 * len(channels)))


def queues(rows: Sequence[Row]) -> Spec:
    """Cases per queue, allocated and offered. Rows: queue, kind, cases."""
    names = list(dict.fromkeys(row["queue"] for row in rows))
    chart = (
        alt.Chart(inline(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("queue:N", sort=names, title=None, axis=alt.Axis(ticks=False, labelLimit=220)),
            x=alt.X("cases:Q", title="cases 案件", axis=alt.Axis(tickMinStep=1, format=",d")),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["allocated 已分配", "pool 抢单池"], range=[BLUE, "#e0a33a"]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["queue:N", "kind:N", alt.Tooltip("cases:Q", format=",d")],
        )
    )
    return styled(chart, height=max(110, 34 * len(names)))

"""The pictures of a flow: an alluvial of SVG paths (Vega-Lite has none), and the heat map's cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from arrears.vega import INK, MUTED

Row = Mapping[str, Any]

OTHERS = "other 其他"
ABSENT = "no case 无案件"
STILL = "#d5dbe1"
"""Colour of cases that stay where they are."""
PALETTE = (
    "#2f6fb2",
    "#e0a33a",
    "#3f9c6b",
    "#c5413c",
    "#7a5ba8",
    "#dd6641",
    "#2a9d9d",
    "#a02838",
    "#8a7433",
    "#5c6f82",
)
_BETWEEN, _MARGIN, _BAR = 260, 190, 12
_LETTER, _IDEOGRAPH = 6.6, 12.0
"""How wide a character is at most, in the units of the picture."""
_GAP, _LEAST, _STEP = 8, 2.0, 20
_TOP = 30


@dataclass(frozen=True)
class Flow:
    """The flow of one dimension, ready to be drawn: its states in one order for both sides."""

    states: Sequence[str]
    cells: Mapping[tuple[str, str], int]
    """(before, after) → cases."""

    def before(self, state: str) -> int:
        """Cases in `state` under the present rules."""
        return sum(cases for (start, _), cases in self.cells.items() if start == state)

    def after(self, state: str) -> int:
        """Cases in `state` under the changed rules."""
        return sum(cases for (_, end), cases in self.cells.items() if end == state)

    @property
    def moving(self) -> Sequence[str]:
        """The states that cases leave or come to, in the order of the states."""
        touched = {state for cell in self.cells if cell[0] != cell[1] for state in cell}
        return [state for state in self.states if state in touched]


def flow_of(
    rows: Sequence[Row], labels: Mapping[str, str], most_states: int, ordered: Sequence[str] | None = None
) -> Flow:
    """A flow from the rows of `preview/flow`; the smallest states beyond `most_states` become one.

    States with an order of their own are given as `ordered`; others are in the order of their size.
    """
    sizes: dict[str, list[int]] = {}
    for row in rows:
        sizes.setdefault(row["before_state"], [0, 0])[0] += row["cases"]
        sizes.setdefault(row["after_state"], [0, 0])[1] += row["cases"]
    order = sorted(sizes, key=lambda state: (-max(sizes[state]), state))
    kept = order if len(order) <= most_states else order[: most_states - 1]
    if ordered is not None:
        order.sort(key=lambda state: (ordered.index(state) if state in ordered else len(ordered), state))

    def shown(state: str) -> str:
        if state == "":
            return ABSENT
        return labels.get(state, state) if state in kept else OTHERS

    cells: dict[tuple[str, str], int] = {}
    for row in rows:
        # what moves between states that are put together still moves, but the picture cannot show it
        cell = (shown(row["before_state"]), shown(row["after_state"]))
        cells[cell] = cells.get(cell, 0) + row["cases"]
    return Flow(states=list(dict.fromkeys(shown(state) for state in order)), cells=cells)


def alluvial(flow: Flow) -> str:
    """The flow as one SVG: bars of states, before at the left and after at the right; what moves is coloured."""
    height, scale = _height(flow)
    before = {state: f"{state}: {flow.before(state):,}" for state in flow.states}
    after = {state: _after_text(flow, state) for state in flow.states}
    start_x, end_x = _margin(before.values()), _margin(before.values()) + _BETWEEN
    whole = end_x + _margin(after.values())
    left, right = _places(flow, flow.before, scale), _places(flow, flow.after, scale)
    bottom = max(place + size for side in (left, right) for place, size in side.values()) + 12
    paths, starts, ends = [], {state: left[state][0] for state in left}, {state: right[state][0] for state in right}
    ribbons = []
    for start in flow.states:
        for end in flow.states:
            cases = flow.cells.get((start, end), 0)
            if cases:
                width = cases * scale
                ribbons.append((start, end, cases, starts[start], ends[end], width))
                starts[start] += width
                ends[end] += width
    # what moves is drawn over what stays
    for start, end, cases, y0, y1, width in sorted(ribbons, key=lambda each: each[0] != each[1]):
        paths.append(_ribbon(flow, (start, end), cases, (start_x, y0), (end_x, y1), width))
    bars = [
        *(_bar(start_x - _BAR, *left[state], _colour(flow, state)) for state in left if left[state][1]),
        *(_bar(end_x, *right[state], _colour(flow, state)) for state in right if right[state][1]),
    ]
    texts = [
        *_labels(left, start_x - _BAR - 8, "end", before),
        *_labels(right, end_x + _BAR + 8, "start", after),
    ]
    return "\n".join(
        [
            f'<svg class="alluvial" viewBox="0 0 {whole} {max(height, bottom):.0f}" role="img" '
            'aria-label="cases before and after 变更前后案件流向">',
            f'<text x="{start_x - _BAR - 8}" y="12" text-anchor="end" class="head">present 现行</text>',
            f'<text x="{end_x + _BAR + 8}" y="12" class="head">changed 变更后</text>',
            *paths,
            *bars,
            *texts,
            "</svg>",
        ]
    )


def heat_cells(flow: Flow) -> tuple[list[dict[str, Any]], list[str]]:
    """Cells of the heat map and its states: only those that cases leave or come to."""
    states = list(flow.moving)
    cells = [
        {
            "before": start,
            "after": end,
            "cases": flow.cells.get((start, end), 0),
            "moved": flow.cells.get((start, end), 0) if start != end else 0,
            "stays": start == end,
        }
        for start in states
        for end in states
        if flow.cells.get((start, end), 0)
    ]
    return cells, states


def _height(flow: Flow) -> tuple[float, float]:
    total = sum(flow.cells.values()) or 1
    body = max(150.0, 24.0 * len(flow.states))
    return body + _GAP * len(flow.states) + _TOP, body / total


def _places(flow: Flow, count: Any, scale: float) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    at = float(_TOP)
    for state in flow.states:
        cases = count(state)
        size = max(cases * scale, _LEAST) if cases else 0.0
        places[state] = (at, size)
        # a label needs its line, however small its bar
        at += max(size + _GAP, _STEP if cases else 0.0)
    return {state: place for state, place in places.items() if place[1]}


def _margin(texts: Iterable[str]) -> int:
    """Room for the longest text beside a bar."""
    longest = max(sum(_IDEOGRAPH if ord(each) > 0x2E80 else _LETTER for each in text) for text in texts)
    return max(_MARGIN, round(longest) + _BAR + 10)


def _ribbon(
    flow: Flow, states: tuple[str, str], cases: int, left: tuple[float, float], right: tuple[float, float], width: float
) -> str:
    (start, end), (x0, y0), (x1, y1) = states, left, right
    middle = (x0 + x1) / 2
    width = max(width, 1.2)
    moves = start != end
    colour = _colour(flow, start) if moves else STILL
    opacity = "0.75" if moves else "0.55"
    return (
        f'<path d="M{x0},{y0:.1f} C{middle:.0f},{y0:.1f} {middle:.0f},{y1:.1f} {x1},{y1:.1f} '
        f'L{x1},{y1 + width:.1f} C{middle:.0f},{y1 + width:.1f} {middle:.0f},{y0 + width:.1f} {x0},{y0 + width:.1f} Z" '
        f'fill="{colour}" fill-opacity="{opacity}"><title>{escape(start)} → {escape(end)}: {cases:,}</title></path>'
    )


def _bar(x: float, y: float, size: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{size:.1f}" rx="1.5" fill="{colour}"/>'


def _labels(places: Mapping[str, tuple[float, float]], x: float, anchor: str, texts: Mapping[str, str]) -> list[str]:
    return [
        f'<text x="{x}" y="{y + size / 2 + 4:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(texts[state])}</text>'
        for state, (y, size) in places.items()
    ]


def _after_text(flow: Flow, state: str) -> str:
    change = flow.after(state) - flow.before(state)
    return f"{state}: {flow.after(state):,}" + (f"  ({change:+,})" if change else "")


def _colour(flow: Flow, state: str) -> str:
    return MUTED if state == ABSENT else PALETTE[list(flow.states).index(state) % len(PALETTE)]

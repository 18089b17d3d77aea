"""What all pages with charts share: one look (Altair makes the specifications), and Vega's JavaScript as one text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt

Row = dict[str, Any]
Spec = dict[str, Any]

FONT = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
INK = "#1f2933"
MUTED = "#52606d"
GRID = "#e4e7eb"
BLUE = "#2f6fb2"


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as the data of a chart, inside its specification."""
    return alt.InlineData(values=[dict(row) for row in rows])


def styled(chart: Any, height: int) -> Spec:
    """The specification of a chart as wide as its place, in the look that all charts have."""
    whole = (
        chart.properties(width="container", height=height, background="transparent")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor=GRID,
            labelFontSize=11,
        )
        .configure_legend(labelColor=INK, labelFontSize=11, symbolType="square")
    )
    spec: Spec = whole.to_dict()
    return spec


def script_safe(content: Any) -> str:
    """JSON that may stand in a script of a page: a script ends at the first "</", wherever it stands."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True).replace("</", "<\\/")


@cache
def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script; `vegaEmbed` is global then."""
    import vl_convert

    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text.replace("</script", "<\\/script")

"""How charts look: SVG by matplotlib, small, and legible on light and on dark pages.

A chart lies on paper of its own colour, so it can be read wherever it is put. Readers whose system
is dark see dark paper: each colour that is drawn has a dark counterpart in a style sheet inside the
file. Text stays text. The same figures give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import servers

INK, PAPER, RULE = "#1f2328", "#ffffff", "#d1d9e0"
OURS, PEER, SECOND, THIRD, LIMIT = "#0969da", "#8c959f", "#bc4c00", "#8250df", "#59a86b"
DARK: Mapping[str, str] = {
    INK: "#e6edf3",
    PAPER: "#0d1117",
    RULE: "#3d444d",
    OURS: "#4493f8",
    PEER: "#7d8590",
    SECOND: "#f0883e",
    THIRD: "#a371f7",
    LIMIT: "#3fb950",
}
"""Every colour of a chart, with what it becomes on dark paper."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": RULE,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": PAPER,
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "mms-server",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}
_INCHES_A_PANEL = 4.2


def figure(title: str, panels: int, height_inches: float) -> tuple[Figure, list[Axes]]:
    """Return an empty chart with panels beside each other; draw it inside of `style`."""
    made = Figure(figsize=(_INCHES_A_PANEL * max(panels, 1.6), height_inches), layout="constrained")
    made.suptitle(title, x=0.01, ha="left", fontsize=11)
    return made, [made.add_subplot(1, panels, index + 1) for index in range(panels)]


def style() -> AbstractContextManager[None]:
    """Return the context in which charts are made and saved."""
    return mpl.rc_context(_STYLE)


def color_of(server: str) -> str:
    """Return the colour of a server's bar: ours, a peer's or a limit's."""
    if server in servers.OURS:
        return OURS
    return LIMIT if server in servers.LIMITS else PEER


def save(chart: Figure, path: Path, title: str) -> None:
    """Write a chart, with its dark colours and without the date."""
    buffer = io.StringIO()
    chart.savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = buffer.getvalue().replace("</style>", _dark_rules() + "</style>", 1)
    path.write_text("".join(f"{line.rstrip()}\n" for line in svg.splitlines()), encoding="utf-8")


def _dark_rules() -> str:
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark} !important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"

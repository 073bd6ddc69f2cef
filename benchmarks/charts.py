"""`python -m benchmarks.charts`: draw what `python -m benchmarks --json` and the curves measured.

Reads those files, so that charts can be drawn again without measuring.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks import drawing

_CONNECTIONS = 100
_ROW_INCHES = 0.34
_LINES = {"ours": drawing.OURS, "mms": drawing.SECOND, "bare": drawing.LIMIT}

Document = Mapping[str, Any]
"""What a JSON file holds."""


@dataclass(slots=True, frozen=True)
class Mark:
    """One server's quantity over the rounds."""

    server: str
    median: float
    least: float
    most: float


@dataclass(slots=True, frozen=True)
class Line:
    """One server's points of a curve, in order of `x`."""

    server: str
    x: list[float]
    served_per_s: list[float]
    p99_ms: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the charts of all files and print their paths."""
    options = _parser().parse_args(arguments)
    for path in options.files:
        document = json.loads(path.read_text())
        for written in draw(document, options.into):
            print(written)
    return 0


def draw(document: Document, folder: Path) -> list[Path]:
    """Write the charts of a document into a folder, and return their paths."""
    with drawing.style():
        if "curves" in document:
            return [_draw_curve(curve, folder) for curve in document["curves"] if curve["points"]]
        return _draw_overhead(document, folder)


def marks(document: Document, connections: int, of: Callable[[Document], float]) -> list[Mark]:
    """Return the medians of a quantity at a number of connections, by server."""
    values: dict[str, list[float]] = {}
    for sample in document["samples"]:
        if sample["connections"] == connections:
            values.setdefault(sample["server"], []).append(of(sample["measurement"]))
    return [Mark(name, statistics.median(v), min(v), max(v)) for name, v in values.items()]


def lines(curve: Document) -> list[Line]:
    """Return a curve's lines in the order in which its servers were first measured."""
    points: dict[str, list[Document]] = {}
    for point in curve["points"]:
        points.setdefault(point["server"], []).append(point)
    return [_line(server, of_server) for server, of_server in points.items()]


def _line(server: str, points: Iterable[Document]) -> Line:
    inner = sorted(points, key=lambda point: point["x"])
    return Line(
        server,
        [point["x"] for point in inner],
        [_served_per_s(point["load"]) for point in inner],
        [point["load"]["p99_ms"] for point in inner],
    )


def _served_per_s(load: Document) -> float:
    return float((load["requests"] - load["refused"]) / load["duration_s"])


def _rate(measurement: Document) -> float:
    return _served_per_s(measurement["load"])


def _cpu_us(measurement: Document) -> float:
    return float(measurement["cpu_s"] / measurement["load"]["requests"] * 1e6)


def _latency_ms(quantity: str) -> Callable[[Document], float]:
    return lambda measurement: float(measurement["load"][f"{quantity}_ms"])


def _draw_overhead(document: Document, folder: Path) -> list[Path]:
    every = document["plan"]["connections"]
    connections = _CONNECTIONS if _CONNECTIONS in every else max(every)
    return [
        _draw_marks(
            folder / "overhead-throughput.svg",
            f"No-op predictions per second, one worker, {connections} connections",
            {"requests/s, more is better (log)": marks(document, connections, _rate)},
        ),
        _draw_marks(
            folder / "overhead-cpu.svg",
            f"Processor time of a no-op prediction, one worker, {connections} connections",
            {"us a request, less is better (log)": marks(document, connections, _cpu_us)},
        ),
        _draw_marks(
            folder / "overhead-latency.svg",
            "Latency of a no-op prediction, one worker",
            {
                f"{quantity} ms at {n} connection{'s' * (n > 1)}, less is better (log)": marks(
                    document, n, _latency_ms(quantity)
                )
                for quantity, n in (("p50", min(every)), ("p99", connections))
            },
        ),
    ]


def _draw_marks(path: Path, title: str, panels: Mapping[str, Sequence[Mark]]) -> Path:
    height = 1.1 + _ROW_INCHES * max(len(panel) for panel in panels.values())
    chart, axes = drawing.figure(title, len(panels), height)
    for ax, (label, panel) in zip(axes, panels.items(), strict=True):
        _draw_panel(ax, label, panel)
    drawing.save(chart, path, title)
    return path


def _draw_panel(ax: Axes, label: str, panel: Sequence[Mark]) -> None:
    best_first = sorted(panel, key=lambda mark: mark.median, reverse=label.startswith("requests/s"))
    # Dots and not bars: on a logarithmic scale, lengths mean nothing.
    for mark in best_first:
        color = drawing.color_of(mark.server)
        ax.plot([mark.least, mark.most], [mark.server] * 2, color=color, linewidth=2)
        ax.plot([mark.median], [mark.server], "o", color=color)
        ax.annotate(
            f"{mark.median:,.{_decimals(mark.median)}f}",
            (mark.most, mark.server),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_xscale("log")
    ax.set_xlim(min(mark.least for mark in panel) / 2, max(mark.most for mark in panel) * 4)
    ax.set_ylim(len(panel) - 0.5, -0.5)
    ax.set_title(label)
    _plain_numbers(ax.xaxis)


def _draw_curve(curve: Document, folder: Path) -> Path:
    path = folder / f"curve-{curve['name']}.svg"
    chart, axes = drawing.figure(curve["title"], 2, 3.2)
    for ax, title in zip(axes, ("requests/s", "p99 ms"), strict=True):
        ax.set_title(title)
        ax.set_xlabel(curve["x"])
        if not curve.get("is_linear"):
            ax.set_yscale("log")
            # Zero has its place, too: a body may be empty.
            ax.set_xscale("symlog", linthresh=1) if curve["has_zero"] else ax.set_xscale("log")
    for line in lines(curve):
        color = _LINES.get(line.server, drawing.PEER)
        for ax, values in zip(axes, (line.served_per_s, line.p99_ms), strict=True):
            ax.plot(line.x, values, color=color, marker="o", markersize=3, label=line.server)
    for ax in axes:
        _plain_numbers(ax.xaxis)
        _plain_numbers(ax.yaxis)
        if curve.get("is_linear"):
            ax.set_ylim(bottom=0)
    axes[0].legend()
    drawing.save(chart, path, curve["title"])
    return path


def _plain_numbers(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_formatter(NullFormatter())


def short(value: float) -> str:
    """Return a number of a scale in few characters: 1, 10, 1k, 10M."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def _decimals(value: float) -> int:
    return 0 if value >= 100 else 1 if value >= 10 else 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.charts", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="JSON of a run")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="for the SVGs")
    return parser


if __name__ == "__main__":
    sys.exit(main())

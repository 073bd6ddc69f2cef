"""The units that have a long name."""

from __future__ import annotations


class Units:
    """Long names of units by the short ones that handlers give; `units[None]` is for no unit."""

    def __init__(self) -> None:
        self.units: dict[str | None, str] = {
            "ms": "Milliseconds",
            "s": "Seconds",
            "percent": "Percent",
            "count": "Count",
            "MB": "Megabytes",
            "GB": "Gigabytes",
            "kB": "Kilobytes",
            "B": "Bytes",
            None: "unit",
        }

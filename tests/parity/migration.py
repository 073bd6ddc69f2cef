"""The tables of docs/migration-from-mms.md, from the differences that the cases name.

`python -m parity.migration PAGE`, with `tests` on the path, brings a page up to date.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from mms_server.config.reference import fill_tables, table_names

DIFFERENCES: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "differences.toml").read_text()
)
"""By name: `area`, and what `mms` and `ours` do."""


def write_tables(page: str) -> str:
    """Return a page with its tables brought up to date."""
    return fill_tables(page, {area: _table(area) for area in table_names(page)})


def _table(area: str) -> str:
    rows = ["| Multi Model Server 1.1.11 | here |", "|---|---|"]
    for name, difference in sorted(DIFFERENCES.items()):
        if difference["area"] == area:
            rows.append(f'| <a id="{name}"></a>{difference["mms"]} | {difference["ours"]} |')
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(write_tables(path.read_text()))

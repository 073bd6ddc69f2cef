"""The tables of docs/migration-from-mms.md, from the differences that the cases name.

`python -m parity.migration PAGE`, with `tests` on the path, brings a page up to date.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

DIFFERENCES: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "differences.toml").read_text()
)
"""By name: `area`, and what `mms` and `ours` do."""

_TABLE = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end -->\n)", re.DOTALL)


def areas(page: str) -> set[str]:
    """Return the areas that a page has a table for."""
    return {found[2] for found in _TABLE.finditer(page)}


def write_tables(page: str) -> str:
    """Return a page with its tables brought up to date."""
    return _TABLE.sub(lambda found: found[1] + _table(found[2]) + found[3], page)


def _table(area: str) -> str:
    rows = ["| Multi Model Server 1.1.11 | here |", "|---|---|"]
    for name, difference in sorted(DIFFERENCES.items()):
        if difference["area"] == area:
            rows.append(f'| <a id="{name}"></a>{difference["mms"]} | {difference["ours"]} |')
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(write_tables(path.read_text()))

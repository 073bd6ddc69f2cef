"""Values as people write them, and the page that lists every key; both come from the schema.

`python -m mms_server.config.reference docs/configuration.md` writes the page's tables anew.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mms_server.config.loading import Configuration
from mms_server.config.schema import IGNORED, SETTINGS, Settings

_SECRET = re.compile(r"_pass(word)?$|_secret$|_token$")
_CREDENTIALS = re.compile(r"(https?://)[^/?#,]*@", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^,?#]*\?)[^,]*", re.IGNORECASE)
_TABLE = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end -->\n)", re.DOTALL)


def show(key: str, value: Any) -> str:
    """Write a setting's value as a file would, except for what is secret; None is empty.

    Secrets are keys that are called so, and what a URL has of them: user, password and query, where
    presigned ones carry their signature.
    """
    if value is None:
        return ""
    if _SECRET.search(key):
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(int(value))
    if key == "installer_arguments":
        return _CREDENTIALS.sub(r"\1***@", shlex.join(value))
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    if key == "load_models":
        return _QUERY.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", str(value)))
    return str(value)


def list_values(configuration: Configuration) -> str:
    """List every value, each line with where it came from: `key = value  [origin]`."""
    lines = []
    for key in SETTINGS:
        value = show(key, getattr(configuration.settings, key))
        origin = configuration.origins.get(key, "default")
        lines.append(f"{key} = {value}".rstrip() + f"  [{origin}]")
    return "\n".join(lines)


def write_tables(page: str) -> str:
    """Return a page with its generated tables brought up to date."""
    tables = {"settings": _settings_table(), "ignored": _ignored_list()}
    return fill_tables(page, tables)


def fill_tables(page: str, tables: Mapping[str, str]) -> str:
    """Put each text between the page's comments `NAME: generated` and `end`."""
    return _TABLE.sub(lambda found: found[1] + tables[found[2]] + found[3], page)


def table_names(page: str) -> set[str]:
    """Return the names of the tables that a page has a place for."""
    return {found[2] for found in _TABLE.finditer(page)}


def _settings_table() -> str:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(Settings):
        text = show(field.name, field.default)
        default = f"`{text}`" if text else ""
        rows.append(f"| `{field.name}` | {default} | {SETTINGS[field.name].help} |")
    return "".join(f"{row}\n" for row in rows)


def _ignored_list() -> str:
    return ", ".join(f"`{key}`" for key in sorted(IGNORED)) + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(write_tables(path.read_text(encoding="utf-8")), encoding="utf-8")

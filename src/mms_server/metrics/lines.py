"""Metrics as lines of text, in Multi Model Server's form; pure functions.

    Name.Unit:Value|#Dimension:value,Dimension:value|#hostname:H[,requestID:R],timestamp:T

T is in seconds since the epoch, or `null` for counted requests. A worker writes the end as
`|#hostname:H,T[,R]` (Metric.java of Multi Model Server reads the one and writes the other).
"""

from __future__ import annotations

import re
from collections.abc import Callable

Line = Callable[[bytes], None]
"""Takes one line, with its end."""

_WORKER_LINE = re.compile(
    r"([^|:]+)\.([^|:.]*):([0-9+\-,.e]+)\|#([^|]*)\|#hostname:([^,|]+),([^,|]+)(?:,(.*))?"
)
_NO_UNIT = "unit"


def from_worker(text: str) -> bytes | None:
    """Turn a worker's line, without its prefix, into the log's; None if it is no metric.

    Values are numbers. Dimensions that are not one name and one value are left out, as in Multi
    Model Server; a metric without a unit (`add_error`) is given the unit `unit`.
    """
    match = _WORKER_LINE.fullmatch(text.strip())
    if match is None:
        return None
    name, unit, value, listed, hostname, timestamp, request_id = match.groups()
    # Java's String.split leaves out what is empty at the end: `a:` is a name without a value.
    pairs = (each.rstrip(":") for each in listed.split(","))
    dimensions = ",".join(pair for pair in pairs if pair.count(":") == 1)
    request = f",requestID:{request_id}" if request_id else ""
    return (
        f"{name}.{unit or _NO_UNIT}:{value}|#{dimensions}"
        f"|#hostname:{hostname}{request},timestamp:{timestamp}\n"
    ).encode("utf-8", "replace")


def encode_name(name: str) -> bytes:
    """Encode a model's name, which may hold anything, so that it stays on its line."""
    return b" ".join(name.encode("utf-8", "replace").splitlines())


def request_count(kind: str, hostname: str) -> bytes:
    """Count one answer; `kind` is `2XX`, `4XX` or `5XX`."""
    return f"Requests{kind}.Count:1|#Level:Host|#hostname:{hostname},timestamp:null\n".encode()


def load_time(worker: str, load_ms: int, hostname: str, timestamp: int) -> bytes:
    """Report how long a worker took to load its model; the metric has the worker's name."""
    end = f"|#Level:Host|#hostname:{hostname},timestamp:{timestamp}\n".encode()
    return b"%s.ms:%d%s" % (encode_name(worker), load_ms, end)

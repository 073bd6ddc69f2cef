"""What stands in a server's logs, without what varies from run to run."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from parity.answer import UUID, Answer
from parity.case import LogLines

_LIMIT_S = 12.0
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}"
_MEASURED = r"((?:PredictionTime|W-<n>-\w+|(?:CPU|Disk|Memory)[A-Z]\w+)\.\w+)"
_VARYING = [
    (re.compile(rf"\b{_DATE}"), "<date>"),
    (re.compile(r"(\[[A-Z ]{5}\]) \S+ (\S+ - )"), r"\1 <thread> \2"),
    (UUID, "<uuid>"),
    (re.compile(r"(/127\.0\.0\.1:)\d+"), r"\1<port>"),
    (re.compile(r'(HTTP/\S+" \d+) \d+$'), r"\1 <ms>"),
    (re.compile(rf"#hostname:{re.escape(socket.gethostname())}\b"), "#hostname:<host>"),
    (re.compile(r"timestamp:\d+"), "timestamp:<time>"),
    (re.compile(r"W-9\d{3}-"), "W-<n>-"),
    (re.compile(rf"{_MEASURED}:[\d.e-]+"), r"\1:<number>"),
]


def read_log(step: LogLines, places: Mapping[str, str]) -> Answer:
    """Wait for the lines and return them; after the time limit, those that there are."""
    deadline = time.monotonic() + _LIMIT_S
    lines = _matching(step, places)
    while len(lines) < step.count and time.monotonic() < deadline:
        time.sleep(0.05)
        lines = _matching(step, places)
    return Answer("logged", body="\n".join(lines))


def _matching(step: LogLines, places: Mapping[str, str]) -> list[str]:
    wanted = re.compile(step.pattern)
    paths = sorted(Path(places["folder"]).glob(step.files))
    lines = [line for path in paths for line in path.read_text(errors="replace").splitlines()]
    return list(dict.fromkeys(shown for line in lines if wanted.search(shown := _general(line))))


def _general(line: str) -> str:
    for pattern, replacement in _VARYING:
        line = pattern.sub(replacement, line)
    return line

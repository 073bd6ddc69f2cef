"""The load generator: wrk with one thread, keep-alive connections, each sending when answered.

A closed loop: a slow server slows its clients down, so latencies here say nothing about a server
that is offered more than it can do (Tene's coordinated omission).
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchError, MissingToolError
from benchmarks.workload import BODY

_SCRIPT = Path(__file__).with_name("post.lua")
_TICK_S = 0.5
_TIMEOUT_S = 10  # an answer later than this counts as broken
_GRACE_S = 30.0


@dataclass(slots=True, frozen=True)
class Load:
    """What one run of wrk saw.

    `refused` counts answers of status 400 and up (they are in `requests` and in the percentiles
    too), `broken` counts socket errors and time-outs, `client_cpu_s` is wrk's own processor time.
    """

    requests: int
    refused: int
    broken: int
    duration_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    client_cpu_s: float

    @property
    def served_per_s(self) -> float:
        """Answers of status below 400, per second."""
        return (self.requests - self.refused) / self.duration_s

    @property
    def success(self) -> float:
        """The share of what was asked that was answered with a status below 400."""
        return (self.requests - self.refused) / (self.requests + self.broken)


def is_installed() -> bool:
    """Say whether there is a wrk on the path."""
    return shutil.which("wrk") is not None


def find() -> str:
    """Return the path of wrk, or raise MissingToolError."""
    path = shutil.which("wrk")
    if path is None:
        raise MissingToolError("wrk", "wrk")
    return path


def version() -> str:
    """Return the first word of wrk's banner that names a version."""
    banner = subprocess.run([find(), "-v"], capture_output=True, text=True, check=False).stdout
    return banner.partition("[")[0].removeprefix("wrk").strip()


def run(
    url: str,
    connections: int,
    duration_s: int,
    on_tick: Callable[[], None],
    *,
    body: str = BODY,
    headers: Sequence[str] = (),
    paths: Sequence[str] = (),
) -> Load:
    """Load `url` for `duration_s` seconds, calling `on_tick` twice a second meanwhile.

    The `body` of all requests is a text, or `@` and the path of a file that holds it. `headers` are
    further lines of the head. `paths` are asked in turn instead of the path of `url`.
    Raises BenchError if wrk fails or not one answer came.
    """
    options = [f"-c{connections}", "-t1", f"-d{duration_s}s", f"--timeout={_TIMEOUT_S}s"]
    options += [f"-H{header}" for header in headers]
    before_s = _children_cpu_s()
    with subprocess.Popen(
        [find(), *options, "--script", str(_SCRIPT), url, "--", body, *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output, errors = _communicate(process, duration_s + _GRACE_S, on_tick)
    if process.returncode != 0 or not errors.strip().endswith("}"):
        raise BenchError(f"wrk failed at {url}: {errors or output}")
    return _parse(errors.strip().splitlines()[-1], _children_cpu_s() - before_s)


def _communicate(
    process: subprocess.Popen[str], limit_s: float, on_tick: Callable[[], None]
) -> tuple[str, str]:
    for _ in range(int(limit_s / _TICK_S)):
        try:
            return process.communicate(timeout=_TICK_S)
        except subprocess.TimeoutExpired:
            on_tick()
    process.kill()
    raise BenchError(f"wrk did not end within {limit_s} s")


def _parse(line: str, client_cpu_s: float) -> Load:
    seen = json.loads(line)
    if seen["requests"] == seen["refused"]:
        raise BenchError(f"no request was served: {line}")
    return Load(
        requests=seen["requests"],
        refused=seen["refused"],
        broken=seen["broken"],
        duration_s=seen["duration_us"] / 1e6,
        p50_ms=seen["p50_us"] / 1e3,
        p90_ms=seen["p90_us"] / 1e3,
        p99_ms=seen["p99_us"] / 1e3,
        p999_ms=seen["p999_us"] / 1e3,
        client_cpu_s=client_cpu_s,
    )


def _children_cpu_s() -> float:
    # Only children that were waited for count: wrk, and not the servers, which still run.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

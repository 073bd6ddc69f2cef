"""What a person reads of a load: text of a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.load.generator import Plan
from mms_server.load.histogram import Histogram
from mms_server.load.pool import OPENED_PER_S
from mms_server.load.tally import QUANTILES, Kind, Result, Tally

_LATE_S = 0.010
_BUSY = 0.9
_COLUMN = 10


def render(plan: Plan, result: Result, tally: Tally) -> str:
    """Describe one phase of a load."""
    return "\n".join(
        [
            *_asked(plan, tally),
            "",
            *_outcomes(tally),
            "",
            *_latencies(tally),
            "",
            *_generator(result, tally),
            *(f"WARNING: {text}" for text in warnings(result, tally)),
        ]
    )


def warnings(result: Result, tally: Tally) -> Iterator[str]:
    """Say what keeps the figures from being the server's alone."""
    late_s = tally.lateness.quantile_s(0.99)
    if late_s > _LATE_S or tally.busy > _BUSY:
        yield (
            f"the generator itself was late by {late_s * 1e3:.1f} ms at p99 and busy for "
            f"{tally.busy:.0%} of a processor; the latencies include that. Lower the rate, or give "
            "it a processor of its own."
        )
    if tally.waited:
        yield (
            f"{tally.waited:,} requests found no connection free and waited for one, which their "
            "latency includes. Raise --connections, unless that is what is to be measured."
        )
    seen = result.connections
    if seen.at_start < seen.wanted:
        yield f"of {seen.wanted:,} connections {seen.at_start:,} were open at the start."


def _asked(plan: Plan, tally: Tally) -> Iterator[str]:
    phase, schedule = tally.phase, plan.schedule
    how = f"{schedule.arrivals}, seed {schedule.seed}"
    yield f"{plan.target.method} {plan.target.url}"
    yield (
        f"{phase.rate_per_s:,g} requests/s ({how}) for {tally.elapsed_s:.1f} s over "
        f"{plan.connections:,} connections; timeout {plan.timeout_s:g} s"
    )


def _outcomes(tally: Tally) -> Iterator[str]:
    yield _row("sent", [f"{tally.sent:,}"])
    for status, count in sorted(tally.statuses.items()):
        yield _outcome(str(status), count, tally)
    for error, count in sorted(tally.errors.items()):
        yield _outcome(error, count, tally)
    if refusals := tally.latency[Kind.REFUSED].count:
        yield f"{tally.advised:,} of {refusals:,} refusals say when to come back (Retry-After)"
    yield f"goodput {tally.goodput_per_s:,.1f} requests/s answered 2xx"


def _outcome(what: str, count: int, tally: Tally) -> str:
    return _row(what, [f"{count:,}", f"{count / tally.sent:.2%}"])


def _latencies(tally: Tally) -> Iterator[str]:
    titles = [f"p{share * 100:g}" for share in QUANTILES]
    yield _row("ms from the intended start", [*titles, "max"])
    for kind, seen in tally.latency.items():
        if seen.count:
            yield _row(kind, [f"{value_s * 1e3:,.2f}" for value_s in _points_s(seen)])


def _points_s(seen: Histogram) -> list[float]:
    return [*(seen.quantile_s(share) for share in QUANTILES), seen.max_s]


def _generator(result: Result, tally: Tally) -> Iterator[str]:
    late, seen = tally.lateness, result.connections
    p50_ms, p99_ms = (late.quantile_s(share) * 1e3 for share in (0.5, 0.99))
    yield (
        f"generator: late by {p50_ms:.1f} ms p50, {p99_ms:.1f} ms p99, {late.max_s * 1e3:.1f} ms "
        f"max; busy for {tally.busy:.0%} of a processor"
    )
    yield (
        f"connections: {seen.at_start:,} opened at {OPENED_PER_S:,} a second, "
        f"{max(seen.opened - seen.at_start, 0):,} later; {seen.lost:,} lost"
    )


def _row(title: str, cells: list[str]) -> str:
    return f"{title:<27}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)

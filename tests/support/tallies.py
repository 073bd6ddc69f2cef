"""Books of loads at a rate, for tests that look at few of their fields."""

from __future__ import annotations

from mms_server.load import Kind, Phase, Tally


def tally(
    *, good: int = 1_000, refused: int = 0, good_s: float = 0.1, refused_s: float = 0.001
) -> Tally:
    """Make what came of ten seconds: 2xx and refusals, each group with one latency."""
    made = Tally(Phase(100, 10), elapsed_s=10.0, sent=good + refused, good_in_time=good)
    made.statuses.update({200: good} | ({503: refused} if refused else {}))
    made.advised = refused
    for _ in range(good):
        made.latency[Kind.GOOD].add(good_s)
    for _ in range(refused):
        made.latency[Kind.REFUSED].add(refused_s)
    return made

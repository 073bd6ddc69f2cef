from __future__ import annotations

from benchmarks.front_ends import Round, Spent, report

ROUNDS = [
    Round(1, 38_000, Spent(25.0, 10.0, 15.0)),
    Round(2, 41_000, Spent(26.0, 11.0, 16.0)),
    Round(1, 36_000, Spent(27.0, 12.0, 17.0)),
    Round(2, 43_000, Spent(24.0, 9.0, 14.0)),
    Round(1, 37_000, Spent(20.0, 10.0, 20.0)),
]


def test_medians_and_what_follows_from_the_cost_of_a_request() -> None:
    assert report(ROUNDS) == [
        "| front ends | requests/s | front end us | worker us | wrk us |",
        "|------------|------------|--------------|-----------|--------|",
        "| 1          | 37,000     | 25.0         | 10.0      | 17.0   |",
        "| 2          | 42,000     | 25.0         | 10.0      | 15.0   |",
        "",
        "One front end is full at 40,000 requests/s, with 2.1 cores for it, a worker and the "
        "generator; two would serve 80,000 with 4.2.",
    ]

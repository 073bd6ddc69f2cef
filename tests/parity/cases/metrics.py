"""What handlers measure, and the lines that tell it."""

from __future__ import annotations

from parity.case import Case, Departure, LogLines, Together, register, unregister
from parity.cases.handlers import case, script

_OK = "answer = ['OK'] * len(data)"
_MODEL = "model_metrics.log"
_LOAD_HAS_NO_ID = Departure("load-metrics", holds="requestID:load,")


def _metric(
    name: str, claims: str, call: str, shown: str, count: int = 1, **departures: Departure
) -> Case:
    """A handler that measures something, and the lines that tell it; `shown` finds them."""
    code = f"metrics = context.metrics\n{call}\n{_OK}"
    return case(name, claims, script(code), LogLines(_MODEL, shown, count), **departures)


_DIMENSIONS = "[Dimension('Kind', 'cat'), Dimension('Size', 3)]"

CASES = [
    _metric("counter", "8:14", "metrics.add_counter('A1', 1)", "A1"),
    _metric(
        "counter-adds-up",
        "8:14 8:23",
        "metrics.add_counter('A2', 1); metrics.add_counter('A2', 2.5)",
        "A2",
    ),
    _metric(
        "counter-of-one-request",
        "8:14",
        "metrics.add_counter('A3', 1, 0); metrics.add_counter('A3', 2)",
        "A3",
    ),
    _metric("counter-dimensions", "8:14", f"metrics.add_counter('A4', 1, 0, {_DIMENSIONS})", "A4"),
    _metric(
        "time",
        "8:15",
        "metrics.add_time('B1', 1.5); metrics.add_time('B2', 2, 0, 's')",
        r"- B\d",
        2,
    ),
    _metric(
        "size",
        "8:16",
        "for unit in ('MB', 'kB', 'GB', 'B'):\n"
        "    metrics.add_size('C' + unit, 12, unit=unit)\nmetrics.add_size('C0', 1)",
        "- C",
        5,
    ),
    _metric("percent", "8:17", "metrics.add_percent('D1', 99.5, 0)", "D1"),
    _metric(
        "metric",
        "8:19 8:22",
        "metrics.add_metric('F2', 3, unit='frames')\n"
        "for unit in ('ms', 's', 'percent', 'count', 'MB', 'GB', 'kB', 'B'):\n"
        "    metrics.add_metric('F' + unit, 1, None, unit)",
        r"- F(?!or)",
        9,
    ),
    case(
        "metric-without-unit",
        "8:19 8:22",
        script(f"context.metrics.add_metric('E1', 3); {_OK}"),
        at0=Departure("metric-without-unit", status=200, holds="OK"),
    ),
    _metric(
        "updated",
        "8:23",
        "metrics.add_metric('G1', 3, 0, 'x'); metrics.add_metric('G1', 4, 0, 'x')",
        "G1",
    ),
    _metric(
        "other-unit",
        "8:23",
        "metrics.add_metric('G2', 3, 0, 'ms')\n"
        "metrics.add_metric('G2', 4, 0, 's')\nmetrics.add_metric('G2', 4, None, 's')",
        "G2",
        2,
    ),
    _metric(
        "time-dimensions",
        "8:24",
        f"metrics.add_time('H1', 1, dimensions={_DIMENSIONS})",
        "H1",
        at1=Departure("metric-dimensions", holds="#Kind:cat,Size:3,ModelName:script,Level:Model"),
    ),
    _metric(
        "metric-dimensions",
        "8:24",
        f"metrics.add_metric('H2', 1, 0, 'x', {_DIMENSIONS})",
        "H2",
        at1=Departure("metric-dimensions", holds="#Kind:cat,Size:3,ModelName:script,Level:Model"),
    ),
    _metric(
        "dimension-with-colon",
        "8:4",
        "metrics.add_counter('I1', 1, None, [Dimension('a', 'b:c'), Dimension('d', 'e')])",
        "I1",
    ),
    _metric(
        "dimension-with-comma",
        "8:4",
        "metrics.add_counter('I2', 1, None, "
        "[Dimension('a', 'b,c:d'), Dimension('', 'e'), Dimension('f', '')])",
        "I2",
    ),
    _metric(
        "numbers",
        "8:4",
        "for i, value in enumerate((0, -1, 1.5, 1e-07, -0.25, 12345678901234567890)):\n"
        "    metrics.add_metric('J%d' % i, value, unit='x')",
        "- J",
        6,
    ),
    case(
        "wrong-units",
        "8:20",
        script("context.metrics.add_time('K', 1, unit='h')"),
        script("context.metrics.add_size('K', 1, unit='TB')"),
        script("context.metrics.add_counter('K', 1, dimensions=(Dimension('a', 'b'),))"),
        script(f"context.metrics.add_counter('K', 1, dimensions=Dimension('a', 'b')); {_OK}"),
    ),
    case(
        "dimensions-that-are-no-list",
        "8:20",
        script(f"context.metrics.add_time('K1', 1, dimensions=(Dimension('a', 'b'),)); {_OK}"),
        script(f"context.metrics.add_metric('K2', 1, 0, 'x', Dimension('a', 'b')); {_OK}"),
        LogLines(_MODEL, "- K", 2),
    ),
    _metric(
        "list-of-dimensions-used-twice",
        "8:14 8:21",
        "own = [Dimension('Kind', 'cat')]\nmetrics.add_counter('L1', 1, None, own)\n"
        "metrics.add_counter('L2', 1, None, own)",
        "- L",
        2,
        at1=Departure(
            "metric-dimensions", holds="L2.Count:1|#Kind:cat,ModelName:script,Level:Model|"
        ),
    ),
    _metric(
        "printed",
        "8:3",
        "print('[METRICS]M1.Count:1|#Level:Model,A:b:c|#hostname:h,123')\n"
        "print('[METRICS]M2.Count:1|#Level:Model|#hostname:h,123,an-id')\n"
        "logging.info('[METRICS]M3.Count:1|#Level:Model|#hostname:h,123,an-id')\n"
        "sys.stdout.flush()",
        r"- M\d",
        3,
    ),
    case(
        "at-load", "6.4:5 8:21", LogLines(_MODEL, "AtLoad.*ModelName:script"), at0=_LOAD_HAS_NO_ID
    ),
    case(
        "of-one-member-of-a-batch",
        "8:14 8:23",
        register("script", model_name="members", batch_size=2, max_batch_delay=3000),
        Together(
            (
                *(
                    script(
                        "for i in (0, 1, None, 9): context.metrics.add_counter('N%s' % i, 1, i)\n"
                        + _OK,
                        "members",
                    )
                    for _ in range(2)
                ),
            )
        ),
        LogLines(_MODEL, r"- N[019]|- NNone", 4),
        unregister("members"),
    ),
    _metric(
        "no-number",
        "8:4",
        "metrics.add_counter('O0', 1); metrics.add_counter('O1', '2,5')\n"
        "metrics.add_size('O2', float('inf')); metrics.add_size('O3', None)\n"
        "metrics.add_size('O4', True)",
        "- O",
        2,
    ),
    _metric(
        "large-numbers",
        "8:4",
        "metrics.add_size('Q1', 1e+20); metrics.add_size('Q2', 1)",
        "- Q",
        at1=Departure("no-null-metrics", holds="Q1.Megabytes:1e+20|"),
    ),
    _metric(
        "odd-units",
        "8:22",
        "for i, unit in enumerate(('frames/s', '%', 'two words', 'x_y')):\n"
        "    metrics.add_metric('R%d' % i, 1, 0, unit)",
        "- R",
        2,
        at1=Departure("no-null-metrics", holds="R0.frames/s:1|"),
    ),
    _metric(
        "own-store",
        "6.4:5",
        "from mms.metrics.metrics_store import MetricsStore\n"
        "context.metrics = MetricsStore({0: 'mine'}, 'own')\n"
        "context.metrics.add_counter('S1', 1)",
        "- S1",
    ),
    case(
        "no-store",
        "6.4:5",
        script(f"context.metrics.add_counter('T1', 1); context.metrics = None; {_OK}"),
        script(f"context.metrics.add_counter('T2', 1); {_OK}"),
        LogLines(_MODEL, r"- T\d"),
    ),
    _metric(
        "printed-garbage",
        "8:4",
        "print('[METRICS]garbage', flush=True)\nmetrics.add_counter('U1', 1)",
        "- U1",
    ),
    case(
        "names-with-marks",
        "8:4",
        script(f"context.metrics.add_counter('My-Metric', 1); {_OK}"),
        script(f"context.metrics.add_counter('My Metric', 1); {_OK}"),
        script(f"context.metrics.add_counter('After', 1); {_OK}"),
        LogLines(_MODEL, r"My|After\.", 2),
        at3=Departure("no-null-metrics", holds="My-Metric.Count:1|#ModelName:script"),
    ),
    case(
        "error",
        "8:18",
        script(f"context.metrics.add_error('Broken', 'all of it'); {_OK}"),
        script(f"context.metrics.add_error('Broke', 1); {_OK}"),
        script(f"context.metrics.add_counter('Afterwards', 1); {_OK}"),
        LogLines(_MODEL, "Afterwards"),
        LogLines(_MODEL, "Brok|null$"),
        at4=Departure("no-null-metrics", holds="Broke.unit:1|#Level:Error|"),
    ),
]

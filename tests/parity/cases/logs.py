"""The log files: access lines, metrics, and what workers print."""

from __future__ import annotations

from parity.case import Case, Departure, LogLines, Together, ask, manage, register, unregister
from parity.cases.handlers import case, script

_OK = "answer = ['OK'] * len(data)"
_WORKER_LOG = "m*_log.log"  # mms_log.log or model_log.log
_ACCESS = "access_log.log"
_HOST = "mms_metrics.log"
_MODEL = "model_metrics.log"
_LOAD_HAS_NO_ID = Departure("load-metrics", holds="requestID:load,")


def _metric(
    name: str, claims: str, call: str, shown: str, count: int = 1, **departures: Departure
) -> Case:
    """A handler that measures something, and the lines that tell it; `shown` finds them."""
    code = f"metrics = context.metrics\n{call}\n{_OK}"
    return case(name, claims, script(code), LogLines(_MODEL, shown, count), **departures)


ACCESS = [
    case(
        "access",
        "8:2",
        ask("GET", "/ping?first=1"),
        ask("POST", "/predictions/script?second=%20x", _OK.encode()),
        manage("GET", "/models/nobody?third"),
        manage("PUT", "/models?fourth"),
        LogLines(_ACCESS, "first|second|third|fourth", 4),
    ),
    case(
        "access-of-a-failed-prediction",
        "8:2",
        ask("POST", "/predictions/script?fifth", b"raise ValueError"),
        LogLines(_ACCESS, "fifth"),
    ),
    case(
        "access-of-a-handler-status",
        "8:2",
        ask("PUT", "/predictions/script?sixth", b"context.set_response_status(299); answer=['']"),
        LogLines(_ACCESS, "sixth"),
    ),
]

COUNTED = [
    case(
        "counted-answers",
        "8:11 8:3",
        script(_OK),
        manage("GET", "/models/nobody"),
        script("raise ValueError"),
        LogLines(_HOST, "Requests2XX"),
        LogLines(_HOST, "Requests4XX"),
        LogLines(_HOST, "Requests5XX"),
    ),
    case(
        "counted-odd-statuses",
        "8:11",
        script("context.set_response_status(399); answer = ['']"),
        LogLines(_HOST, "Requests5XX"),
    ),
    case("host", "8:6 8:7 8:8 8:9 8:10 12.2:22", LogLines(_HOST, "CPU|Disk|Memory", 7)),
    case(
        "load-time",
        "8:12",
        register("script", model_name="a_model_with_quite_a_long_name"),
        LogLines(_HOST, "W-<n>-a_model"),
        unregister("a_model_with_quite_a_long_name"),
    ),
    case("load-time-of-short-name", "8:12", LogLines(_HOST, "W-<n>-script")),
    case("prediction-time", "8:13", script(_OK), LogLines(_MODEL, "PredictionTime.*:script,")),
    case(
        "prediction-time-of-a-batch",
        "8:13",
        register("script", model_name="timed", batch_size=2, max_batch_delay=3000),
        Together((script(_OK, "timed"), script(_OK, "timed"))),
        LogLines(_MODEL, "PredictionTime.*:timed"),
        unregister("timed"),
    ),
    case(
        "no-prediction-time-of-a-failure",
        "8:13",
        register("script", model_name="failing"),
        script("context.metrics.add_counter('BeforeFailure', 1); raise ValueError", "failing"),
        LogLines(_MODEL, "ModelName:failing"),
        unregister("failing"),
        at2=_LOAD_HAS_NO_ID,
    ),
]

_DIMENSIONS = "[Dimension('Kind', 'cat'), Dimension('Size', 3)]"

MEASURED = [
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
        "time", "8:15", "metrics.add_time('B1', 1.5); metrics.add_time('B2', 2, 0, 's')", "B.", 2
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
        "- F",
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
        "names-with-marks",
        "8:4",
        script(f"context.metrics.add_counter('My-Metric', 1); {_OK}"),
        script(f"context.metrics.add_counter('My Metric', 1); {_OK}"),
        script(f"context.metrics.add_counter('After', 1); {_OK}"),
        LogLines(_MODEL, "My|After", 2),
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

PRINTED = [
    case(
        "printed-lines",
        "B:3",
        script(f"print('a printed line', flush=True); {_OK}"),
        LogLines(_WORKER_LOG, "a printed line"),
        LogLines("model_log.log", "a printed line", 0),
        at1=Departure("worker-output", holds="MODEL_LOG - W-<n>-script a printed line"),
        at2=Departure("worker-output", holds="MODEL_LOG - W-<n>-script a printed line"),
    ),
    case(
        "lines-on-stderr",
        "B:3",
        script(f"print('a line on stderr', file=sys.stderr, flush=True); {_OK}"),
        LogLines(_WORKER_LOG, "a line on stderr"),
        at1=Departure("worker-output", holds="MODEL_LOG - W-<n>-script a line on stderr"),
    ),
    case(
        "logged-lines",
        "B:3",
        script(
            "logging.debug('logged as debug'); logging.info('logged as info')\n"
            f"logging.warning('logged as warning'); logging.error('logged as error')\n{_OK}"
        ),
        LogLines(_WORKER_LOG, "logged as", 3),
        at1=Departure("worker-output", holds="MODEL_LOG - W-<n>-script logged as error"),
    ),
    case(
        "traceback",
        "B:3",
        script("raise ValueError('what went wrong')"),
        LogLines(_WORKER_LOG, "ValueError: what went wrong"),
        at1=Departure(
            "worker-output", holds="MODEL_LOG - W-<n>-script ValueError: what went wrong"
        ),
    ),
    case(
        "unregistered",
        "12.2:18",
        register("script", model_name="logging"),
        *(script(f"logging.info('told by %d', {i}); {_OK}", "logging") for i in range(5)),
        unregister("logging"),
        LogLines(_WORKER_LOG, "told by [0-4]$", 5),
        LogLines("mms_log.log", "Model logging unregistered"),
        at7=Departure("worker-output", holds="MODEL_LOG - W-<n>-logging told by 4"),
        at8=Departure("logger-names", holds="mms_server.serving - Model logging unregistered"),
    ),
    case(
        "printed-at-load",
        "B:3",
        LogLines(_WORKER_LOG, "printed at load"),
        at0=Departure("worker-output", holds="MODEL_LOG - W-<n>-script printed at load"),
    ),
]

CONSOLE = [
    case(
        "console",
        "B:39 8:1",
        ask("GET", "/ping?on-the-console"),
        script(
            "print('printed for the console', flush=True)\n"
            f"context.metrics.add_counter('ForConsole', 1); {_OK}"
        ),
        LogLines("output.txt", "on-the-console"),
        LogLines("output.txt", "printed for the console"),
        LogLines("output.txt", "ForConsole"),
        LogLines("output.txt", "CPUUtilization"),
        at3=Departure("worker-output", holds="MODEL_LOG - W-<n>-script printed for the console"),
    ),
    case(
        "repeated-in-mms-log",
        "8:1",
        ask("GET", "/ping?repeated"),
        LogLines(_ACCESS, "repeated"),
        LogLines("mms_log.log", "repeated", 0),
        at2=Departure("logs-apart"),
    ),
]

CASES = [*ACCESS, *COUNTED, *MEASURED, *PRINTED, *CONSOLE]

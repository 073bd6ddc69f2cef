"""The log files: access lines, the server's own metrics, and what workers print."""

from __future__ import annotations

from parity.case import Departure, LogLines, Together, ask, manage, raw, register, unregister
from parity.cases.handlers import case, script

_OK = "answer = ['OK'] * len(data)"
_WORKER_LOG = "m*_log.log"  # mms_log.log or model_log.log
_ACCESS = "access_log.log"
_HOST = "mms_metrics.log"
_MODEL = "model_metrics.log"
_LOAD_HAS_NO_ID = Departure("load-metrics", holds="requestID:load,")


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

ODD = [
    case(
        "access-of-other-verbs",
        "8:2",
        ask("HEAD", "/ping?seventh"),
        ask("OPTIONS", "/predictions/script?eighth"),
        raw(b"GET /ping?ninth HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        LogLines(_ACCESS, "seventh|eighth|ninth", 3),
    ),
    case(
        "access-of-a-missing-route",
        "8:2",
        ask("GET", '/%20x//y/?tenth="q"'),
        LogLines(_ACCESS, "tenth"),
    ),
    case(
        "printed-odd-lines",
        "8:1",
        script(f"print('<  odd one  >\\n\\n  odd two\\todd\\rthree', flush=True); {_OK}"),
        script(f"sys.stdout.buffer.write(b'odd \\xff four\\n'); sys.stdout.flush(); {_OK}"),
        LogLines(_WORKER_LOG, r"odd (one|two|three|\S four)", 3),
        at2=Departure("worker-output", holds="MODEL_LOG - W-<n>-script   odd two\todd"),
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

CASES = [*ACCESS, *ODD, *COUNTED, *PRINTED, *CONSOLE]

"""What a handler sees in `context`."""

from __future__ import annotations

from parity.case import Case, Departure, Setup, ask, raw
from parity.cases.handlers import case, script, tell

UNDECODED = Setup("handlers-undecoded", (("decode_input_request", "false"),), ("inspect=inspect",))
_ASKING = (
    b"POST /predictions/script HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: 72\r\n\r\n"
    b"answer = [json.dumps(sorted(context.get_all_request_header(0).items()))]"
)


SEEN = [
    case("name-and-manifest", "6.4:1", tell("[context.model_name, context.manifest]")),
    case(
        "properties",
        "6.4:2",
        tell("[sorted(context.system_properties.items()), type(context).__name__]"),
        at0=Departure("own-version", status=200, holds='"server_name", "MMS"'),
    ),
    case(
        "request-ids",
        "6.4:3 6.4:6",
        tell("[context.request_ids, context.get_request_id(), context.get_request_id(0)]"),
        tell("[context.get_request_id(7), type(context.request_ids).__name__]"),
        tell("context.get_request_id(0)", x_request_id="mine"),
    ),
    case(
        "request-processor",
        "6.4:4 6.4:11 6.4:12",
        tell("[type(context.request_processor).__name__, len(context.request_processor)]"),
        tell(
            "[context.request_processor[0].get_request_property('X-One'),"
            " context.request_processor[0].get_request_property('x-one'),"
            " sorted(context.request_processor[0].get_request_properties())]",
            x_one="1",
        ),
        script("context.request_processor.report_status(400); answer = ['OK']"),
        tell("[context.request_processor[1]]"),
    ),
    case(
        "request-headers",
        "6.4:7",
        tell("[context.get_request_header(0, 'X-One'), context.get_request_header(0, 'x-one')]"),
        tell("[context.get_all_request_header(0)['Host'], context.get_request_header(0, 'body')]"),
        tell(
            "sorted(context.get_all_request_header(0).items())",
            content_type="image/x-None",
            x_one="1",
        ),
        tell("context.get_request_header(1, 'Host')"),
    ),
    case(
        "header-named-like-an-input",
        "B:27",
        raw(_ASKING % b"body: x\r\nX-Two: a\r\nx-two: b\r\nX-Two: c"),
    ),
    case(
        "metrics-api",
        "6.6:1 6.4:5",
        script(
            "from mms.metrics.metric import Metric\n"
            "from mms.metrics.metric_encoder import MetricEncoder\n"
            "from mms.metrics.metrics_store import MetricsStore\n"
            "from mms.metrics.unit import Units\n"
            "metric = Metric('a', 1, 'ms', [Dimension('x', 'y')], 'an-id')\n"
            "store = MetricsStore({0: 'one', 1: 'two'}, 'm')\n"
            "store.add_counter('b', 1, 7)\n"
            "shown = json.loads(json.dumps([metric, *store.store], cls=MetricEncoder))\n"
            "for each in shown: each.update(Timestamp=0, HostName='')\n"
            "units = sorted(map(str, Units().units))\n"
            "answer = [[str(metric).split('|#hostname')[0], shown, units,\n"
            "           str(Dimension('x', 3)), Dimension('x', 3).to_dict()]]"
        ),
    ),
    case("metrics-type", "6.4:5", tell("type(context.metrics).__module__")),
    case(
        "attributes-of-its-own",
        "6.4:1",
        script("context.mine = 5; answer = ['OK']"),
        tell("context.mine"),
    ),
    case(
        "status-read-back",
        "6.4:10",
        tell("context.get_response_status(0)"),
        tell("(context.set_response_status(201, 'Made'), context.get_response_status(0))"),
        tell("(context.set_response_status(202), context.get_response_status(0))"),
        tell(
            "(context.request_processor[0].report_status(203),"
            " context.request_processor[0].get_response_status_code(),"
            " context.request_processor[0].get_response_status_phrase())"
        ),
        tell("(context.set_all_response_status(), context.get_response_status(0))"),
        tell("(context.set_all_response_status(418, 'Tea'), context.get_response_status(0))"),
        tell("context.set_response_status(204, '', 3)"),
        tell("context.set_response_status(idx=0, phrase='Yes', code=299)"),
    ),
    case(
        "headers-read-back",
        "6.4:8 6.4:9 6.4:13",
        tell("[context.get_response_content_type(0), context.get_response_headers(0)]"),
        tell(
            "(context.set_response_content_type(0, 'text/x'), context.get_response_content_type(0),"
            " context.get_response_headers(0))"
        ),
        tell(
            "(context.set_response_header(0, 'X-A', '1'), context.set_response_header(0, 'X-A',"
            " '2'), context.set_response_header(0, 'x-a', '3'), context.get_response_headers(0))"
        ),
        tell(
            "(context.request_processor[0].add_response_property('X-B', 'b'),"
            " context.request_processor[0].get_response_header('X-B'),"
            " context.request_processor[0].get_response_header('x-b'),"
            " context.request_processor[0].get_response_headers())"
        ),
        script("context.get_response_headers(0)['X-C'] = 'c'; answer = ['OK']"),
        tell("context.set_response_content_type('an-id', 'text/x')"),
    ),
    case(
        "names-that-third-parties-import",
        "6.6:1 6.6:2",
        script(
            "import importlib\n"
            "answer = [[hasattr(importlib.import_module(module), name) for module, name in (\n"
            "    ('mms', '__version__'), ('mms.version', '__version__'),\n"
            "    ('mms.service', 'PredictionException'), ('mms.service', 'Service'),\n"
            "    ('mms.context', 'Context'), ('mms.context', 'RequestProcessor'),\n"
            "    ('mms.metrics.metrics_store', 'MetricsStore'),\n"
            "    ('mms.metrics.dimension', 'Dimension'), ('mms.metrics.metric', 'Metric'),\n"
            "    ('mms.metrics.metric_encoder', 'MetricEncoder'),\n"
            "    ('mms.metrics.unit', 'Units'),\n"
            "    ('mms.metrics.system_metrics', 'cpu_utilization'))]]"
        ),
    ),
    case(
        "own-processor",
        "6.4:11",
        tell(
            "(lambda p: (p.get_request_property('a'), p.get_response_status_code(),"
            " p.get_response_status_phrase(), p.get_response_headers(),"
            " p.get_request_properties()))(RequestProcessor({'a': 'b'}))"
        ),
        tell("str(PredictionException('m', 3)) + str(PredictionException('m').error_code)"),
        tell("[PredictionException('m').message, PredictionException('m').args]"),
        tell("vars(Context('n', 'd', None, 2, None, 'v'))['request_ids']"),
        tell("Context('n', 'd', None, 2, None, 'v') == Context('n', 'd', None, 2, None, 'v')"),
        tell("Context('n', 'd', None, 2, 1, 'v').system_properties"),
        tell("Context('n', 'd', None, 2, 1, 'v').metrics"),
        at6=Departure("metrics-at-initialize", status=200, holds="MetricsStore"),
    ),
]

DECODED = [
    case(
        "decoded",
        "12.2:14",
        ask("POST", "/predictions/inspect", b"text", content_type="text/plain"),
    ),
    Case(
        "not-decoded",
        ("12.2:14",),
        (ask("POST", "/predictions/inspect", b"text", content_type="text/plain"),),
        UNDECODED,
    ),
]

CASES = [*DECODED, *SEEN]

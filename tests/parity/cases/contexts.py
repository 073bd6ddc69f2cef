"""What a handler sees in `context`, and what becomes of what it sets, returns and raises."""

from __future__ import annotations

from parity.case import Case, Departure, Setup, ask, raw
from parity.cases.handlers import case, script, tell

UNDECODED = Setup("handlers-undecoded", (("decode_input_request", "false"),), ("inspect=inspect",))
_OK = "answer = ['OK']"
_REFUSED = Departure("refused-heads", status=500, holds="Invalid response status or headers.")
_LIVES = Departure("worker-lives", status=500, holds="Invalid response status or headers.")

_ASKING = (
    b"POST /predictions/script HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: 72\r\n\r\n"
    b"answer = [json.dumps(sorted(context.get_all_request_header(0).items()))]"
)


def _answers(name: str, claims: str, expression: str, **departures: Departure) -> Case:
    """The handler returns the value of an expression."""
    return case(name, claims, script(f"answer = {expression}"), **departures)


def _does(name: str, claims: str, code: str, **departures: Departure) -> Case:
    """The handler runs `code`, and returns OK unless that raises or sets another answer."""
    return case(name, claims, script(f"{_OK}\n{code}"), **departures)


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

OUTPUTS = [
    _answers("bytes", "", "[b'\\xff\\x00']"),
    _answers("bytearray", "", "[bytearray(b'abc')]"),
    _answers(
        "memoryview",
        "",
        "[memoryview(b'abc')]",
        at0=Departure("more-outputs", status=200, holds="abc"),
    ),
    _answers("text", "", "['gr\\u00fc\\u00df \\u2603']"),
    _answers(
        "lone-surrogate",
        "",
        "['\\ud800']",
        at0=Departure("worker-lives", status=503, holds="Unsupported model output data type."),
    ),
    _answers("object", "", "[{'b': [1, 2.5, None, True], 'a': '\\u00fc<'}]"),
    _answers("list", "", "[[1, [2], []]]"),
    _answers("number", "", "[17]"),
    _answers("none-in-list", "", "[None]"),
    _answers("not-a-number", "", "[[float('nan'), float('inf'), -float('inf')]]"),
    _answers("tuple-in-list", "", "[(1, 2)]"),
    _answers("number-as-key", "", "[{1: 2}]"),
    _answers("empty-text", "", "['']"),
    _answers("set", "B:18", "[{1}]"),
    _answers("object-that-json-lacks", "", "[object()]"),
    _answers("key-that-json-lacks", "", "[{(1, 2): 3}]"),
    _answers("bytes-inside", "", "[[b'x']]"),
    _answers("no-list", "6.3:2 12.2:31", "'a text'"),
    _answers("none", "6.3:2", "None"),
    _answers("tuple", "6.3:2", "('OK',)"),
    _answers("dict", "6.3:2", "{0: 'OK'}"),
    _answers("generator", "6.3:2", "(each for each in ['OK'])"),
    _answers("subclass-of-list", "6.3:2", "type('Own', (list,), {})(['OK'])"),
    _answers("too-few", "6.3:3 B:18", "[]"),
    _answers("too-many", "6.3:3", "['a', 'b']"),
]

HEADS = [
    _does("no-content-type", "", ""),
    _does("content-type", "6.4:8", "context.set_response_content_type(0, 'text/x; a=b')"),
    _does("content-type-empty", "6.4:8", "context.set_response_content_type(0, '')"),
    _does("content-type-none", "6.4:8", "context.set_response_content_type(0, None)", at0=_LIVES),
    _does(
        "content-type-unicode",
        "B:15",
        "context.set_response_content_type(0, 'a/\\u00fc')",
        at0=Departure("heads-beyond-ascii", status=200, headers={"content-type": "a/\u00fc"}),
    ),
    _does(
        "content-type-last-one-wins",
        "B:28",
        "context.set_response_content_type(0, 'a/a')\n"
        "context.set_response_header(0, 'Content-Type', 'b/b')",
    ),
    _does(
        "content-type-first-in-capitals",
        "B:28",
        "context.set_response_header(0, 'Content-Type', 'b/b')\n"
        "context.set_response_content_type(0, 'a/a')",
    ),
    _does("header", "12.2:15", "context.set_response_header(0, 'dummy', '1')"),
    _does("header-empty", "", "context.set_response_header(0, 'dummy', '')"),
    _does(
        "server-headers-win",
        "B:28",
        "for name in ('Pragma', 'Cache-Control', 'Expires', 'x-request-id', 'Connection',"
        " 'Content-Length'):\n    context.set_response_header(0, name, '1')",
    ),
    _does("header-date", "B:28", "context.set_response_header(0, 'Date', 'today')"),
    _does("header-server", "B:28", "context.set_response_header(0, 'Server', 'mine')"),
    _does(
        "header-splits", "B:4", "context.set_response_header(0, 'a', 'a\\r\\nb: c')", at0=_REFUSED
    ),
    _does(
        "header-name-with-blank", "B:4", "context.set_response_header(0, 'a b', 'c')", at0=_REFUSED
    ),
    _does("header-not-ascii", "B:4", "context.set_response_header(0, 'a', '\\u00fc\\u2603')"),
    _does("status", "", "context.set_response_status(201)"),
    _does("status-and-phrase", "", "context.set_response_status(299, 'Quite Fine')"),
    _does("status-404", "", "context.set_response_status(404, 'Nothing')"),
    _does("status-507", "12.2:21", "context.set_response_status(507, 'x')"),
    _does("status-all", "6.4:10", "context.set_all_response_status(418)"),
    _does("status-none", "", "context.set_response_status(None)"),
    _does("status-true", "B:16", "context.set_response_status(True)", at0=_REFUSED),
    _does("status-0", "B:16", "context.set_response_status(0)", at0=_REFUSED),
    _does("status-50", "B:16", "context.set_response_status(50)", at0=_REFUSED),
    _does("status-100", "B:16", "context.set_response_status(100)", at0=_REFUSED),
    _does("status-199", "B:16", "context.set_response_status(199)", at0=_REFUSED),
    _does("status-600", "B:16", "context.set_response_status(600)"),
    _does("status-999", "B:16", "context.set_response_status(999)"),
    _does("status-1000", "B:16", "context.set_response_status(1000)", at0=_REFUSED),
    _does("status-negative", "B:16", "context.set_response_status(-1)", at0=_REFUSED),
    _does("status-text", "B:15", "context.set_response_status('200')", at0=_LIVES),
    _does("status-float", "B:15", "context.set_response_status(200.0)", at0=_LIVES),
    _does("phrase-splits", "B:4", "context.set_response_status(200, 'a\\r\\nb')", at0=_REFUSED),
    _does(
        "phrase-unicode",
        "B:15",
        "context.set_response_status(200, '\\u00fc')",
        at0=Departure("heads-beyond-ascii", status=200, holds="OK"),
    ),
    _does("header-number", "B:15", "context.set_response_header(0, 'a', 1)", at0=_LIVES),
    _does("header-name-number", "B:15", "context.set_response_header(0, 1, 'a')", at0=_LIVES),
]

_RAISE = "raise PredictionException"

RAISED = [
    _does("exception", "", "raise ValueError('secret')"),
    _does("prediction-exception", "6.5:1", f"{_RAISE}('Not today')"),
    _does("prediction-exception-400", "6.5:2", f"{_RAISE}('Bad input', 400)"),
    _does("prediction-exception-599", "6.5:2 12.2:20", f"{_RAISE}('Some Prediction Error', 599)"),
    _does("prediction-exception-200", "B:17", f"{_RAISE}('m', 200)"),
    _does(
        "prediction-exception-100",
        "6.5:2",
        f"{_RAISE}('m', 100)",
        at0=Departure("refused-heads", status=500, holds='"message": "m"'),
    ),
    _does(
        "prediction-exception-0",
        "6.5:2",
        f"{_RAISE}('m', 0)",
        at0=Departure("refused-heads", status=500, holds='"message": "m"'),
    ),
    _does("prediction-exception-201", "6.5:2", f"{_RAISE}('m', 201)"),
    _does("prediction-exception-399", "6.5:2", f"{_RAISE}('m', 399)"),
    _does("prediction-exception-empty", "6.5:1", f"{_RAISE}('')"),
    _does("prediction-exception-unicode", "B:15", f"{_RAISE}('gr\\u00fc\\u00df \\u2603')"),
    _does("prediction-exception-lines", "6.5:1", f"{_RAISE}('a\\nb')"),
    _does(
        "prediction-exception-number",
        "B:15",
        f"{_RAISE}(12)",
        at0=Departure("worker-lives", status=500, holds='"message": "12"'),
    ),
    _does(
        "prediction-exception-none",
        "B:15",
        f"{_RAISE}(None)",
        at0=Departure("worker-lives", status=500, holds='"message": "None"'),
    ),
    _does(
        "prediction-exception-code-text",
        "6.5:2",
        f"{_RAISE}('m', '400')",
        at0=Departure("worker-lives", status=500, holds='"message": "m"'),
    ),
    _does(
        "prediction-exception-subclass",
        "6.5:1",
        "class Own(PredictionException): pass\nraise Own('own', 422)",
    ),
    _does("memory-error", "12.2:19", "raise MemoryError('as asked')"),
    _does("exit", "", "sys.exit(3)"),
    _does("interrupt", "", "raise KeyboardInterrupt"),
    _does("death", "B:1", "os._exit(137)"),
    _does("kill", "B:1", "os.kill(os.getpid(), 9)"),
    _does("error-after-status", "", "context.set_response_status(201)\nraise ValueError"),
    case("lives-on", "", ask("POST", "/predictions/script", _OK.encode())),
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

CASES = [*DECODED, *SEEN, *OUTPUTS, *HEADS, *RAISED]

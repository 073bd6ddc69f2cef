"""What becomes of what a handler returns, sets and raises."""

from __future__ import annotations

from parity.case import Case, Departure, ask
from parity.cases.handlers import case, script

_OK = "answer = ['OK']"
_REFUSED = Departure("refused-heads", status=500, holds="Invalid response status or headers.")
_LIVES = Departure("worker-lives", status=500, holds="Invalid response status or headers.")


def _answers(name: str, claims: str, expression: str, **departures: Departure) -> Case:
    """The handler returns the value of an expression."""
    return case(name, claims, script(f"answer = {expression}"), **departures)


def _does(name: str, claims: str, code: str, **departures: Departure) -> Case:
    """The handler runs `code`, and returns OK unless that raises or sets another answer."""
    return case(name, claims, script(f"{_OK}\n{code}"), **departures)


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

CASES = [*OUTPUTS, *HEADS, *RAISED]

"""Models that are loaded when the server starts, and what `/invocations` makes of them."""

from __future__ import annotations

from parity.case import Case, Departure, Setup, ask, manage, register, unregister
from parity.cases.management import case, show

_HANDLER = ("default_service_handler", "service:handle")
_LOCAL = ("allowed_urls", "http://localhost:.*")
_FILES = "http://localhost:{files}"

ALL = Setup("all of a shelf", (("load_models", "aLL"), _HANDLER), store="store/shelf")
NO_STORE = Setup(
    "all of nothing", (("load_models", "ALL"), ("model_store", "{folder}/nothing")), store=""
)
NAMED = Setup(
    "named",
    (
        (
            "load_models",
            "one=noop, two=packed.mar,,empty=,noop,shelf/plain.v1,shelf/nameless.v1.mar,nowhere,"
            f"{_FILES}/inspect.mar?a=b,four={_FILES}/noop.mar?a=b",
        ),
        _HANDLER,
        _LOCAL,
    ),
)
SINGLE = Setup("single", models=("noop",))

CASES: list[Case] = [
    case(
        "all",
        "1.3:1 1.3:3 1.3:4 1.3:5",
        ask("GET", "/ping", until='"Healthy"'),
        manage("GET", "/models"),
        show("by-manifest"),
        show("boxed"),
        show("plain"),
        show("under_score"),
        show("nameless_v1"),
        show("broken"),
        setup=ALL,
        at1=Departure(
            "damaged-archive", 200, '"boxed.mar"\n    },\n    {\n      "modelName": "by-'
        ),
        at7=Departure("damaged-archive", 404),
    ),
    case("all-without-a-store", "B:38", manage("GET", "/models"), setup=NO_STORE),
    case(
        "named",
        "1.3:2 1.3:3 1.3:4 1.3:5 B:37",
        ask("GET", "/ping", until='"Healthy"'),
        manage("GET", "/models"),
        show("one"),
        show("two"),
        show("noop"),
        show("inspect"),
        show("four"),
        show("plain_v1"),
        ask("POST", "/invocations", b"x"),
        setup=NAMED,
        at1=Departure("blanks-in-load-models", 200, '"modelName": "two"'),
        at3=Departure("blanks-in-load-models", 200, '"modelName": "two"'),
        at5=Departure("urls-with-an-equals-sign", 200, '"loadedAtStartup": true'),
        at6=Departure("secrets-in-urls", 200, "noop.mar?***"),
    ),
    case(
        "single",
        "1.3:5",
        show("noop"),
        ask("POST", "/invocations", b"x"),
        register("inspect", 1),
        show("inspect"),
        ask("POST", "/invocations", b"x"),
        unregister("inspect"),
        unregister("noop"),
        ask("POST", "/invocations", b"x"),
        register("noop", 1),
        show("noop"),
        ask("POST", "/invocations", b"x"),
        setup=SINGLE,
    ),
]

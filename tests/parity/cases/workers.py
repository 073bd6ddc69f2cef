"""What workers do and suffer: time, batches, death."""

from __future__ import annotations

import json

from parity.case import Case, Departure, Setup, Step, Together, ask, register, unregister
from parity.cases.management import case, post, post_json, scale

STUCK = Setup("stuck", (("default_workers_per_model", "0"),), models=("noop",))


def _obey(order: dict[str, object]) -> Step:
    return ask(
        "POST", "/predictions/obey", json.dumps(order).encode(), content_type="application/json"
    )


_NO_STATUS = Departure("what-cannot-be-sent", 500, "Invalid response status or headers.")
_AGAIN = ask("POST", "/predictions/obey", b"{}", content_type="application/json", until="OK")

CASES: list[Case] = [
    case(
        "death",
        "7:9 7:11",
        register("obey"),
        _obey({"signal": "SIGKILL"}),
        _AGAIN,
        _obey({"exit": 3}),
        _AGAIN,
        _obey({"exit": 137}),
        _AGAIN,
        unregister("obey"),
    ),
    case(
        "statuses",
        "B:16 B:17",
        register("obey"),
        _obey({"status": [0, "Zero"]}),
        _obey({"status": [50, "Fifty"]}),
        _obey({"status": [100, "Go on"]}),
        _obey({"status": [999, "Nines"]}),
        _obey({"raise": ["no", 200]}),
        _obey({"raise": ["Some Prediction Error", 599]}),
        _obey({"raise": ["caf\u00e9 <'>", 500]}),
        _obey({"status": [-1, "Less"]}),
        _AGAIN,
        unregister("obey"),
        at1=_NO_STATUS,
        at2=_NO_STATUS,
        at3=_NO_STATUS,
        at8=_NO_STATUS,
    ),
    case(
        "what-kills-a-worker",
        "B:15",
        register("obey"),
        _obey({"status": [200, "caf\u00e9"]}),
        _AGAIN,
        _obey({"type": "text/caf\u00e9"}),
        _AGAIN,
        _obey({"header": 7}),
        _AGAIN,
        _obey({"status": ["200", "OK"]}),
        _AGAIN,
        _obey({"raise": [12]}),
        _AGAIN,
        unregister("obey"),
        at1=Departure("text-beyond-ascii", 200, "OK"),
        at3=Departure("text-beyond-ascii", 200, "OK"),
        at5=_NO_STATUS,
        at7=_NO_STATUS,
        at9=Departure("message-of-an-exception", 500, '"message": "12"'),
    ),
    case(
        "what-does-not",
        "B:18",
        register("obey"),
        _obey({"set": 1}),
        _obey({}),
        _obey({"answers": 2}),
        _obey({}),
        _obey({"answers": 0}),
        _obey({}),
        unregister("obey"),
    ),
    case(
        "response-timeout-in-json",
        "4.1:9 7:8",
        post_json('{"url": "sluggish", "response_timeout": "1", "initial_workers": 1}'),
        ask("POST", "/predictions/sluggish", b"x"),
        unregister("sluggish"),
    ),
    case(
        "response-timeout-in-the-query",
        "4.1:9",
        post("url=sluggish&response_timeout=1&initial_workers=1"),
        ask("POST", "/predictions/sluggish", b"x"),
        unregister("sluggish"),
        post("url=sluggish&response_timeout=-1&initial_workers=1"),
        ask("POST", "/predictions/sluggish", b"x"),
        unregister("sluggish"),
        post("url=sluggish&response_timeout=x&initial_workers=1"),
        unregister("sluggish"),
        at1=Departure("timeouts-are-seconds", 500, "Worker died."),
    ),
    case(
        "batches",
        "7:16",
        register("counting", 1, batch_size=2, max_batch_delay=5000),
        Together(
            (ask("POST", "/predictions/counting", b"x"), ask("POST", "/predictions/counting", b"y"))
        ),
        unregister("counting"),
        register("counting", 1, batch_size=4, max_batch_delay=100),
        ask("POST", "/predictions/counting", b"x"),
        unregister("counting"),
    ),
    case(
        "requests-wait-for-a-worker",
        "7:15",
        post("url=loading&initial_workers=1&synchronous=false"),
        ask("POST", "/predictions/loading", b"x"),
        unregister("loading"),
    ),
    case(
        "preload-of-no-word",
        "B:11",
        ask("GET", "/ping"),
        post("url=noop&model_name=other&preload_model=maybe"),
        unregister("other"),
        setup=STUCK,
        at1=Departure("registering-blocks-nothing", 200, "registered"),
        at2=Departure("registering-blocks-nothing", 200, "unregistered"),
    ),
    case(
        "from-nothing",
        "B:12 4.4:9",
        scale("noop", "min_worker=0&synchronous=true"),
        scale("noop", "min_worker=1&synchronous=true"),
        setup=STUCK,
        at1=Departure("from-nothing", 200, "Workers scaled"),
    ),
]

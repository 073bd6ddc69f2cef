"""Which function or class a handler's text means, and how a model is loaded."""

from __future__ import annotations

from parity.case import (
    Case,
    Departure,
    LogLines,
    Setup,
    Step,
    Together,
    ask,
    by_place,
    manage,
    register,
    unregister,
)

HANDLERS = Setup(
    "handlers",
    settings=(("metric_time_interval", "1"),),
    models=("script=script", "inspect=inspect"),
)
_CLASS_FAILS = Departure("class-initialize", status=500, holds="Failed to start workers")
_HAS_METRICS = Departure("metrics-at-initialize", status=200, holds="metrics MetricsStore")
_LOADS_HERE = Departure("more-handlers", status=200, holds="Workers scaled")
_GONE_HERE = Departure("more-handlers", status=200, holds="unregistered")
_NOT_THERE = Departure("class-initialize", status=404, holds="Model not found: forms")


def script(code: str, model: str = "script", **headers: str) -> Step:
    """Have the model `script` run `code`, which leaves what the handler returns in `answer`."""
    target, body = f"/predictions/{model}", code.encode()
    return ask("POST", target, body, listener="inference", **headers)


def tell(expression: str, model: str = "script", **headers: str) -> Step:
    """Have the model `script` answer with a value as JSON, or with its `repr`."""
    return script(f"answer = [json.dumps({expression}, default=repr)]", model, **headers)


def case(
    name: str, claims: str, *steps: Step | Together | LogLines, **departures: Departure
) -> Case:
    """Make a case of the server that all these areas share."""
    return Case(name, tuple(claims.split()), steps, HANDLERS, by_place(departures))


def _loads(name: str, claims: str, handler: str, **departures: Departure) -> Case:
    steps = (
        register("forms", handler=handler),
        ask("POST", "/predictions/forms", b""),
        unregister("forms"),
    )
    return case(name, claims, *steps, **departures)


def _fails(name: str, claims: str, handler: str) -> Case:
    """A handler that cannot be loaded, until the model is gone again."""
    gone = manage("GET", "/models/forms", until="Model not found")
    return case(name, claims, register("forms", handler=handler), gone)


CASES = [
    _loads("function", "6.1:1 6.1:4", "service:handle"),
    _loads("module-alone", "6.1:1 6.1:2", "service"),
    _loads("file", "6.1:1", "service.py"),
    _loads("file-and-function", "6.1:1", "service.py:other"),
    _loads("folder", "6.1:1 6.1:4 6.1:5", "nested/inner.py:handle"),
    _loads(
        "folder-without-function",
        "6.1:5",
        "nested/inner",
        at0=_LOADS_HERE,
        at1=Departure("more-handlers", status=200, holds="the helper of the folder"),
        at2=_GONE_HERE,
    ),
    _fails("folder-that-is-not-there", "6.1:1", "nowhere/inner"),
    _loads("last-component-counts", "6.1:1", "nowhere/service.py:other"),
    _loads("package", "6.1:1", "package.part"),
    _loads("package-and-function", "6.1:1", "package.part:handle"),
    _fails("package-and-file", "6.1:1", "package.part.py.py"),
    _loads("class", "6.1:3 6.2:3 B:8", "single", at1=_HAS_METRICS),
    _loads("class-although-function-is-named", "6.1:3", "single:missing", at1=_HAS_METRICS),
    _loads("class-empty-function", "6.1:3", "single:", at1=_HAS_METRICS),
    _fails("function-name-is-empty", "6.1:2", "service:"),
    _fails("module-name-is-empty", "6.1:1", ":handle"),
    _fails("two-colons", "6.1:1", "service:handle:x"),
    _fails("two-classes", "6.1:3", "pair"),
    _fails("no-function-no-class", "6.1:3", "empty"),
    _fails("imported-classes-do-not-count", "6.1:3", "service:missing"),
    _fails("no-such-module", "6.1:1", "missing:handle"),
    _fails("syntax-error", "6.2:1", "misspelt"),
    _fails("not-callable", "6.1:2", "service:NUMBER"),
    _fails("function-that-wants-data", "6.2:1", "service:strict"),
    _fails("function-raises", "6.2:1 12.2:29", "service:broken"),
    case(
        "function-out-of-memory",
        "6.2:2 12.2:19",
        register("forms", handler="service:hungry"),
        unregister("forms"),
        at1=Departure("unregistered-after-507", status=404, holds="Model not found: forms"),
    ),
    _fails("class-without-initialize", "6.2:4", "unready"),
    _fails("class-without-handle", "6.2:4", "useless"),
    _fails("class-cannot-be-made", "6.2:3", "unmade"),
    _loads(
        "initialize-raises",
        "6.2:5",
        "angry",
        at0=_CLASS_FAILS,
        at1=_NOT_THERE,
        at2=_NOT_THERE,
    ),
    _loads(
        "initialize-out-of-memory",
        "6.2:5",
        "starved",
        at0=Departure("class-initialize", status=507, holds="Failed to start workers"),
        at1=_NOT_THERE,
        at2=_NOT_THERE,
    ),
    _loads(
        "class-by-name",
        "6.1:3",
        "single:Only",
        at0=_LOADS_HERE,
        at1=Departure("more-handlers", status=200, holds="made, initialized"),
        at2=_GONE_HERE,
    ),
    _loads(
        "base-class-beside",
        "6.1:3",
        "shared",
        at0=_LOADS_HERE,
        at1=Departure("more-handlers", status=200, holds="handler"),
        at2=_GONE_HERE,
    ),
    case(
        "init-error-then-scale",
        "12.2:29",
        register("forms", 0, handler="service:broken"),
        manage("PUT", "/models/forms?synchronous=true&min_worker=1"),
        unregister("forms"),
    ),
    case(
        "at-load",
        "6.4:3 6.4:4 6.4:5",
        tell("loaded"),
    ),
    case(
        "no-manifest",
        "6.1:7 6.4:1",
        register("nameless", model_name="bare", handler="service:handle"),
        ask("POST", "/predictions/bare", b""),
        unregister("bare"),
    ),
    case(
        "preloaded",
        "6.2:6",
        register("script", 2, model_name="preloaded", batch_size=2, preload_model="true"),
        tell("[context.system_properties['gpu_id'], loaded]", model="preloaded"),
        tell("context.system_properties['batch_size']", model="preloaded"),
        unregister("preloaded"),
        at2=Departure("preloaded-properties", status=200, holds="2"),
    ),
    case(
        "surroundings",
        "6.1:4",
        tell("[__name__, os.path.basename(os.getcwd()), os.path.basename(__file__)]"),
        tell("[os.environ.get('OMP_NUM_THREADS'), os.environ.get('MXNET_USE_OPERATOR_TUNING')]"),
        tell("os.environ.get('MMS_DECODE_INPUT_REQUEST')"),
        tell("[logging.getLogger().level, len(logging.getLogger().handlers)]"),
        tell("[sys.stdin is None, sys.flags.optimize, sys.getdefaultencoding()]"),
    ),
]

"""The command lines: options, messages, exit statuses, the pid file."""

from __future__ import annotations

from parity.case import ask
from parity.scenario import Listen, Look, Run, Scenario

ADDRESSES = """\
inference_address=http://127.0.0.1:{inference}
management_address=http://127.0.0.1:{management}
"""
CONFIG = ("--mms-config", "{folder}/config.properties")
FILES = {"config.properties": ADDRESSES}


_HANDLER = "def handle(data, context):\n    return data\n"
_MANIFEST = '{"runtime": "python", "model": {"modelName": "%s", "handler": "service:handle"}}'
TWO = {
    "two/one/service.py": _HANDLER,
    "two/one/MAR-INF/MANIFEST.json": _MANIFEST % "first",
    "two/two.1/service.py": _HANDLER,
    "two/two.1/MAR-INF/MANIFEST.json": _MANIFEST % "second",
    "two/.hidden/service.py": _HANDLER,
    "two/notes.txt": "no model",
}
"""A store with two models, and what `ALL` passes over."""


def start(*arguments: str, program: str = "multi-model-server") -> Run:
    """Start a server that goes on when its launcher has ended."""
    return Run(program, ("--start", *CONFIG, *arguments))


STOP = Run("multi-model-server", ("--stop",))
LIST = ask("GET", "/models", listener="management")
STORE = ("--model-store", "{folder}/store")
_TWICE = (*STORE, "--models", "a=noop", "a=inspect")

SCENARIOS = [
    Scenario(
        "export-is-dead",
        ("1.1:3",),
        (Run("multi-model-export"),),
        departures={0: "export-points-to-no-package"},
        ours={
            0: {
                "exit": 0,
                "prints": [
                    "\033[93mmulti-model-export is no longer supported. "
                    "Please use model-archiver to create a model archive.\033[0m"
                ],
            }
        },
    ),
    Scenario("stop-nothing", ("1.2:2",), (STOP, Run("mxnet-model-server", ("--stop",)))),
    Scenario(
        "start-ask-stop",
        ("1.1:1", "1.2:1", "1.2:2", "1.2:3"),
        (
            start(),
            Listen(),
            ask("GET", "/ping"),
            start(),
            STOP,
            Listen(up=False),
            Look("tmp/.model_server.pid"),
            STOP,
        ),
        FILES,
    ),
    Scenario(
        "start-by-the-older-name",
        ("1.1:2",),
        (start(program="mxnet-model-server"), Listen(), STOP),
        FILES,
    ),
    Scenario(
        "start-is-the-default",
        ("1.2-start",),
        (Run("multi-model-server", CONFIG), Listen(), STOP),
        FILES,
    ),
    Scenario(
        "start-and-stop-exclude-each-other",
        ("1.2-start",),
        (Run("multi-model-server", ("--start", "--stop")),),
    ),
    Scenario(
        "orphan-pid-file",
        ("1.2:3",),
        (start(), Listen(), STOP),
        {**FILES, "tmp/.model_server.pid": "4194300"},
    ),
    Scenario(
        "stop-with-an-orphan-pid-file",
        ("1.2:2",),
        (STOP, Look("tmp/.model_server.pid")),
        {"tmp/.model_server.pid": "4194300"},
    ),
    Scenario(
        "no-such-log-config",
        ("1.2:4",),
        (Run("multi-model-server", ("--log-config", "{folder}/none.xml")),),
    ),
    Scenario(
        "no-such-temp",
        ("1.2:5",),
        (Run("multi-model-server", (), (("TEMP", "{folder}/none"),)),),
    ),
    Scenario(
        "no-such-config",
        ("1.2:6",),
        (Run("multi-model-server", ("--mms-config", "{folder}/none.properties")),),
    ),
    Scenario(
        "no-such-store",
        ("1.2:8",),
        (Run("multi-model-server", ("--model-store", "{folder}/none")),),
    ),
    Scenario(
        "model-without-store",
        ("1.2:9",),
        (
            Run("multi-model-server", ("--models", "noop.mar")),
            Run("multi-model-server", ("--models", "http://127.0.0.1:1/a.mar", "noop")),
        ),
    ),
    Scenario(
        "models-joined-by-commas",
        ("1.2-models", "1.3:2"),
        (
            start(*STORE, "--models", "a=noop", "noop"),
            Listen(),
            ask("GET", "/models", listener="management", until='"noop"'),
            STOP,
        ),
        FILES,
    ),
    Scenario(
        "models-all",
        ("1.2-models", "1.3:1"),
        (
            start("--model-store", "{folder}/two", "--models", "all"),
            Listen(),
            LIST,
            STOP,
        ),
        FILES | TWO,
    ),
    Scenario(
        "duplicate-startup-model",
        ("1.2-duplicate",),
        (
            Run(
                "multi-model-server",
                ("--foreground", *CONFIG, *STORE, "--models", "a=noop", "a=inspect"),
            ),
        ),
        FILES,
        {0: "exit-status"},
        {
            0: {
                "exit": 1,
                "prints": ["Invalid configuration: Model a is already registered."],
            }
        },
    ),
    Scenario(
        "startup-model-that-is-not-there",
        ("1.2-order",),
        (
            start(*STORE, "--models", "none", "noop"),
            Listen(),
            LIST,
            STOP,
        ),
        FILES,
    ),
]

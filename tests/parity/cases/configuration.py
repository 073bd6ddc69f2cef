"""The configuration: its file, the environment, precedence, values that are refused."""

from __future__ import annotations

from parity.case import Step, ask
from parity.cases.commands import ADDRESSES, CONFIG, STOP, STORE, start
from parity.scenario import Listen, Run, Scenario

LIST = ask("GET", "/models", listener="management")
DESCRIBE = ask("GET", "/models/noop", listener="management")


def _with(*options: str, **environment: str) -> Run:
    return Run("multi-model-server", options, tuple(environment.items()))


def _refused(name: str, claim: str, lines: str, **environment: str) -> Scenario:
    run = _with("--foreground", *CONFIG, **environment)
    return Scenario(name, (claim,), (run,), {"config.properties": ADDRESSES + lines})


def _shows(name: str, claim: str, lines: str, *asked: Step, **environment: str) -> Scenario:
    steps = (_with(*CONFIG, *STORE, **environment), Listen(), *asked, STOP)
    return Scenario(name, (claim,), steps, {"config.properties": ADDRESSES + lines})


SCENARIOS = [
    _refused("workers-not-a-number", "2.1-numbers", "default_workers_per_model=many\n"),
    _refused("address-without-scheme", "2.4:3", "inference_address=127.0.0.1:8080\n"),
    _refused("address-with-slash", "2.4:1", "inference_address=http://127.0.0.1:8080/\n"),
    _refused("address-port-zero", "2.4:2", "inference_address=http://127.0.0.1:port\n"),
    _refused("placeholder-missing", "2.3-placeholder", "model_store=$$NO_SUCH_NAME$$\n"),
    _refused("blacklist-not-a-pattern", "2.1-blacklist", "blacklist_env_vars=(\n"),
    _shows("unknown-key", "2.1-unknown", "no_such_key=1\n", ask("GET", "/ping")),
    _shows(
        "properties-syntax",
        "2.1-syntax",
        "! comment\n# comment\n  load_models : a\\=noop,\\\n    b\\u003dnoop\nload_models noop\n"
        "default_workers_per_model:2\n",
        LIST,
        DESCRIBE,
    ),
    _shows("placeholders", "2.3-placeholder", "load_models=$$WHO$$p=no$$WHO$$p\n", LIST, WHO="o"),
    _shows(
        "environment-gate-open",
        "2.2-gate",
        "enable_envvars_config=true\nload_models=a=noop\n",
        LIST,
        MMS_LOAD_MODELS="b=noop",
    ),
    _shows(
        "environment-gate-shut",
        "2.2-gate",
        "load_models=a=noop\n",
        LIST,
        MMS_LOAD_MODELS="b=noop",
    ),
    Scenario(
        "command-line-before-file",
        ("2.3-value",),
        (start(*STORE, "--models", "c=noop"), Listen(), LIST, STOP),
        {"config.properties": ADDRESSES + "load_models=a=noop\n"},
    ),
    Scenario(
        "environment-before-command-line",
        ("2.3-value",),
        (
            _with(*CONFIG, *STORE, "--models", "c=noop", MMS_LOAD_MODELS="b=noop"),
            Listen(),
            LIST,
            STOP,
        ),
        {"config.properties": ADDRESSES + "enable_envvars_config=true\nload_models=a=noop\n"},
    ),
    Scenario(
        "file-named-by-environment",
        ("2.3-file",),
        (
            _with(*CONFIG, *STORE, MMS_CONFIG_FILE="{folder}/other.properties"),
            Listen(),
            LIST,
            STOP,
        ),
        {
            "config.properties": ADDRESSES + "load_models=a=noop\n",
            "other.properties": ADDRESSES + "load_models=b=noop\n",
        },
    ),
    Scenario(
        "file-in-the-current-folder",
        ("2.3-file",),
        (_with(*STORE), Listen(), LIST, STOP),
        {"config.properties": ADDRESSES + "load_models=a=noop\n"},
    ),
    Scenario(
        "one-listener",
        ("2.1:2",),
        (
            _with(*CONFIG, *STORE),
            Listen("inference"),
            ask("GET", "/ping"),
            ask("GET", "/models"),
            ask("GET", "/predictions/none"),
            STOP,
        ),
        {"config.properties": ADDRESSES + "management_address=http://127.0.0.1:{inference}\n"},
    ),
    _shows("load-all", "1.3:1", "load_models=ALL\n", LIST),
    _shows(
        "default-workers",
        "2.1:5",
        "load_models=noop\ndefault_workers_per_model=2\n",
        DESCRIBE,
        ask("POST", "/models?url=inspect&synchronous=true", listener="management"),
        ask("GET", "/models/inspect", listener="management"),
    ),
]

"""The configuration: its file, the environment, precedence, values that are refused."""

from __future__ import annotations

from parity.case import Step, ask
from parity.cases.commands import ADDRESSES, CONFIG, STOP, STORE, TWO, start
from parity.scenario import Listen, Run, Scenario

LIST = ask("GET", "/models", listener="management")
_FROM = "from <folder>/config.properties"
_ADDRESSES = "expected http://host:port, https://host:port or unix:/path."
DESCRIBE = ask("GET", "/models/noop", listener="management")


def _with(*options: str, **environment: str) -> Run:
    return Run("multi-model-server", options, tuple(environment.items()))


def _refused(name: str, claim: str, line: str, says: str) -> Scenario:
    """One line that is wrong; `says` is what this server prints of it."""
    return Scenario(
        name,
        (claim, "2.1-invalid"),
        (_with("--foreground", *CONFIG),),
        {"config.properties": f"{ADDRESSES}{line}\n"},
        {0: "configuration-errors"},
        {0: {"exit": 1, "prints": [f"Invalid configuration: {says}"]}},
    )


def _shows(name: str, claim: str, lines: str, *asked: Step, **environment: str) -> Scenario:
    run = _with(*CONFIG, *STORE, **environment)
    steps: tuple[Run | Listen | Step, ...] = (run, Listen(), *asked, STOP)
    return Scenario(name, (claim,), steps, {"config.properties": ADDRESSES + lines})


SCENARIOS = [
    _refused(
        "workers-not-a-number",
        "2.1-numbers",
        "default_workers_per_model=many",
        f"default_workers_per_model=many ({_FROM}): a whole number from 0 is expected.",
    ),
    _refused(
        "address-without-scheme",
        "2.4:1",
        "inference_address=127.0.0.1:8080",
        f"inference_address=127.0.0.1:8080 ({_FROM}): "
        f"Invalid binding address: 127.0.0.1:8080: {_ADDRESSES}",
    ),
    _refused(
        "address-with-slash",
        "2.4:2",
        "inference_address=http://127.0.0.1:8080/",
        f"inference_address=http://127.0.0.1:8080/ ({_FROM}): "
        f"Invalid binding address: http://127.0.0.1:8080/: {_ADDRESSES}",
    ),
    _refused(
        "address-port-not-a-number",
        "2.4:1",
        "inference_address=http://127.0.0.1:port",
        f"inference_address=http://127.0.0.1:port ({_FROM}): "
        f"Invalid binding address: http://127.0.0.1:port: {_ADDRESSES}",
    ),
    _refused(
        "placeholder-missing",
        "2.3-placeholder",
        "model_store=$$NO_SUCH_NAME$$",
        "Invalid Environment Variable NO_SUCH_NAME "
        "(in model_store, from <folder>/config.properties)",
    ),
    _refused(
        "blacklist-not-a-pattern",
        "2.1-blacklist",
        "blacklist_env_vars=(",
        f"blacklist_env_vars=( ({_FROM}): a regular expression is expected: "
        "missing ), unterminated subpattern at position 0.",
    ),
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
        ("2.1:1", "2.1:4", "2.3-file"),
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
    Scenario(
        "load-all",
        ("1.3:1",),
        (_with(*CONFIG, "--model-store", "{folder}/two"), Listen(), LIST, STOP),
        {"config.properties": ADDRESSES + "load_models=ALL\n", **TWO},
    ),
    _shows(
        "default-workers",
        "2.1:5",
        "load_models=noop\ndefault_workers_per_model=2\n",
        DESCRIBE,
        ask("POST", "/models?url=inspect&synchronous=true", listener="management"),
        ask("GET", "/models/inspect", listener="management"),
    ),
]

"""From a file, the environment and the command line to settings that know where they came from.

For each key: an `MMS_` variable where the file allows them, then the command line, the file, the
default. So it is in Multi Model Server, where the variables win so that a container can be
reconfigured without a new command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mms_server.config.properties import parse_properties
from mms_server.config.schema import GATE, IGNORED, SETTINGS, Settings
from mms_server.errors import ConfigError

CONFIG_FILE_VARIABLE = "MMS_CONFIG_FILE"
DEFAULT_FILE = "config.properties"

BUNDLED = {"sagemaker": Path(__file__).with_name("sagemaker.properties")}
"""Configuration files that come with this package, by the word that chooses one."""

_PLACEHOLDER = re.compile(r"\$\$([A-Za-z_][A-Za-z0-9_]*)\$\$")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None where it says nothing."""

    config_file: Path | None = None
    model_store: str | None = None
    load_models: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, the origin of each that is not a default, and what the operator should know."""

    settings: Settings
    config_file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def find_file(options: Options, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Choose the configuration file; None when there is none. Raises ConfigError."""
    named = environ.get(CONFIG_FILE_VARIABLE) or options.config_file
    if named and str(named) in BUNDLED:
        return BUNDLED[str(named)]
    if named:
        path = cwd / named
        if not path.is_file():
            raise ConfigError(f"--mms-config file not found: {named}")
        return path
    path = cwd / DEFAULT_FILE
    return path if path.is_file() else None


def load(options: Options, environ: Mapping[str, str], cwd: Path) -> Configuration:
    """Read and check everything. Raises ConfigError that names key, value and origin."""
    path = find_file(options, environ, cwd)
    from_file = {} if path is None else _read(path)
    sources: dict[str, tuple[str, str]] = {
        key: (text, f"{path}") for key, text in from_file.items() if key in SETTINGS
    }
    for key, text in (
        ("model_store", options.model_store),
        ("load_models", options.load_models),
    ):
        if text is not None:
            sources[key] = (text, "the command line")
    if from_file.get(GATE, "").strip().lower() == "true":
        for key, setting in SETTINGS.items():
            name = f"MMS_{key.upper()}"
            if setting.has_variable and name in environ:
                sources[key] = (environ[name], f"environment variable {name}")
    values = {key: _parse(key, *source, environ) for key, source in sources.items()}
    origins = {key: origin for key, (_, origin) in sources.items()}
    return Configuration(Settings(**values), path, origins, _warnings(from_file, values))


def _read(path: Path) -> dict[str, str]:
    try:
        return parse_properties(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"Configuration file {path} cannot be read: {exc}") from exc


def _parse(key: str, text: str, origin: str, environ: Mapping[str, str]) -> Any:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environ:
            raise ConfigError(f"Invalid Environment Variable {name} (in {key}, from {origin})")
        return environ[name]

    text = _PLACEHOLDER.sub(replace, text)
    try:
        return SETTINGS[key].parse(text)
    except ValueError as exc:
        raise ConfigError(f"{key}={text} (from {origin}): {exc}.") from exc


def _warnings(from_file: Mapping[str, str], values: Mapping[str, Any]) -> tuple[str, ...]:
    warnings = []
    for key in from_file:
        if key in IGNORED:
            warnings.append(f"{key} has no effect in this server and is ignored.")
        elif key not in SETTINGS and key != GATE:
            import difflib  # late: most files have no such key

            near = difflib.get_close_matches(key, [*SETTINGS, GATE], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            warnings.append(f"Unknown key {key} is ignored.{hint}")
    if "default_response_timeout" in values and "default_response_timeout_seconds" not in values:
        warnings.append(
            "default_response_timeout is read as seconds, as its documentation always said; "
            "Multi Model Server took it for minutes."
        )
    return tuple(warnings)

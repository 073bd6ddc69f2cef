"""`--log-config`: a file with Python's logging configuration, in place of log4j's."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from mms_server.errors import ConfigError

OFF = logging.CRITICAL + 10
"""The level `OFF`, which log4j has and Python has not."""


def configure(path: Path) -> str | None:
    """Configure Python's logging from a JSON or INI file.

    Returns a warning for the operator, if there is cause for one. Raises ConfigError. Loggers
    that the file does not name stay as they are, unless it says otherwise
    (`disable_existing_loggers`).

    Source: Python's documentation of `logging.config`, "Configuration dictionary schema" and
    "Configuration file format".
    """
    logging.addLevelName(OFF, "OFF")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigError(f"--log-config {path} cannot be read: {exc}") from exc
    if text.lstrip().startswith("<") or path.suffix in (".xml", ".properties"):
        return (
            f"--log-config {path} is a configuration of log4j, which this server does not have: "
            "it is ignored. Python's logging configuration is read instead, as JSON or INI."
        )
    try:
        if text.lstrip().startswith("{"):
            _configure_json(text)
        else:
            _configure_ini(text)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError) as exc:
        reason = exc if exc.__cause__ is None else f"{exc}: {exc.__cause__}"
        raise ConfigError(f"--log-config {path} cannot be used: {reason}") from exc
    return None


def _configure_json(text: str) -> None:
    document = json.loads(text)
    # Python's own default would silence every logger that has been made by now: all of ours.
    document.setdefault("disable_existing_loggers", False)
    from logging.config import (
        dictConfig,
    )  # late: it takes longer to import than most of this package

    dictConfig(document)


def _configure_ini(text: str) -> None:
    import configparser  # late: few configure logging, and they in JSON as a rule

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as exc:
        raise ValueError(f"JSON or INI is expected ({exc})") from exc
    if not parser.has_section("loggers"):
        raise ValueError("JSON or INI is expected, and an INI file has a section [loggers]")
    from logging.config import fileConfig

    fileConfig(parser, disable_existing_loggers=False)

"""The options that the launcher and the server process share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mms_server.config.loading import Configuration

SERVER_TOKEN = "com.amazonaws.ml.mms.ModelServer"  # noqa: S105 - a name, not a secret
"""Stands in the front end's command line, where the SageMaker inference toolkit looks for it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to serve and how."""
    parser.add_argument(
        "--mms-config",
        metavar="FILE",
        help="configuration file (default: ./config.properties); the word sagemaker stands for "
        "one that takes its values from SAGEMAKER_... variables",
    )
    parser.add_argument("--model-store", metavar="DIR", help="folder that models are loaded from")
    parser.add_argument(
        "--models",
        metavar="[NAME=]LOCATION",
        nargs="+",
        help="models to load at start: archives or folders in the model store, http(s) URLs, "
        "or ALL for everything in the store",
    )
    parser.add_argument(
        "--log-config",
        metavar="FILE",
        help="Python logging configuration, JSON or INI; one of log4j is ignored",
    )


def read_configuration(arguments: argparse.Namespace) -> Configuration:
    """Read what the options, the environment and the file say. Raises ConfigError."""
    # Late: the launcher starts a server without it, and the server reads it itself.
    from mms_server.config.loading import Options, load

    options = Options(
        config_file=Path(arguments.mms_config) if arguments.mms_config else None,
        model_store=arguments.model_store,
        load_models=",".join(arguments.models) if arguments.models else None,
    )
    return load(options, os.environ, Path.cwd())

"""The configuration as it is shown at start; people search logs for these labels."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from mms_server.config.loading import Configuration
from mms_server.config.reference import show

_UNSET = "N/A"


def describe(configuration: Configuration) -> str:
    """Render Multi Model Server's configuration dump; what only a JVM has is N/A."""
    settings = configuration.settings
    pattern = settings.blacklist_env_vars
    lines = {
        "MMS Home": Path(__file__).parents[2],
        "Current directory": Path.cwd(),
        "Temp directory": os.environ.get("TEMP") or tempfile.gettempdir(),
        "Number of GPUs": settings.number_of_gpu or 0,
        "Number of CPUs": os.cpu_count(),
        "Max heap size": None,
        "Python executable": sys.executable,
        "Config file": configuration.config_file,
        "Inference address": settings.inference_address,
        "Management address": settings.management_address,
        "Model Store": settings.model_store,
        "Initial Models": show("load_models", settings.load_models) or None,
        "Log dir": Path(os.environ.get("LOG_LOCATION", "logs")).absolute(),
        "Metrics dir": Path(os.environ.get("METRICS_LOCATION", "logs")).absolute(),
        "Netty threads": None,
        "Netty client threads": None,
        "Default workers per model": settings.startup_workers,
        "Blacklist Regex": None if pattern is None else pattern.pattern,
        "Maximum Response Size": settings.max_response_size,
        "Maximum Request Size": settings.max_request_size,
        "Preload model": str(settings.preload_model).lower(),
        "Prefer direct buffer": None,
    }
    return "\n".join(
        f"{label}: {_UNSET if value is None else value}" for label, value in lines.items()
    )

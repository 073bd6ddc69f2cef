from __future__ import annotations

from mms_server.config.description import describe
from mms_server.config.loading import Configuration
from mms_server.config.schema import Settings

LABELS = [
    "MMS Home",
    "Current directory",
    "Temp directory",
    "Number of GPUs",
    "Number of CPUs",
    "Max heap size",
    "Python executable",
    "Config file",
    "Inference address",
    "Management address",
    "Model Store",
    "Initial Models",
    "Log dir",
    "Metrics dir",
    "Netty threads",
    "Netty client threads",
    "Default workers per model",
    "Blacklist Regex",
    "Maximum Response Size",
    "Maximum Request Size",
    "Preload model",
    "Prefer direct buffer",
]


def test_labels_are_those_that_people_search_for() -> None:
    lines = describe(Configuration(Settings(load_models="a.mar"))).splitlines()
    shown = dict(line.split(": ", 1) for line in lines)
    assert list(shown) == LABELS
    assert shown["Inference address"] == "http://127.0.0.1:8080"
    assert shown["Initial Models"] == "a.mar"
    assert shown["Model Store"] == shown["Max heap size"] == "N/A"
    assert shown["Preload model"] == "false"

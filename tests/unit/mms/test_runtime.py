"""What holds for the worker runtime as a whole: its names, its syntax and its imports."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import mms
from mms.version import PYTHON_FLOOR

SOURCES = sorted(Path(mms.__file__).parent.rglob("*.py"))

PUBLIC_NAMES = [
    ("mms.context", "Context"),
    ("mms.context", "RequestProcessor"),
    ("mms.service", "PredictionException"),
    ("mms.service", "Service"),
    ("mms.metrics.metrics_store", "MetricsStore"),
    ("mms.metrics.dimension", "Dimension"),
    ("mms.metrics.metric", "Metric"),
    ("mms.metrics.metric_encoder", "MetricEncoder"),
    ("mms.metrics.unit", "Units"),
    ("mms.metrics", "system_metrics"),
    ("mms.version", "__version__"),
    ("mms", "__version__"),
]


@pytest.mark.parametrize(("module", "name"), PUBLIC_NAMES)
def test_names_that_handlers_import(module: str, name: str) -> None:
    code = f"from {module} import {name}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_syntax_is_that_of_the_oldest_python(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), str(path), feature_version=PYTHON_FLOOR)


def test_sources_were_found() -> None:
    assert "context.py" in {path.name for path in SOURCES}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names is new in 3.10")
@pytest.mark.parametrize(
    "module",
    ["mms.context", "mms.service", "mms.worker.loader", "mms.worker.inputs", "mms.worker.outputs"],
)
def test_only_the_standard_library_is_imported(module: str) -> None:
    importlib.import_module(module)
    code = (
        f"import sys; before = set(sys.modules); import {module}; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    assert output == b"['mms']\n"

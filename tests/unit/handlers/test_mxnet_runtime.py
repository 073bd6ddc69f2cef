"""What can be said of MXNet where there is none, as in the interpreter that runs these tests."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from mms.handlers.base import MissingPackageError
from mms.handlers.mxnet_runtime import first_line, import_mxnet
from mms.worker.loader import load
from support.handlers import ModelFolder


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("No module named 'mxnet'"), "pip install 'mxnet==1.9.1' 'numpy<1.24'"),
        (AttributeError("module 'numpy' has no attribute 'bool'"), "cannot use .* numpy"),
        (OSError("libgomp.so.1: cannot open shared object file"), "apt-get install libgomp1"),
    ],
)
def test_what_keeps_mxnet_away_is_said_with_the_remedy(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> Any:
        assert name == "mxnet"
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingPackageError, match=said):
        import_mxnet()


def test_other_errors_of_the_system_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise OSError(f"disk full: {name}")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(OSError, match="disk full"):
        import_mxnet()


@pytest.mark.parametrize("name", ["mxnet_classifier", "mxnet_model"])
def test_handlers_are_found_without_mxnet(name: str, model: ModelFolder) -> None:
    entry = load(f"mms.handlers.{name}", str(model.write()))
    assert entry.origin.startswith(f"mms.handlers.{name}:Mxnet")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MXNetError: Error in operator p: [18:39:37] ../src/pad.h:215: No.", None),
        ('Traceback (most recent call last):\n  File "x.cc", line 7\nMXNetError: No.', "No."),
        (
            'Traceback (most recent call last):\n  File "json.h", line 957\nJSONReader: Missing.\n',
            "JSONReader: Missing.",
        ),
        ("Parameter 'a' is missing in file 'b'", "Parameter 'a' is missing in file 'b'"),
        ("", "RuntimeError"),
    ],
)
def test_only_what_an_error_says_is_kept(text: str, expected: str | None) -> None:
    assert first_line(RuntimeError(text)) == (expected or "Error in operator p: No.")

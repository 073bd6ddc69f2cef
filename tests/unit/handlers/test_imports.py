"""Handlers import their engines when they are initialized: a worker has one of them at most."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mms.handlers

MODULES = sorted(path.stem for path in Path(mms.handlers.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_imported(module: str) -> None:
    code = (
        f"import sys; before = set(sys.modules); import mms.handlers.{module}; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout.strip() == b"['mms']"

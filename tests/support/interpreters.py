"""Other Pythons than the one that runs the tests, for workers to run on."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mms.version import PYTHON_FLOOR

OLDEST = ".".join(map(str, PYTHON_FLOOR))
NEWEST = "3.13"


def interpreter(release: str) -> str:
    """Find a CPython of that release, on the path or among pyenv's.

    A test that needs one that is not there is skipped, but fails in continuous integration.
    """
    found = _find(release)
    if found is None:
        missing = f"Python {release} is needed, on the path or in pyenv"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@functools.cache
def _find(release: str) -> str | None:
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{release}"), *home.glob(f"versions/{release}.*/bin/python")]
    for candidate in candidates:
        if candidate is not None and _release_of(candidate) == release:
            return str(candidate)
    return None


def _release_of(candidate: str | Path) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import mms.worker
from mms.version import PYTHON_FLOOR

PACKAGE = Path(mms.worker.__file__).parent


def test_a_python_that_is_too_old_says_so() -> None:
    code = (
        "import mms.version, runpy; mms.version.PYTHON_FLOOR = (9, 9); "
        "runpy.run_module('mms.worker', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}; "
        "a model's interpreter must be 9.9 or newer.\n"
    )


def test_what_runs_before_that_is_older_syntax() -> None:
    assert PYTHON_FLOOR == (3, 8)
    for path in (PACKAGE / "__main__.py", PACKAGE.parent / "version.py", PACKAGE / "__init__.py"):
        tree = ast.parse(path.read_text())
        newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Starred)
        assert not [node for node in ast.walk(tree) if isinstance(node, newer)]

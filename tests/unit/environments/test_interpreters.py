from __future__ import annotations

import json
import os
import sys
import venv
from pathlib import Path

import pytest

from mms_server.environments.interpreters import find
from mms_server.errors import ModelEnvironmentError
from support.interpreters import OLDEST, interpreter


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_absolute_path() -> None:
    found = find(sys.executable, os.environ)
    assert found.executable == sys.executable
    assert found.release == sys.version_info[:3]


def test_a_command_is_looked_up_on_the_path_that_is_given() -> None:
    oldest = interpreter(OLDEST)
    found = find("python3", {"PATH": str(Path(oldest).parent)})
    assert ".".join(map(str, found.release[:2])) == OLDEST
    with pytest.raises(ModelEnvironmentError, match=r"python3\.99 was not found on .*: install it"):
        find("python3.99", os.environ)


def test_the_folder_of_an_environment(tmp_path: Path) -> None:
    venv.create(tmp_path / "env")
    found = find(str(tmp_path / "env"), os.environ)
    assert found.executable == str(tmp_path / "env" / "bin" / "python")
    assert found.prefix == str(tmp_path / "env")
    assert found != find(sys.executable, os.environ)


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    for path in (tmp_path / "nothing", tmp_path / "plain", tmp_path):
        with pytest.raises(ModelEnvironmentError, match="does not exist or cannot be executed"):
            find(str(path), os.environ)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo not here >&2; exit 127", "exit status 127: not here"),
        ("echo '{}'", "exit status 0"),
        ("kill -9 $$", "exit status -9"),
    ],
)
def test_what_is_no_python(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ModelEnvironmentError, match=f"does not run: {reason}"):
        find(program(tmp_path / "python", text), os.environ)


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    said = {"executable": "x", "release": [2, 7, 18], "build": "", "prefix": "", "platform": ""}
    old = program(tmp_path / "python", f"echo '{json.dumps(said)}'")
    with pytest.raises(ModelEnvironmentError, match=r"is Python 2\.7\.18; .* 3\.8 or newer"):
        find(old, os.environ)

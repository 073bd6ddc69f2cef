"""Finding an interpreter and learning what it is. Blocks: for the helper process only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

import msgspec

from mms.version import PYTHON_FLOOR
from mms_server.errors import ModelEnvironmentError

_PROBE_S = 30.0
_PROBE = """
import json, platform, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "release": list(sys.version_info[:3]),
    "build": sys.version + " " + platform.python_implementation(),
    "prefix": sys.prefix,
    "platform": sysconfig.get_platform() + " " + " ".join(platform.libc_ver()),
}))
"""
"""Written for any Python since 2.7: one that is too old is to say so itself."""


class Interpreter(msgspec.Struct, frozen=True):
    """What an interpreter says of itself; two that differ in anything share no environment."""

    executable: str
    release: tuple[int, int, int]
    build: str
    prefix: str
    platform: str


def find(python: str, environment: Mapping[str, str]) -> Interpreter:
    """Look an interpreter up and ask it what it is.

    `python` is an absolute path of a program or of an environment's folder, or a command to be
    looked up on `environment`'s PATH. Raises ModelEnvironmentError if there is none, if it does
    not run, or if it is older than the worker runtime can use.
    """
    program = _locate(python, environment)
    # Not -I, which Python 2 does not know. The working folder, which -c puts on the path, is /.
    command = [program, "-E", "-s", "-c", _PROBE]
    try:
        done = subprocess.run(  # noqa: S603 - an interpreter that the operator has allowed
            command,
            cwd="/",
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise _unusable(program, str(exc)) from exc
    try:
        interpreter = msgspec.json.decode(done.stdout, type=Interpreter)
    except msgspec.DecodeError as exc:
        said = " ".join(done.stderr.decode(errors="replace").split())[-300:]
        raise _unusable(program, f"exit status {done.returncode}: {said}") from exc
    if interpreter.release < PYTHON_FLOOR:
        raise ModelEnvironmentError(
            f"{program} is Python {dotted(interpreter.release)}; a model's interpreter must be "
            f"{dotted(PYTHON_FLOOR)} or newer."
        )
    return interpreter


def dotted(release: tuple[int, ...]) -> str:
    """Write a version as people do."""
    return ".".join(map(str, release))


def _locate(python: str, environment: Mapping[str, str]) -> str:
    if not os.path.isabs(python):
        found = shutil.which(python, path=environment.get("PATH", os.defpath))
        if found is None:
            raise ModelEnvironmentError(
                f"Interpreter {python} was not found on the server's PATH: install it, or name "
                "another one in model_pythons and in the model's manifest."
            )
        return found
    program = os.path.join(python, "bin", "python") if os.path.isdir(python) else python
    if not os.access(program, os.X_OK):
        raise ModelEnvironmentError(
            f"Interpreter {program} does not exist or cannot be executed: install it, or name "
            "another one in model_pythons and in the model's manifest."
        )
    return program


def _unusable(program: str, reason: str) -> ModelEnvironmentError:
    return ModelEnvironmentError(
        f"Interpreter {program} does not run: {reason}. Repair it, or name another one in "
        "model_pythons and in the model's manifest."
    )

"""Making an environment with uv, or with `venv` and pip. Blocks: for the helper process only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mms_server.environments.interpreters import Interpreter
from mms_server.environments.requirements import Requirements
from mms_server.environments.store import python_of, venv_of
from mms_server.errors import ModelEnvironmentError

_TAIL_LINES = 30
_TAIL_CHARACTERS = 3000
_READ_BYTES = 64 * 1024
_LINE_CHARACTERS = 500
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_DISK_FULL = ("No space left on device", "os error 28")
"""Words of the C library and of Rust's standard library for ENOSPC."""

_FOREIGN = frozenset(
    (
        *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
        *(
            "PIP_PREFIX",
            "PIP_PYTHON",
            "PIP_REQUIRE_VIRTUALENV",
            "PIP_ROOT",
            "PIP_TARGET",
            "PIP_USER",
        ),
        *("UV_PYTHON", "UV_SYSTEM_PYTHON"),
    )
)
"""Variables that would lead an installer to another environment than the one it is told."""


@dataclass(frozen=True, slots=True)
class Tool:
    """An installer: the program `uv`, or `pip` if there is none."""

    uv: str | None

    @property
    def name(self) -> str:
        """How people call it."""
        return "pip" if self.uv is None else "uv"


def choose(installer: str, environment: Mapping[str, str]) -> Tool:
    """Choose by the setting `model_installer`. Raises ModelEnvironmentError."""
    if installer == "pip":
        return Tool(None)
    beside = os.path.dirname(sys.executable)
    path = os.pathsep.join((beside, environment.get("PATH", os.defpath)))
    uv = shutil.which("uv", path=path)
    if uv is None and installer == "uv":
        raise ModelEnvironmentError(
            "model_installer is uv, which was not found beside the server's interpreter nor on "
            "its PATH: pip install uv, or set model_installer=auto."
        )
    return Tool(uv)


@dataclass(frozen=True, slots=True)
class Installation:
    """One environment to be made in `folder`, which is there and empty.

    `report` is called with each line that the installer prints.
    """

    folder: Path
    interpreter: Interpreter
    requirements: Requirements
    tool: Tool
    arguments: Sequence[str]
    environment: Mapping[str, str]
    report: Callable[[str], None]

    def run(self) -> None:
        """Make it. Raises ModelEnvironmentError with the end of what the installer said."""
        file = self.folder / "requirements.txt"
        file.write_bytes(self.requirements.content)
        for command in self._venv_commands():
            status, said = self._execute(command)
            if status != 0:
                what = f"An environment cannot be made with {self._named()}"
                raise self._failure(what, status, said)
        status, said = self._install(file)
        if status != 0:
            raise self._failure(
                f"The model's requirements cannot be installed with {self._named()}", status, said
            )

    def _install(self, file: Path) -> tuple[int, str]:
        """Install from the archive's wheels alone if they suffice, else from the index, too.

        So it needs no network, and no wait for one that is not there, where everything was packed.
        """
        wheels = self.requirements.wheels
        if wheels is None:
            return self._execute(self._install_command(file))
        links = ["--find-links", str(wheels)]
        status, said = self._execute(self._install_command(file, "--no-index", *links))
        if status == 0:
            return status, said
        self.report("The archive's wheels do not suffice; asking the package index.")
        return self._execute(self._install_command(file, *links))

    def _venv_commands(self) -> list[list[str]]:
        folder, python = str(venv_of(self.folder)), self.interpreter.executable
        if self.tool.uv is not None:
            return [[self.tool.uv, "venv", "--quiet", "--python", python, folder]]
        # In two steps: in one, venv keeps to itself what ensurepip says when it fails.
        own = str(python_of(self.folder))
        return [
            [python, "-I", "-m", "venv", "--without-pip", folder],
            [own, "-I", "-m", "ensurepip", "--upgrade", "--default-pip"],
        ]

    def _install_command(self, file: Path, *more: str) -> list[str]:
        python = str(python_of(self.folder))
        if self.tool.uv is None:
            command = [python, "-I", "-m", "pip", "--no-input", "--disable-pip-version-check"]
            command += ["install", "--progress-bar", "off"]
        else:
            command = [self.tool.uv, "pip", "install", "--no-progress", "--python", python]
        return [*command, "-r", str(file), *more, *self.arguments]

    def _execute(self, command: Sequence[str]) -> tuple[int, str]:
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        child = subprocess.Popen(  # noqa: S603 - that requirements are installed is allowed
            command,
            cwd=self.folder,
            env=self._child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert child.stdout is not None
        with child.stdout as output:
            while raw := output.readline(_READ_BYTES):
                line = _clean(raw)
                if line:
                    tail.append(line)
                    self.report(line)
        return child.wait(), "\n".join(tail)[-_TAIL_CHARACTERS:]

    def _child_environment(self) -> dict[str, str]:
        environment = {k: v for k, v in self.environment.items() if k not in _FOREIGN}
        environment["NO_COLOR"] = "1"
        environment["UV_PYTHON_DOWNLOADS"] = "never"
        # The certificates that the operator has told the system to trust, as pip does; the first
        # name is that of older releases.
        environment.setdefault("UV_NATIVE_TLS", "1")
        environment.setdefault("UV_SYSTEM_CERTS", "1")
        # Links into uv's cache would let one model write into another's packages.
        environment.setdefault("UV_LINK_MODE", "copy")
        return environment

    def _named(self) -> str:
        return f"{self.tool.name} for {self.interpreter.executable}"

    def _failure(self, what: str, status: int, said: str) -> ModelEnvironmentError:
        if any(words in said for words in _DISK_FULL):
            return disk_full(self.folder.parent)
        advice = "Correct the model's requirements, or put the wheels into its folder wheels."
        if "ensurepip" in said:
            advice = "Install the interpreter's venv and ensurepip modules, or uv for the server."
        return ModelEnvironmentError(f"{what} (exit status {status}). {advice}\n{said}")


def disk_full(root: Path) -> ModelEnvironmentError:
    """Say that there is no room."""
    return ModelEnvironmentError(
        f"The disk of {root} is full. Make room, lower max_environments_bytes, or set "
        "model_environments_folder to a folder on another disk."
    )


def _clean(raw: bytes) -> str:
    """Make one printable line of what may come from a package, without credentials of URLs."""
    text = _CREDENTIALS.sub("***@", raw.decode("utf-8", "replace"))[:_LINE_CHARACTERS]
    return "".join(c if c.isprintable() else " " for c in text).strip()

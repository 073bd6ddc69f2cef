from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mms_server.environments import store
from mms_server.environments.installer import Installation, Tool, choose
from mms_server.environments.interpreters import find
from mms_server.environments.requirements import read
from mms_server.errors import ModelEnvironmentError
from support.interpreters import NEWEST, OLDEST, interpreter
from support.packages import add_wheel

UV = choose("uv", os.environ)
PIP = Tool(None)

MISLEADING = {
    "PYTHONPATH": "/elsewhere",
    "PIP_TARGET": "/elsewhere",
    "PIP_USER": "1",
    "UV_SYSTEM_PYTHON": "1",
    "UV_PYTHON": "/elsewhere",
}
"""Set on machines that have one environment for everything."""


class Bench:
    """A model that asks for something, and the environment that is made for it."""

    def __init__(self, folder: Path) -> None:
        self.model = folder / "model"
        self.model.mkdir()
        self.folder = folder / "environment"
        self.lines: list[str] = []

    def install(
        self, wanted: str, tool: Tool, python: str = sys.executable, *arguments: str
    ) -> None:
        (self.model / "requirements.txt").write_text(wanted)
        store.begin(self.folder)
        Installation(
            self.folder,
            find(python, os.environ),
            read(self.model, "requirements.txt"),
            tool,
            arguments,
            {**os.environ, **MISLEADING, "SAID": "https://me:secret@x.com/a\x1b"},
            self.lines.append,
        ).run()

    def run(self, code: str) -> str:
        command = [str(store.python_of(self.folder)), "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def fake(folder: Path, text: str) -> Tool:
    path = folder / "uv"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Tool(str(path))


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
@pytest.mark.parametrize("tool", [UV, PIP], ids=lambda tool: tool.name)
def test_wheels_of_the_archive_need_no_network(bench: Bench, tool: Tool, release: str) -> None:
    add_wheel(bench.model / "wheels", "tiny", "1.0")
    add_wheel(bench.model / "wheels", "tiny", "2.0")
    bench.install("tiny<2", tool, interpreter(release))
    assert bench.run("import tiny; print(tiny.VERSION)") == "1.0"
    assert bench.run("import sys; print('%d.%d' % sys.version_info[:2])") == release
    assert bench.run("import importlib.util as u; print(u.find_spec('msgspec'))") == "None"
    assert any("tiny" in line for line in bench.lines)


@pytest.mark.parametrize("tool", [UV, PIP], ids=lambda tool: tool.name)
def test_what_cannot_be_had_is_told_in_the_installers_words(bench: Bench, tool: Tool) -> None:
    add_wheel(bench.model / "wheels", "tiny", "1.0")
    with pytest.raises(ModelEnvironmentError) as failed:
        bench.install("tiny==3", tool, sys.executable, "--no-index")
    message = str(failed.value)
    assert message.startswith(
        f"The model's requirements cannot be installed with {tool.name} for {sys.executable} ("
    )
    assert "Correct the model's requirements" in message
    assert "tiny==3" in message
    assert "The archive's wheels do not suffice; asking the package index." in bench.lines


def test_a_full_disk(bench: Bench, tmp_path: Path) -> None:
    tool = fake(tmp_path, "echo 'OSError: [Errno 28] No space left on device'; exit 1")
    with pytest.raises(ModelEnvironmentError, match=r"The disk of .* is full\. Make room"):
        bench.install("tiny", tool)


def test_an_interpreter_that_cannot_make_environments(bench: Bench, tmp_path: Path) -> None:
    tool = fake(tmp_path, "echo 'ensurepip is not available'; exit 1")
    with pytest.raises(ModelEnvironmentError, match="Install the interpreter's venv and ensurepip"):
        bench.install("tiny", tool)


def test_what_an_installer_is_given_and_what_is_shown_of_it(bench: Bench, tmp_path: Path) -> None:
    (bench.model / "wheels").mkdir()
    tool = fake(tmp_path, 'echo "$SAID"; echo; pwd; echo "$PYTHONPATH.$NO_COLOR"; echo "$@"')
    bench.install("tiny", tool, sys.executable, "--pre")
    assert bench.lines[:3] == ["https://***@x.com/a", str(bench.folder), ".1"]
    assert bench.lines[-1].endswith(
        f"-r {bench.folder}/requirements.txt --no-index --find-links {bench.model}/wheels --pre"
    )


def test_the_choice_of_an_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto", {}) == UV
    assert choose("pip", os.environ) == PIP
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert choose("auto", {"PATH": "/nowhere"}) == PIP
    with pytest.raises(ModelEnvironmentError, match="pip install uv"):
        choose("uv", {"PATH": "/nowhere"})
    tool = fake(tmp_path, "")
    assert choose("auto", {"PATH": "/nowhere"}) == tool
    assert choose("auto", {"PATH": str(tmp_path)}) == tool

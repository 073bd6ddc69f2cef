"""The commands on the engines' pages are run, and what they print is what the pages show."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running_server import RunningServer, start_server

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")
PAGES = {"onnx": "onnx", "vision": "onnx", "pytorch": "torch", "scikit-learn": "sklearn"}
"""Each page, and the module that must be there for its commands."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose model store is the folder `models` beside the commands."""
    (tmp_path / "models").mkdir()
    (tmp_path / "server").mkdir()
    server = start_server(tmp_path / "server", store=tmp_path / "models")
    yield server
    server.stop()


def pattern(expected: str) -> re.Pattern[str]:
    """`...` stands for anything within a line."""
    return re.compile(re.escape(expected).replace(r"\.\.\.", ".*"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages' client is curl")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page: str, server: RunningServer, tmp_path: Path) -> None:
    if importlib.util.find_spec(PAGES[page]) is None:
        pytest.skip(f"{PAGES[page]} is not installed")
    bin_folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    ports = {"8080": str(server.inference_port), "8081": str(server.management_port)}
    commands = 0
    for kind, text in BLOCK.findall((DOCS / f"{page}.md").read_text()):
        if kind == "python":
            name = NAMED.match(text)
            assert name is not None, "a block of Python begins with the name of its file"
            (tmp_path / name[1]).write_text(text)
            continue
        here = re.sub(r"(?<=127\.0\.0\.1:)808[01]", lambda match: ports[match[0]], text)
        for part in re.split(r"^\$ ", here, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            done = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=100,
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            assert pattern(expected.strip()).fullmatch(done.stdout.strip()), (
                f"$ {command}\nprinted:\n{done.stdout}\nexpected:\n{expected}"
            )
            commands += 1
    assert commands > 3

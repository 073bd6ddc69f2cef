"""The README's commands are run, and what they print is what the README shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running_server import free_port

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HANDLER = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """Each command with the output that the README shows for it."""
    found = []
    for block in BLOCK.findall(README.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """`...` stands for anything: within a line, or as a line of its own for any lines."""
    lines = []
    for line in expected.splitlines(keepends=True):
        if line == "...\n":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(re.escape(line).replace(r"\.\.\.", ".*"))
    return re.compile("".join(lines))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A new user's shell, in which the server takes ports that are free."""
    (tmp_path / "my_model").mkdir()
    (tmp_path / "my_model" / "service.py").write_text(HANDLER.findall(README.read_text())[0])
    bin_folder = Path(sys.executable).parent
    yield {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
        "TEMP": str(tmp_path),
    }
    subprocess.run(
        [bin_folder / "multi-model-server", "--stop"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
        capture_output=True,
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's client is curl")
@pytest.mark.timeout(300)
def test_the_walk_prints_what_the_readme_shows(environment: dict[str, str], tmp_path: Path) -> None:
    ports = {"8080": str(free_port()), "8081": str(free_port())}
    (tmp_path / "config.properties").write_text(
        f"inference_address=http://127.0.0.1:{ports['8080']}\n"
        f"management_address=http://127.0.0.1:{ports['8081']}\n"
        "default_workers_per_model=1\n"
    )

    def here(text: str) -> str:
        return re.sub(r"(?<=127\.0\.0\.1:)808[01]", lambda match: ports[match[0]], text)

    walked = steps()
    assert len(walked) > 10
    for number, (command, expected) in enumerate(walked):
        output = tmp_path / f"step-{number}"
        with output.open("w") as out:  # a file: the server inherits it and goes on
            subprocess.run(
                here(command),
                shell=True,
                cwd=tmp_path,
                env=environment,
                stdout=out,
                stderr=subprocess.DEVNULL,
                timeout=120,
                check=True,
            )
        printed = output.read_text()
        if not printed.endswith("\n") and printed:
            printed += "\n"
        assert pattern(here(expected)).fullmatch(printed), (
            f"$ {command}\nprinted:\n{printed}\nexpected:\n{expected}"
        )
        assert len(printed) < 10_000

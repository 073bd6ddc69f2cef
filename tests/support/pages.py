"""Pages of documentation, and the one way of executing them.

An example is a fenced block. `console` blocks hold commands behind `$ ` and what they print;
`...` there stands for what differs from run to run. A block under the comment
`<!-- file: PATH -->`, which readers do not see, is a file of that content. One under
`<!-- from: PATH -->` is an excerpt of another page, and run there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from support.running_server import free_port
from support.web import serve_folder

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
"""What readers are given, and the tests of `tests/docs` hold to its word."""
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
"""Folders, each with a page that `tests/examples` holds to its word."""

_FENCE = re.compile(
    r"(?:^<!-- (?:file: (?P<file>\S+)|from: (?P<origin>\S+)) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_WEB_PORT = 8000
_PORT = re.compile(r"(?<=[:=])(8000|8080|8081|8443)\b")
_MAX_OUTPUT = 10_000
_SOURCES = (".json", ".md", ".properties", ".py", ".txt")


@dataclass(frozen=True)
class Fence:
    """A fenced block.

    `file` is where its text is to be found, and `origin` what it is an excerpt of, where the page
    says so.
    """

    language: str
    text: str
    file: str | None = None
    origin: str | None = None


@dataclass(frozen=True)
class Command:
    """A command, and the output that a page shows for it."""

    line: str
    output: str


def read_fences(page: Path) -> list[Fence]:
    """List the fenced blocks of a page in order."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    groups = ("language", "text", "file", "origin")
    return [Fence(*match.group(*groups)) for match in found]


def without_fences(page: Path) -> str:
    """Return a page's text without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def read_commands(text: str) -> Iterator[Command]:
    """Read the commands of a `console` block; a backslash at the end of a line continues one."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        match = re.match(r"(?:.*\\\n)*.*\n", part)
        assert match is not None, part
        yield Command(match[0].rstrip("\n"), part[match.end() :])


def pattern_of(output: str) -> re.Pattern[str]:
    """Read `...` as anything: within a line, or as a line of its own for any lines."""
    lines = []
    for line in output.splitlines(keepends=True):
        if line == "...\n":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(re.escape(line).replace(r"\.\.\.", ".*"))
    return re.compile("".join(lines))


@dataclass
class Walk:
    """A new user's shell in a folder of its own.

    The ports that pages name are others here, which are free. What lies in the folder `web` is
    served by a web server on port 8000. A command may take `timeout_s`.
    """

    folder: Path
    timeout_s: float = 120.0
    ports: Mapping[str, str] = field(init=False)
    _web: ExitStack = field(init=False, default_factory=ExitStack)

    def __post_init__(self) -> None:
        (self.folder / "web").mkdir()
        web_port = self._web.enter_context(serve_folder(self.folder / "web"))
        self.ports = {
            **{port: str(free_port()) for port in ("8080", "8081", "8443")},
            str(_WEB_PORT): str(web_port),
        }
        self.write(
            "config.properties",
            "inference_address=http://127.0.0.1:8080\n"
            "management_address=http://127.0.0.1:8081\n"
            "default_workers_per_model=1\n",
        )

    def follow(self, page: Path) -> int:
        """Do what a page does, and compare; returns how many commands that were."""
        commands = 0
        for fence in read_fences(page):
            if fence.file is not None:
                self.write(fence.file, fence.text)
            if fence.language == "console" and fence.origin is None:
                for command in read_commands(fence.text):
                    self.run(command)
                    commands += 1
        return commands

    def copy(self, folder: Path) -> None:
        """Put the source files of a folder into this one, and nothing that a run has left there."""
        for path in folder.rglob("*"):
            if path.suffix in _SOURCES:
                self.write(str(path.relative_to(folder)), path.read_text(encoding="utf-8"))

    def write(self, file: str, text: str) -> None:
        """Put a file into the folder."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(text), encoding="utf-8")

    def here(self, text: str) -> str:
        """Replace the ports of a page by those of this walk."""
        return _PORT.sub(lambda match: self.ports[match[0]], text)

    def run(self, command: Command) -> None:
        """Run a command; fail when it does, or prints anything else."""
        output = self.folder / ".output"
        with output.open("w") as out:  # a file: a server inherits it and goes on
            subprocess.run(
                self.here(command.line),
                shell=True,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
                timeout=self.timeout_s,
                check=True,
            )
        printed = output.read_text()
        output.unlink()
        if printed and not printed.endswith("\n"):
            printed += "\n"
        assert pattern_of(self.here(command.output)).fullmatch(printed), (
            f"$ {command.line}\nprinted:\n{printed}\nexpected:\n{command.output}"
        )
        assert len(printed) < _MAX_OUTPUT

    def close(self) -> None:
        """Stop what was started."""
        self._web.close()
        self.run(Command("multi-model-server --stop", "...\n"))

    def _environment(self) -> dict[str, str]:
        bin_folder = Path(sys.executable).parent
        return {
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(self.folder),
            "TEMP": str(self.folder),
        }

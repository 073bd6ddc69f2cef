"""Tiny packages that install without a network: wheels, and one whose build can be held up."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def add_wheel(folder: Path, name: str, version: str) -> Path:
    """Write a wheel (PyPA's "Binary distribution format") of a module that knows its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": _METADATA.format(name=name, version=version),
        f"{info}/WHEEL": _WHEEL,
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(file, text)
    return path


_BACKEND = """
import os, pathlib, shutil, time

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    gate = pathlib.Path(os.environ["GATE"])
    (gate / str(os.getpid())).touch()
    while not (gate / "open").exists():
        time.sleep(0.01)
    shutil.copy("{wheel}", wheel_directory)
    return "{wheel}"
"""

_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def add_gated_package(folder: Path, name: str, version: str = "1.0") -> None:
    """Write a source package (PEP 517) whose build waits for a file `open` in the folder $GATE.

    While it waits there is a file there, named by the process's id.
    """
    wheel = add_wheel(folder, name, version)
    root = f"{name}-{version}"
    files = {
        "PKG-INFO": _METADATA.format(name=name, version=version).encode(),
        "pyproject.toml": _PROJECT.encode(),
        "backend.py": _BACKEND.format(wheel=wheel.name).encode(),
        wheel.name: wheel.read_bytes(),
    }
    with tarfile.open(folder / f"{root}.tar.gz", "w:gz") as package:
        for file, content in files.items():
            member = tarfile.TarInfo(f"{root}/{file}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    wheel.unlink()


class Gate:
    """Where gated packages wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def builders(self) -> list[int]:
        """The ids of the processes that have come to it."""
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]

    def open(self) -> None:
        """Let all through from now on."""
        (self.folder / "open").touch()

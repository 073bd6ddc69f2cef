"""Compiles the request path into a wheel (hatchling's custom build hook; see `make wheel`).

mypyc compiles typed Python as it stands. All modules share one library inside `mms`, the package
that workers have too. The sources stay in the wheel: other interpreters, which a model may bring,
and tracebacks read them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LIBRARY = "mms.compiled"
_MYPY = ("--config-file=", "--explicit-package-bases", "--ignore-missing-imports")


class RequestPathHook(BuildHookInterface[Any]):
    """Adds the libraries of the modules that pyproject.toml lists."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling what to take in and where."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="mms-compiled-")
        built = Path(self._folder.name)
        for library in _compile(Path(self.root), self.config["modules"], built):
            build_data["force_include"][str(library)] = str(library.relative_to(built / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel holds now."""
        if version != "editable":
            self._folder.cleanup()


def _compile(root: Path, modules: list[str], folder: Path) -> list[Path]:
    """Compile modules by their names; returns the libraries, laid out below `lib`."""
    from mypyc.build import mypycify  # both are there when the hook is enabled
    from setuptools import Distribution

    os.chdir(root)
    os.environ["MYPYPATH"] = "src"
    os.environ["MYPY_CACHE_DIR"] = str(folder / "cache")
    paths = [f"src/{module.replace('.', '/')}.py" for module in modules]
    extensions = mypycify(
        [*_MYPY, *paths], opt_level="3", group_name=_LIBRARY, target_dir=str(folder / "c")
    )
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "objects")
    command.ensure_finalized()
    command.run()
    return [Path(path) for path in command.get_outputs()]

"""From an engine's name to a folder with a handler, an example request and a test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from mms_server.errors import BadRequestError, ConflictError, MMSError

PACKAGES: Mapping[str, str] = {
    "gluon": "mms-server 'mxnet==1.9.1' 'numpy<1.24'",
    "mxnet": "mms-server 'mxnet==1.9.1' 'numpy<1.24'",
    "onnx": "'mms-server[onnx]'",
    "python": "mms-server",
    "sklearn": "'mms-server[sklearn]'",
    "torch": "'mms-server[torch]'",
}
"""What to install for each engine, as pip takes it. MXNet 1.9.1 reads what numpy 1.24 removed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")
_MAKER = "make_model.py"
_PREPARATION = f"python {_MAKER:<41}# makes the model's file, as your training would\n"


def generate(name: str, engine: str, parent: Path) -> Path:
    """Write a project of that name into a folder; returns its path. Blocks.

    Raises BadRequestError for a name that no model can have, ConflictError if something of that
    name is there, MMSError if the disk refuses.
    """
    if not _NAME.fullmatch(name):
        raise BadRequestError(
            f"{name!r} is no name for a model: letters, digits, '_', '-' and '.' are allowed, and "
            "it begins with one of the first two."
        )
    project = parent / name
    try:
        project.mkdir(parents=True)
        for path, content in _files(name, engine).items():
            (project / path).parent.mkdir(exist_ok=True)
            (project / path).write_bytes(content)
    except FileExistsError as exc:
        raise ConflictError(f"{project} exists.") from exc
    except OSError as exc:
        raise MMSError(f"{project} cannot be written: {exc}.") from exc
    return project


def _files(name: str, engine: str) -> dict[str, bytes]:
    data = resources.files("mms_server.projects").joinpath("data")
    files = dict(_walk(data.joinpath("common"), "")) | dict(_walk(data.joinpath(engine), ""))
    page = Template(files["README.md"].decode()).substitute(
        name=name,
        packages=PACKAGES[engine],
        preparation=_PREPARATION if _MAKER in files else "",
    )
    return files | {"README.md": page.encode()}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            yield from _walk(item, f"{prefix}{item.name}/")
        elif item.is_file():
            yield f"{prefix}{item.name}", item.read_bytes()

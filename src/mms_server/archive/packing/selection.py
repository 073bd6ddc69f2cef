"""Which files below the model path are packed. Blocks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from mms_server.archive.manifest import MANIFEST_PATH
from mms_server.archive.packing.request import PackRequest
from mms_server.errors import InvalidModelError

_LOGGER = logging.getLogger(__name__)

_EXCLUDED_FOLDERS = ("__MACOSX", "__pycache__")
_EXCLUDED_SUFFIXES = (".pyc", ".DS_Store", ".mar")
_HUGE_BYTES = 1024**3
"""Weights may be that large; a core file or a data set that was forgotten is it more often."""
_NAMES_SHOWN = 5


def select(request: PackRequest) -> dict[str, Path]:
    """Find what to pack: each file by its name in the archive.

    Exclusions are those of model-archiver 1.0, which packs hidden files but no hidden folders;
    what an earlier run has written into the model path is left out, too. Hidden files are reported
    as a warning, for they may hold secrets. Raises InvalidModelError for what is no file, OSError.
    """
    files = dict(_files(request))
    hidden = sorted(name for name in files if name.rpartition("/")[2].startswith("."))
    if hidden:
        _LOGGER.warning("Hidden files are packed, too: %s", shown(hidden))
    for name, file in sorted(files.items()):
        size = file.stat().st_size
        if size >= _HUGE_BYTES:
            _LOGGER.info("%s has %.1f GiB", name, size / 1024**3)
    return files


def shown(names: list[str]) -> str:
    """List names for a message, the first few of them."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _files(request: PackRequest) -> Iterator[tuple[str, Path]]:
    export_path = request.export_path.resolve()
    for folder, folders, names in os.walk(request.model_path, onerror=_raise):
        here = Path(folder)
        outputs = _earlier_outputs(request, folders) if here.resolve() == export_path else []
        folders[:] = [
            name for name in folders if name not in outputs and _is_packed_folder(here / name)
        ]
        for name in names:
            if name == "MANIFEST.json" or name.endswith(_EXCLUDED_SUFFIXES) or name in outputs:
                continue
            file = here / name
            if not file.is_file():  # opening a pipe would wait for ever
                raise InvalidModelError(f"{file} is not a file, or a link that leads to none.")
            yield file.relative_to(request.model_path).as_posix(), file


def _raise(error: OSError) -> None:
    raise error


def _earlier_outputs(request: PackRequest, folders: list[str]) -> list[str]:
    """Name what earlier runs may have left in the export path, which is inside the model path."""
    models = [name for name in folders if (request.export_path / name / MANIFEST_PATH).is_file()]
    if models:
        _LOGGER.warning("Models in the export path are not packed: %s", shown(sorted(models)))
    return [f"{request.model_name}.tar.gz", *models]


def _is_packed_folder(folder: Path) -> bool:
    if folder.name in _EXCLUDED_FOLDERS or folder.name.startswith("."):
        return False
    if folder.is_symlink():  # it may lead back to a folder above
        _LOGGER.warning("%s is a link to a directory, its content is not packed.", folder)
        return False
    return True

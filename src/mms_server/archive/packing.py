"""Making a `.mar` file of a folder: what `model-archiver` does.

The same folder gives the same bytes: entries are sorted, times fixed, modes reduced to whether a
file is executable. What is written here, `extraction` accepts by name and kind.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mms_server.archive.entries import EntryTable
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import MANIFEST_PATH, ModelEntry, Runtime, render_manifest
from mms_server.errors import BadRequestError, ConflictError, InvalidModelError, MMSError

_LOGGER = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")
_EXCLUDED_FOLDERS = ("__MACOSX", "__pycache__")
_EXCLUDED_SUFFIXES = (".pyc", ".DS_Store", ".mar")
_READY_MADE = "mms.handlers."  # every worker has these
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can express
_UNIX = 3  # "version made by": then the mode is in external_attr, APPNOTE.TXT 4.4.2


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What to pack: the options of `model-archiver`, under their names.

    `handler` is `module[:function]` or `module.py[:function]`, relative to `model_path`, or the
    dotted name of an importable module.
    """

    model_name: str
    model_path: Path
    handler: str
    runtime: Runtime = "python"
    export_path: Path = Path()
    is_forced: bool = False


def pack(request: PackRequest) -> Path:
    """Write `<export_path>/<model_name>.mar` in one step, or nothing; return its path. Blocks.

    Raises BadRequestError for a request that names what is not there, ConflictError if the output
    exists and the request does not force it, InvalidModelError for files that no archive may
    hold, MMSError if the disk refuses.
    """
    output = request.export_path / f"{request.model_name}.mar"
    _check(request, output)
    try:
        files = dict(_files(request.model_path))
        _check_handler(request.handler, files)
        _check_names(files)
        _write(output, request, files)
    except OSError as error:
        raise MMSError(f"Failed to write {output}: {error}.") from error
    return output


def _check(request: PackRequest, output: Path) -> None:
    if not _NAME.fullmatch(request.model_name):
        raise BadRequestError(
            f"Model name {request.model_name!r} contains special characters, "
            f"it must match ^{_NAME.pattern}$"
        )
    if not request.model_path.is_dir():
        raise BadRequestError(f"Given model-path {request.model_path} is not a valid directory.")
    if not request.export_path.is_dir():
        raise BadRequestError(
            f"Given export-path {request.export_path} is not a directory. "
            "Point to a valid export-path directory."
        )
    if not output.exists():
        return
    if not request.is_forced:
        raise ConflictError(
            f"{output} already exists.\n"
            "Please specify --force/-f option to overwrite the model archive output file.\n"
            "See -h/--help for more details."
        )
    _LOGGER.warning("Overwriting %s ...", output)


def _files(model_path: Path) -> Iterator[tuple[str, Path]]:
    """Find what to pack: name in the archive, and file."""
    for folder, folders, names in os.walk(model_path, onerror=_raise):
        folders[:] = [name for name in folders if _is_packed_folder(Path(folder, name))]
        for name in names:
            if name == "MANIFEST.json" or name.endswith(_EXCLUDED_SUFFIXES):
                continue
            file = Path(folder, name)
            if not file.is_file():  # opening a pipe would wait for ever
                raise InvalidModelError(f"{file} is not a file, or a link that leads to none.")
            yield file.relative_to(model_path).as_posix(), file


def _raise(error: OSError) -> None:
    raise error


def _is_packed_folder(folder: Path) -> bool:
    if folder.name in _EXCLUDED_FOLDERS or folder.name.startswith("."):
        return False
    if folder.is_symlink():  # it may lead back to a folder above
        _LOGGER.warning("%s is a link to a directory, its content is not packed.", folder)
        return False
    return True


def _check_handler(handler: str, files: dict[str, Path]) -> None:
    text = handler.partition(":")[0]
    module = text.removesuffix(".py")
    paths = (
        f"{module}.py",
        f"{module.replace('.', '/')}.py",
        f"{module.replace('.', '/')}/__init__.py",
    )
    if any(os.path.normpath(path) in files for path in paths):
        return
    if module.startswith(_READY_MADE):
        return
    if text != module or "/" in module or "." not in module:
        raise BadRequestError(
            f"Handler {handler!r} is not in the model path: there is no file {module}.py to pack."
        )
    _LOGGER.warning(
        "Handler %s is not in the model path; the worker must be able to import %s.",
        handler,
        module,
    )


def _check_names(files: dict[str, Path]) -> None:
    table = EntryTable(Limits())
    table.add_file(MANIFEST_PATH)
    for name in files:
        table.add_file(name)


def _write(output: Path, request: PackRequest, files: dict[str, Path]) -> None:
    # Hidden and beside the output, so that the rename stays on one file system.
    partial = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        with zipfile.ZipFile(partial, "x", zipfile.ZIP_DEFLATED) as archive:
            entry = ModelEntry(request.model_name, request.handler)
            manifest = render_manifest(entry, request.runtime)
            archive.writestr(_entry(MANIFEST_PATH), manifest)
            for name in sorted(files):
                _add(archive, name, files[name])
        partial.replace(output)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    with file.open("rb") as source:
        status = os.fstat(source.fileno())
        entry = _entry(name, is_executable=bool(status.st_mode & 0o111))
        entry.file_size = status.st_size  # tells zipfile when to write Zip64 headers
        with archive.open(entry, "w") as sink:
            shutil.copyfileobj(source, sink, 1024 * 1024)


def _entry(name: str, *, is_executable: bool = False) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
    return entry

"""The three formats: zip, gzipped tar, folder. Each is there whole or not at all. Blocks.

The same contents give the same bytes: entries are sorted, times fixed, modes reduced to whether a
file is executable. What is written here, `extraction` accepts by name and kind.
"""

from __future__ import annotations

import gzip
import io
import os
import secrets
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from mms_server.archive.manifest import MANIFEST_PATH
from mms_server.archive.packing.request import ArchiveFormat, PackRequest

Content = Path | bytes
"""A file to copy, or what to write."""

_CHUNK_BYTES = 1024 * 1024
_LEVEL = 6  # zlib's own default, which zipfile takes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can express
_UNIX = 3  # "version made by": then the mode is in external_attr, APPNOTE.TXT 4.4.2


def write(request: PackRequest, contents: Mapping[str, Content]) -> None:
    """Write the output in one step, or nothing, in place of what is there. Raises OSError."""
    if request.archive_format == "no-archive" and request.is_in_place:
        _complete(request.output, contents)
        return
    # Hidden and beside the output, so that the rename stays on one file system.
    partial = _hidden(request.output)
    try:
        _WRITERS[request.archive_format](partial, request.model_name, contents)
        if partial.is_dir():
            _replace_folder(partial, request.output)
        else:
            partial.replace(request.output)
    except BaseException:
        _remove(partial)
        raise


def _write_zip(output: Path, model_name: str, contents: Mapping[str, Content]) -> None:
    with zipfile.ZipFile(output, "x", zipfile.ZIP_DEFLATED) as archive:
        for name in _ordered(contents):
            with _Source(contents[name]) as source:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = _UNIX
                entry.external_attr = (stat.S_IFREG | source.mode) << 16
                entry.file_size = source.size  # tells zipfile when to write Zip64 headers
                with archive.open(entry, "w") as sink:
                    shutil.copyfileobj(source.file, sink, _CHUNK_BYTES)


def _write_tar(output: Path, model_name: str, contents: Mapping[str, Content]) -> None:
    """Write everything below `<name>/`, as model-archiver 1.0 does; no time, no owner."""
    with (
        output.open("xb") as file,
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
        tarfile.TarFile(
            fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, copybufsize=_CHUNK_BYTES
        ) as archive,
    ):
        for name in _ordered(contents):
            with _Source(contents[name]) as source:
                entry = tarfile.TarInfo(f"{model_name}/{name}")
                entry.mode = source.mode
                entry.size = source.size
                archive.addfile(entry, source.file)


def _write_folder(output: Path, model_name: str, contents: Mapping[str, Content]) -> None:
    output.mkdir()
    for name in _ordered(contents):
        _copy(contents[name], output / name)


_WRITERS: dict[ArchiveFormat, Callable[[Path, str, Mapping[str, Content]], None]] = {
    "default": _write_zip,
    "tgz": _write_tar,
    "no-archive": _write_folder,
}


class _Source:
    """A content, open for reading; `size` is in bytes, `mode` one of two."""

    def __init__(self, content: Content) -> None:
        self.file: IO[bytes] = (
            content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
        )
        self.size = len(content) if isinstance(content, bytes) else self._status().st_size
        is_executable = isinstance(content, Path) and self._status().st_mode & 0o111
        self.mode = 0o755 if is_executable else 0o644

    def _status(self) -> os.stat_result:
        return os.fstat(self.file.fileno())

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _ordered(contents: Mapping[str, Content]) -> list[str]:
    """The manifest first: it can be read without reading on."""
    return sorted(contents, key=lambda name: (name != MANIFEST_PATH, name))


def _copy(content: Content, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _Source(content) as source:
        before_umask = 0o777 if source.mode & 0o111 else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(target, flags, before_umask), "wb") as sink:
            shutil.copyfileobj(source.file, sink, _CHUNK_BYTES)


def _complete(folder: Path, contents: Mapping[str, Content]) -> None:
    """Add to a folder what it lacks of its contents, each file in one step."""
    for name, content in contents.items():
        target = folder / name
        if isinstance(content, Path) and target.exists() and content.samefile(target):
            continue
        partial = _hidden(target)
        try:
            _copy(content, partial)
            partial.replace(target)
        except BaseException:
            _remove(partial)
            raise


def _replace_folder(new: Path, output: Path) -> None:
    """Put a folder in the place of another, which comes back if that fails."""
    if not output.exists():
        new.rename(output)
        return
    old = output.rename(_hidden(output))
    try:
        new.rename(output)
    except BaseException:
        old.rename(output)
        raise
    _remove(old)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

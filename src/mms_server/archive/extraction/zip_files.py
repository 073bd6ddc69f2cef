"""Unpacks `.mar` and `.model` files, which are zip archives.

Every name and kind is checked before the first byte is written.
"""

from __future__ import annotations

import errno
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mms_server.archive.entries import EntryTable, refusal
from mms_server.archive.extraction.target import CHUNK_BYTES, Target
from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What Java's ZipInputStream reads, hence all that MMS archives use. LZMA lets the archive choose
the size of the decoder's memory."""

_ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
"""Encrypted, strongly encrypted, directory masked: APPNOTE.TXT 4.4.4."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    OverflowError,
)
"""What the zipfile module raises on damaged input, besides OSError(EINVAL) on a wild offset."""


def unpack_zip(archive: Path, target: Target) -> None:
    """Unpack a zip file. Raises what `extract` does, and OSError."""
    limits = target.limits
    with (
        _mapped_errors(archive),
        _BoundedFile(archive, limits.directory_bytes) as file,
        zipfile.ZipFile(file) as source,
    ):
        plan = _plan(source.infolist(), limits)
        with target.made():
            for info, path in plan:
                _write(source, info, path, target)


class _BoundedFile(io.BufferedReader):
    """A file that refuses to be read in bulk.

    ZipFile reads the central directory by one `read` of the size that the archive claims, before
    anybody could look at that claim.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        super().__init__(io.FileIO(path))
        self._limit_bytes = limit_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._limit_bytes:
            raise InvalidModelError(
                f"The archive's directory is larger than {self._limit_bytes} bytes."
            )
        return super().read(size)


@contextmanager
def _mapped_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise _damaged(archive, error) from error
        raise


def _damaged(archive: Path, error: Exception) -> InvalidModelError:
    return InvalidModelError(f"{archive.name} is not a zip archive, or is damaged: {error}.")


def _plan(infos: list[zipfile.ZipInfo], limits: Limits) -> list[tuple[zipfile.ZipInfo, str]]:
    """Check every entry and say where it goes."""
    table = EntryTable(limits)
    plan = []
    for info in infos:
        # zipfile cuts names at a NUL; the name as it was written is the one to judge.
        name = info.orig_filename if "\0" in info.orig_filename else info.filename
        if reason := _kind_fault(info):
            raise refusal(name, reason)
        path = table.add_folder(name) if _is_folder(info) else table.add_file(name)
        plan.append((info, path))
    return plan


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # ZipInfo.is_dir raises IndexError for an empty name


def _kind_fault(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)  # set by Unix tools, 0 from others
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a link or a special file"
    if kind == stat.S_IFDIR and not _is_folder(info):
        return "it is a folder by its mode and a file by its name"
    if _is_folder(info) and info.file_size:
        return "it is a folder with content"
    if info.flag_bits & _ENCRYPTED_FLAGS:
        return "it is encrypted"
    if info.compress_type not in _METHODS:
        return f"its compression method {info.compress_type} is neither stored nor deflate"
    return None


def _write(source: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, target: Target) -> None:
    if _is_folder(info):
        target.add_folder(path)
        return
    is_executable = bool((info.external_attr >> 16) & 0o111)
    with source.open(info) as stream:
        size = target.add_file(path, _chunks(stream, target), is_executable=is_executable)
    if size != info.file_size:
        raise refusal(info.filename, f"it ends {info.file_size - size} bytes early")


def _chunks(stream: IO[bytes], target: Target) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        target.spend(len(chunk))
        yield chunk

"""Safe unpacking of `.mar` and `.model` files: zip archives from people we do not know.

Every name and kind is checked before the first byte is written; bytes are counted while they are
written; a refused archive leaves nothing behind.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mms_server.archive.entries import EntryTable, refusal
from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError, MMSError

_CHUNK_BYTES = 1024 * 1024

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


def digest_of(archive: Path) -> str:
    """Compute the sha256 of a file as lower-case hex. Blocks for as long as reading it takes."""
    try:
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MMSError(f"Failed to read model: {archive.name}: {error.strerror}.") from error


def extract(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack a zip file into `folder`, which must not exist yet; its parent must.

    Modes come from our umask; of the archive's modes only "executable" is kept. Blocks.
    Raises InvalidModelError, with the entry and the reason, for an archive that is damaged,
    hostile or beyond `limits`; MMSError if it cannot be saved (disk full, permissions), where
    trying again may help once that is put right.
    """
    with _mapped_errors(archive), _BoundedFile(archive, limits.directory_bytes) as file:
        budget = _Budget(archive.stat().st_size, limits)
        with zipfile.ZipFile(file) as source:
            plan = _plan(source.infolist(), limits)
            folder.mkdir(mode=0o700)
            try:
                for info, path in plan:
                    _write(source, info, folder / path, budget)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise


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


class _Budget:
    """The bytes that may be written, counted over the whole archive."""

    def __init__(self, archive_bytes: int, limits: Limits) -> None:
        self._limits = limits
        self._by_ratio_bytes = max(limits.ratio_floor_bytes, limits.ratio * archive_bytes)
        self._written_bytes = 0

    def spend(self, count_bytes: int) -> None:
        self._written_bytes += count_bytes
        if self._written_bytes > self._limits.unpacked_bytes:
            raise InvalidModelError(
                f"The archive unpacks to more than {self._limits.unpacked_bytes} bytes."
            )
        if self._written_bytes > self._by_ratio_bytes:
            raise InvalidModelError(
                f"The archive unpacks to more than {self._limits.ratio} times its size."
            )


@contextmanager
def _mapped_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise _damaged(archive, error) from error
        reason = error.strerror or str(error)
        raise MMSError(f"Failed to save model: {archive.name}: {reason}.") from error


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


def _write(source: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, budget: _Budget) -> None:
    if _is_folder(info):
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    before_umask = 0o777 if (info.external_attr >> 16) & 0o111 else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with source.open(info) as stream, open(os.open(target, flags, before_umask), "wb") as sink:
        while chunk := stream.read(_CHUNK_BYTES):
            budget.spend(len(chunk))
            sink.write(chunk)
        if sink.tell() != info.file_size:
            raise refusal(info.filename, f"it ends {info.file_size - sink.tell()} bytes early")

"""Unpacks `.tar.gz` and `.tgz` files in one pass, so that they are decompressed only once.

Every name and kind is checked before that entry is written. The tarfile module reads the headers;
it never sees the file but through `_Stream`, and its extraction is not used.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mms_server.archive.entries import EntryTable, refusal
from mms_server.archive.extraction.target import CHUNK_BYTES, Target
from mms_server.errors import InvalidModelError

_MAGIC = b"\x1f\x8b"  # RFC 1952 section 2.3.1
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError)
"""What the modules raise on damaged input. tarfile recurses over the extended headers that precede
an entry."""


def is_tar(archive: Path) -> bool:
    """Tell a gzip file, which must hold a tar, from everything else by its first bytes."""
    with archive.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def unpack_tar(archive: Path, target: Target) -> None:
    """Unpack a gzipped tar file. Raises what `extract` does, and OSError."""
    with target.made(), _mapped_errors(archive), gzip.open(archive) as file:
        stream = _Stream(file, target)
        table = EntryTable(target.limits)
        # TarFile keeps every entry that it has seen; the table bounds their number.
        with tarfile.TarFile(fileobj=stream, encoding="utf-8") as source:  # type: ignore[arg-type]  # what it calls for reading is there
            for member in source:
                _unpack(member, stream, table, target)
        stream.finish()


class _Stream:
    """What tarfile reads from: forwards only, counted, and never in bulk.

    A header says itself how long it is, and tarfile reads it whole. From the second entry on, a
    header that tarfile cannot read is the end of the archive to it: `finish` tells the difference.
    """

    def __init__(self, file: gzip.GzipFile, target: Target) -> None:
        self._file = file
        self._target = target
        self._place = 0
        self._last = b""

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> None:
        if place < self._place:
            raise tarfile.ReadError("an entry of negative size")
        while self._place < place and self.read(min(CHUNK_BYTES, place - self._place)):
            pass

    def read(self, size: int) -> bytes:
        if size < 0:  # to a file that would mean everything
            raise tarfile.ReadError("a header of negative size")
        if size > CHUNK_BYTES:
            raise InvalidModelError(f"The archive has a header of more than {CHUNK_BYTES} bytes.")
        self._last = self._file.read(size)
        self._place += len(self._last)
        self._target.spend(len(self._last))
        return self._last

    def finish(self) -> None:
        """Read what follows the last entry: zeros, then gzip's checksum, else it is damaged."""
        while not any(self._last):
            if not self.read(CHUNK_BYTES):
                return
        raise tarfile.ReadError(f"what ends at byte {self._place} is no entry")


def _unpack(member: tarfile.TarInfo, stream: _Stream, table: EntryTable, target: Target) -> None:
    if reason := _kind_fault(member):
        raise refusal(member.name, reason)
    if member.isdir():
        target.add_folder(table.add_folder(member.name))
        return
    path = table.add_file(member.name)
    stream.seek(member.offset_data)
    is_executable = bool(member.mode & 0o111)
    size = target.add_file(path, _chunks(stream, member.size), is_executable=is_executable)
    if size != member.size:
        raise refusal(member.name, f"it ends {member.size - size} bytes early")


def _kind_fault(member: tarfile.TarInfo) -> str | None:
    if member.issparse():
        return "it is a sparse file"
    if not (member.isreg() or member.isdir()):
        return "it is a link or a special file"
    if member.size < 0:
        return "its size is negative"
    return None


def _chunks(stream: _Stream, size: int) -> Iterator[bytes]:
    while size and (chunk := stream.read(min(CHUNK_BYTES, size))):
        size -= len(chunk)
        yield chunk


@contextmanager
def _mapped_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise InvalidModelError(
            f"{archive.name} is not a gzipped tar archive, or is damaged: {error}."
        ) from error

"""Safe unpacking of archives from people we do not know: `.mar` and `.model` (zip), `.tar.gz`.

Bytes are counted while they are written, nothing is written under a name that was not checked, and
a refused archive leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mms_server.archive.extraction.tar_files import is_tar, unpack_tar
from mms_server.archive.extraction.target import Target
from mms_server.archive.extraction.zip_files import unpack_zip
from mms_server.archive.limits import Limits
from mms_server.errors import MMSError


def digest_of(archive: Path) -> str:
    """Compute the sha256 of a file as lower-case hex. Blocks for as long as reading it takes."""
    try:
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MMSError(f"Failed to read model: {archive.name}: {error.strerror}.") from error


def extract(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack a file into `folder`, which must not exist yet; its parent must.

    What the file is, its first bytes say: a URL need not end in `.tar.gz`. Modes come from our
    umask; of the archive's modes only "executable" is kept. Blocks.
    Raises InvalidModelError, with the entry and the reason, for an archive that is damaged,
    hostile or beyond `limits`; MMSError if it cannot be saved (disk full, permissions), where
    trying again may help once that is put right.
    """
    try:
        target = Target(folder, archive.stat().st_size, limits)
        if is_tar(archive):
            unpack_tar(archive, target)
        else:
            unpack_zip(archive, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MMSError(f"Failed to save model: {archive.name}: {reason}.") from error

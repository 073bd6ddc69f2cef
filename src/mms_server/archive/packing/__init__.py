"""Making an archive of a folder: what `model-archiver` does."""

from __future__ import annotations

import logging
from pathlib import Path

from mms_server.archive.entries import EntryTable
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import MANIFEST_PATH, render_manifest
from mms_server.archive.packing.handlers import find_handler
from mms_server.archive.packing.onnx_models import convert
from mms_server.archive.packing.request import (
    ARCHIVE_FORMATS,
    REQUIREMENTS,
    ArchiveFormat,
    PackRequest,
    check,
)
from mms_server.archive.packing.selection import select
from mms_server.archive.packing.writing import Content, write
from mms_server.errors import BadRequestError, MMSError

__all__ = ["ARCHIVE_FORMATS", "ArchiveFormat", "PackRequest", "pack"]

_LOGGER = logging.getLogger(__name__)


def pack(request: PackRequest) -> Path:
    """Write the archive that a request describes, or nothing; return its path. Blocks.

    The same files give the same bytes. What was found and packed is logged at INFO, what may be a
    mistake as a warning. Any thread; two that write the same output do not mix.

    Raises BadRequestError for a request that names what is not there, ConflictError if the output
    exists and may not be replaced, InvalidModelError for files that no archive may hold, MMSError
    if the disk refuses or a package is missing.
    """
    check(request)
    try:
        contents = _contents(request)
        _check_names(request, contents)
        write(request, contents)
        _warn_of_limits(request.output, contents)
    except OSError as error:
        raise MMSError(f"Failed to write {request.output}: {error}.") from error
    return request.output


def _contents(request: PackRequest) -> dict[str, Content]:
    files = select(request)
    _LOGGER.info("Handler %s: %s", request.handler, find_handler(request, files))
    contents: dict[str, Content] = dict(files)
    if request.converts:
        contents.update(convert(files))
    if request.requirements is not None:
        _check_requirements(request.requirements, files)
        contents[REQUIREMENTS] = request.requirements
    contents[MANIFEST_PATH] = render_manifest(request.entry, request.runtime)
    return contents


def _check_requirements(requirements: Path, files: dict[str, Path]) -> None:
    own = files.get(REQUIREMENTS)
    if own is not None and not own.samefile(requirements):
        raise BadRequestError(
            f"Given requirements {requirements} would take the place of {own}: use one of the two."
        )


def _check_names(request: PackRequest, contents: dict[str, Content]) -> None:
    table = EntryTable(Limits())
    prefix = f"{request.model_name}/" if request.archive_format == "tgz" else ""
    for name in contents:
        table.add_file(prefix + name)


def _warn_of_limits(output: Path, contents: dict[str, Content]) -> None:
    """Say so where the server, with its usual limits, would refuse what was written."""
    if output.is_dir():
        return
    limits = Limits()
    unpacked_bytes = sum(
        len(content) if isinstance(content, bytes) else content.stat().st_size
        for content in contents.values()
    )
    by_ratio_bytes = max(limits.ratio_floor_bytes, limits.ratio * output.stat().st_size)
    if unpacked_bytes > min(limits.unpacked_bytes, by_ratio_bytes):
        _LOGGER.warning(
            "%s unpacks to %d bytes: more than a server with the default settings accepts.",
            output,
            unpacked_bytes,
        )

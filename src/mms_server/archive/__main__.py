"""The helper process: `python -m mms_server.archive`, started by `acquisition`.

Reads an Order from standard input and writes an Answer to standard output; lines on standard
error are for the server's log. Being a process of its own it holds nobody's interpreter lock, can
be killed at any time, and can be limited. It starts once per load, so it imports what it needs.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from mms_server.archive.confinement import confine, deadline, end_with_parent
from mms_server.archive.exchange import Acquired, Answer, Order, Refused, partial_path
from mms_server.archive.extraction import digest_of, extract
from mms_server.archive.layout import lift_model
from mms_server.archive.manifest import find_requirements, read_manifest
from mms_server.errors import InvalidModelError, MMSError

_LINE_CHARACTERS = 1000


def main() -> None:
    """Serve one order."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    end_with_parent(sys.stdin.fileno())
    confine(order.limits)
    try:
        answer = _answer(order)
    except BaseException:
        shutil.rmtree(order.folder, ignore_errors=True)
        raise
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _answer(order: Order) -> Answer:
    try:
        return _acquire(order)
    except MMSError as error:
        return Refused(type(error).__name__, error.message)
    except OSError as error:
        return Refused(MMSError.__name__, f"Failed to read model: {error}.")
    except MemoryError:
        limit_bytes = order.limits.memory_bytes
        return Refused(
            InvalidModelError.__name__,
            f"The archive cannot be read in {limit_bytes} bytes of memory.",
        )


def _acquire(order: Order) -> Acquired:
    folder = Path(order.folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if order.file is None:
        return _fetched(order, folder)
    path = Path(order.file)
    return _unpacked(order, path, digest_of(path))


def _fetched(order: Order, folder: Path) -> Acquired:
    # Here, not above: urllib3 takes longer to import than most archives of the store to unpack.
    from mms_server.archive.fetching import Download, fetch

    partial = Path(partial_path(order.folder))
    download = Download(order.location, order.policy, order.limits.archive_bytes, _report)
    try:
        with deadline(order.policy.total_timeout_s):
            digest = fetch(download, partial)
        return _unpacked(order, partial, digest)
    finally:
        partial.unlink(missing_ok=True)


def _unpacked(order: Order, archive: Path, digest: str) -> Acquired:
    folder = Path(order.folder)
    extract(archive, folder, order.limits)
    try:
        lift_model(folder)
        manifest = read_manifest(folder)
    except MMSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Acquired(
        digest,
        manifest.raw,
        is_legacy=manifest.is_legacy,
        requirements=find_requirements(folder, manifest),
    )


def _report(text: str) -> None:
    # Part of it may be the remote server's: one short line, whatever that sends.
    line = "".join(c if c.isprintable() else "?" for c in text[:_LINE_CHARACTERS])
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

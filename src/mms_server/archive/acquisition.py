"""The front door: from a location to a folder that a worker can load, without stopping the loop.

What is to be fetched or unpacked is done by a helper process (`__main__`); here is only its life.
Whatever way it ends - answer, refusal, crash, cancellation - what it left in `workdir` is either
the returned archive's or removed. A folder of the store needs no helper: its manifest is read by a
thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mms_server.archive.exchange import Acquired, Answer, Order, Refused, partial_path
from mms_server.archive.layout import model_folder
from mms_server.archive.limits import Limits
from mms_server.archive.location import is_url, resolve
from mms_server.archive.manifest import (
    Manifest,
    find_requirements,
    parse_manifest,
    read_manifest,
)
from mms_server.archive.policy import FetchPolicy, redacted
from mms_server.errors import DownloadModelError, InvalidModelError, MMSError, ModelNotFoundError

_LOGGER = logging.getLogger(__name__)

# -P keeps the current folder off the path: it may be a model's.
_COMMAND = (sys.executable, "-P", "-m", "mms_server.archive")

_ERRORS: dict[str, type[MMSError]] = {
    cls.__name__: cls
    for cls in (MMSError, ModelNotFoundError, InvalidModelError, DownloadModelError)
}


@dataclass(frozen=True, slots=True)
class Archive:
    """A model on disk.

    Attributes:
        location: As it was asked for; it may hold credentials (`policy.redacted` hides them).
        folder: Where the model is: the store's own folder, or one unpacked for this archive alone.
        manifest: Checked; empty where the model has none.
        is_owned: Whether the folder was unpacked, and goes away by `release`.
        digest: sha256 of the file in lower-case hex; None for a folder of the store.
        requirements: The file in it of packages that it asks for; None if it asks for none.
    """

    location: str
    folder: Path
    manifest: Manifest
    is_owned: bool
    digest: str | None
    requirements: str | None = None

    async def release(self) -> None:
        """Remove the folder if it is ours; once more is no error."""
        if self.is_owned:
            await asyncio.to_thread(_remove, self.folder)


async def acquire(
    location: str, *, store: Path | None, workdir: Path, policy: FetchPolicy, limits: Limits
) -> Archive:
    """Find, fetch, unpack and check the model at a location.

    `workdir` is made when needed and must be this server's alone. Cancelling kills the helper and
    removes what it wrote, before the cancellation goes on. There is no deadline but the policy's
    for fetching, and no bound on how many run at once: both are the caller's.

    Raises ModelNotFoundError (no such location), DownloadModelError, InvalidModelError (damaged,
    hostile or beyond `limits`), MMSError if it cannot be saved or the helper was killed.
    """
    found = None if is_url(location) else await asyncio.to_thread(_find, location, store)
    if isinstance(found, Archive):
        return found
    folder = _new_folder(workdir)
    order = Order(location, None if found is None else str(found), str(folder), policy, limits)
    try:
        answer = await _delegate(order)
        if isinstance(answer, Refused):
            raise _ERRORS.get(answer.error, MMSError)(answer.message)
        return _unpacked(location, folder, answer)
    except BaseException:
        await _to_its_end(asyncio.to_thread(_remove, folder))
        raise


def _new_folder(workdir: Path) -> Path:
    return workdir.absolute() / secrets.token_hex(8)


def _find(location: str, store: Path | None) -> Archive | Path:
    """Find a model in the store: one that is a folder is there already, a file is to be unpacked.

    Blocks.
    """
    path = resolve(location, store)
    if not path.is_dir():
        return path
    try:
        folder = model_folder(path)
        manifest = read_manifest(folder)
        requirements = find_requirements(folder, manifest)
    except OSError as error:
        raise MMSError(f"Failed to read model: {error}.") from error
    return Archive(location, folder, manifest, False, None, requirements)


def _unpacked(location: str, folder: Path, answer: Acquired) -> Archive:
    manifest = (
        Manifest()
        if answer.manifest is None
        else parse_manifest(answer.manifest, is_legacy=answer.is_legacy)
    )
    return Archive(location, folder, manifest, True, answer.digest, answer.requirements)


async def _delegate(order: Order) -> Answer:
    # A session of its own: Ctrl-C in the server's terminal is for the server to pass on.
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        return await _converse(process, order)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await _to_its_end(process.wait())
        raise


async def _converse(process: Process, order: Order) -> Answer:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the helper was started without pipes")
    # Left open: the helper takes the end of its input for the server's death.
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(process.stdout.read())
        last_line = group.create_task(_log_lines(process, redacted(order.location)))
    status = await process.wait()
    process.stdin.close()
    if status != 0:
        raise _crash(status, last_line.result(), order.limits)
    decoded: Answer = msgspec.json.decode(answer.result(), type=Answer)
    return decoded


async def _log_lines(process: Process, subject: str) -> str:
    """Pass the helper's lines on; return the last one, which ends a traceback."""
    if process.stderr is None:
        raise AssertionError("the helper was started without pipes")
    text = ""
    async for line in process.stderr:
        text = line.decode(errors="replace").rstrip()
        _LOGGER.info("%s: %s", subject, text)
    return text


def _crash(status: int, last_line: str, limits: Limits) -> MMSError:
    if status == -signal.SIGXCPU:
        return InvalidModelError(f"The archive takes more than {limits.cpu_s} s to unpack.")
    if status < 0:
        name = signal.Signals(-status).name
        return MMSError(f"The archive helper was ended by {name}; the system's log may say why.")
    return MMSError(f"The archive helper failed with status {status}: {last_line}")


async def _to_its_end(work: Coroutine[object, object, object]) -> None:
    """Await short work that must not stop half way; a cancellation meanwhile follows after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _remove(folder: Path) -> None:
    """Remove what one acquisition wrote, as far as there is any."""
    Path(partial_path(str(folder))).unlink(missing_ok=True)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError:
        _LOGGER.warning("Cannot remove %s", folder, exc_info=True)

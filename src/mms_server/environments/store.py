"""Where environments are kept: one folder each, complete or worth nothing. Blocks.

Two locks guard each (flock(2), so they end with the processes that hold them, and hold between
servers): `build` is held alone by the one that makes it; `use` is shared by all that make or use
it, and held alone by whoever removes it. Environments cannot be moved, since their scripts name
their own paths; so they are made in place, and one without its mark is half made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

_MARK = "complete.json"
_LOCKS = "locks"
_PASSES = 5
_PAUSE_S = 0.05
_BLOCK_BYTES = 512
"""Unit of `st_blocks` (stat(2))."""


class _Mark(msgspec.Struct, frozen=True):
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A complete environment; `used_at` is the time of its last use, of the file system's clock."""

    folder: Path
    size_bytes: int
    used_at: float


def python_of(folder: Path) -> Path:
    """Name the interpreter of an environment."""
    return venv_of(folder) / "bin" / "python"


def venv_of(folder: Path) -> Path:
    """Name the folder that the interpreter's `venv` module makes."""
    return folder / "venv"


def hold(folder: Path) -> int:
    """Keep an environment from being removed until the returned descriptor is closed."""
    return _lock(_lock_path(folder, "use"), fcntl.LOCK_SH)


@contextmanager
def building(folder: Path, *, may_wait: bool = True) -> Iterator[bool]:
    """Be the only one that makes or clears this environment; False if another one is."""
    try:
        lock = _lock(
            _lock_path(folder, "build"), fcntl.LOCK_EX | (0 if may_wait else fcntl.LOCK_NB)
        )
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(lock)


def is_complete(folder: Path) -> bool:
    """Whether an environment was made to its end, and its interpreter is still there."""
    return (folder / _MARK).exists() and os.access(python_of(folder), os.X_OK)


def begin(folder: Path) -> None:
    """Make the folder anew, without what an unfinished attempt has left."""
    clear(folder)
    folder.mkdir(mode=0o700)


def complete(folder: Path) -> None:
    """Mark an environment as made."""
    unmarked = folder / f"{_MARK}.part"
    with unmarked.open("wb") as file:
        file.write(msgspec.json.encode(_Mark(_size_of(folder))))
        file.flush()
        os.fsync(file.fileno())
    unmarked.replace(folder / _MARK)


def touch(folder: Path) -> None:
    """Note that an environment is being used."""
    os.utime(folder / _MARK)


def clear(folder: Path) -> None:
    """Remove an environment, its mark first: it is never half there and marked.

    An installer that was killed just now may still finish a file: hence more than once.
    """
    (folder / _MARK).unlink(missing_ok=True)
    for _ in range(_PASSES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE_S)


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed attempt has left, unless somebody is at it already."""
    with building(folder, may_wait=False) as is_ours:
        if is_ours and not is_complete(folder):
            clear(folder)


def trim(root: Path, max_bytes: int) -> list[Path]:
    """Remove what is half made, and the least recently used until the rest fits; return those.

    What is in use or being made stays, even if it is too large for `max_bytes`.
    """
    kept, removed = [], []
    for folder in _folders(root):
        entry = _read(folder)
        if entry is not None:
            kept.append(entry)
        elif _remove_unused(folder):
            removed.append(folder)
    excess = sum(entry.size_bytes for entry in kept) - max_bytes
    for entry in sorted(kept, key=lambda entry: entry.used_at):
        if excess <= 0:
            break
        if _remove_unused(entry.folder):
            removed.append(entry.folder)
            excess -= entry.size_bytes
    return removed


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir() and path.name != _LOCKS]


def _read(folder: Path) -> Kept | None:
    mark = folder / _MARK
    try:
        size_bytes = msgspec.json.decode(mark.read_bytes(), type=_Mark).size_bytes
        return Kept(folder, size_bytes, mark.stat().st_mtime)
    except (OSError, msgspec.DecodeError):
        return None


def _remove_unused(folder: Path) -> bool:
    try:
        lock = _lock(_lock_path(folder, "use"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        clear(folder)
    finally:
        os.close(lock)
    return True


def _lock(path: Path, operation: int) -> int:
    """Take a lock. Its file stays for good: to remove it is to let two have the same lock."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, operation)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock_path(folder: Path, kind: str) -> Path:
    return folder.parent / _LOCKS / f"{folder.name}.{kind}"


def _size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_blocks for name in names)
    return total * _BLOCK_BYTES

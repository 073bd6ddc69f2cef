"""The names that one archive may hold together, on every file system that it may land on.

No I/O. A set of names is safe if each stays inside the folder and no two are one file, also where
letter case and Unicode composition do not count (macOS).
"""

from __future__ import annotations

import re
import unicodedata

from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError

_COMPONENT_BYTES = 255
"""NAME_MAX of Linux (limits.h); macOS takes 255 UTF-16 units, never fewer."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


def refusal(name: str, reason: str) -> InvalidModelError:
    """Name the entry and the reason, the name escaped and cut to what fits into a log line."""
    shown = name if len(name) <= 120 else name[:120] + "..."
    return InvalidModelError(f"Archive entry {shown!r} is refused: {reason}.")


class EntryTable:
    """Collect the paths of an archive, and refuse the first that is unsafe or clashes.

    Raises InvalidModelError from both `add_` methods, also when there are more than
    `limits.entries` paths, counting the folders that paths merely imply.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._paths: dict[str, tuple[str, bool]] = {}

    def add_file(self, name: str) -> str:
        """Take in a file; return its path, relative and without `.` components."""
        parts = self._checked_parts(name)
        if not parts:
            raise refusal(name, "it is empty")
        self._add_folders(name, parts[:-1])
        path = "/".join(parts)
        if (known := self._paths.get(_folded(path))) is not None:
            raise refusal(name, f"it clashes with {known[0]!r}")
        self._remember(path, is_folder=False)
        return path

    def add_folder(self, name: str) -> str:
        """Take in a folder, which may be there already; return its path, '' for the root."""
        parts = self._checked_parts(name.removesuffix("/"))
        self._add_folders(name, parts)
        return "/".join(parts)

    def _add_folders(self, name: str, parts: list[str]) -> None:
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            known = self._paths.get(_folded(path))
            if known is None:
                self._remember(path, is_folder=True)
            elif known != (path, True):
                raise refusal(name, f"it clashes with {known[0]!r}")

    def _remember(self, path: str, *, is_folder: bool) -> None:
        self._paths[_folded(path)] = (path, is_folder)
        if len(self._paths) > self._limits.entries:
            raise InvalidModelError(
                f"The archive has more than {self._limits.entries} files and folders."
            )

    def _checked_parts(self, name: str) -> list[str]:
        if reason := self._fault(name):
            raise refusal(name, reason)
        parts = [part for part in name.split("/") if part != "."]
        for part in parts:
            if reason := _component_fault(part):
                raise refusal(name, reason)
        return parts

    def _fault(self, name: str) -> str | None:
        if not name:
            return "it is empty"
        if _CONTROL.search(name):
            return "it has a control character"
        if "\\" in name:
            return "it has a backslash"
        if name.startswith("/") or _DRIVE.match(name):
            return "it is an absolute path"
        if len(name.encode(errors="surrogatepass")) > self._limits.path_bytes:
            return f"it is longer than {self._limits.path_bytes} bytes"
        return None


def _component_fault(part: str) -> str | None:
    if not part:
        return "it has an empty path component"
    if part == "..":
        return "it leaves the archive by '..'"
    if len(part.encode(errors="surrogatepass")) > _COMPONENT_BYTES:
        return f"it has a path component longer than {_COMPONENT_BYTES} bytes"
    return None


def _folded(path: str) -> str:
    # Canonical caseless matching, D145 of the Unicode Standard, section 3.13.
    decomposed = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFD", decomposed)

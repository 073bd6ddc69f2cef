"""A model's requirements: read, checked and named by a digest. Blocks: for the helper only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from mms_server.environments.interpreters import Interpreter
from mms_server.errors import ModelEnvironmentError

_FORMAT = 1
"""Raised when environments are made otherwise, so that those made before are not taken for new."""

_LIMIT_BYTES = 1024 * 1024
_SHOWN_CHARACTERS = 200
_DIGEST_CHARACTERS = 40
"""160 bits; and scripts in the environment name its path in their first line, which the kernel
reads 256 bytes of (Linux `include/uapi/linux/binfmts.h`, BINPRM_BUF_SIZE)."""

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VALUE = r"(\s+|\s*=\s*)[^\s'\"]+"
_OPTION = re.compile(
    r"--(no-index|pre|prefer-binary|require-hashes)"
    rf"|(-[if]|--((extra-)?index-url|find-links|trusted-host|(no|only)-binary)){_VALUE}"
)
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\s*[\[(<>=!~;@].*|\s+--.*)?"
    r"|(git\+)?https?://.*"
)
_LOCAL = re.compile(r"file:|@\s*[./~]", re.IGNORECASE)
"""All lines but these are refused, since installers read other files for some of them (pip's
"Requirements File Format": `-r`, `-c`, `-e`, paths, and these behind another option, too).

The digest would not know the content of those; and installers show what they cannot parse, so that
an archive could have any file of the server shown.
"""


@dataclass(frozen=True, slots=True)
class Requirements:
    """A checked file, and the folder of wheels beside it, if there is one.

    `content` is what was checked and nothing else: no comments, and each entry on one line.
    """

    content: bytes
    wheels: Path | None

    def digest(
        self, interpreter: Interpreter, installer: Sequence[str], arguments: Sequence[str]
    ) -> str:
        """Name the environment that comes of it: equal names, equal contents.

        As far as an index gives the same for the same requirements; only pinned ones do.
        """
        parts = (
            _FORMAT,
            hashlib.sha256(self.content).hexdigest(),
            _wheel_digests(self.wheels),
            interpreter,
            tuple(installer),
            tuple(arguments),
        )
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_DIGEST_CHARACTERS]


def read(model_folder: Path, name: str) -> Requirements:
    """Read the file that the model names. Raises ModelEnvironmentError."""
    path = _inside(model_folder, name)
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT_BYTES + 1)
    except OSError as exc:
        raise ModelEnvironmentError(
            f"The model's requirements file {name} cannot be read: {exc.strerror}."
        ) from exc
    if len(content) > _LIMIT_BYTES:
        raise ModelEnvironmentError(f"{name} is larger than {_LIMIT_BYTES} bytes.")
    try:
        lines = _effective_lines(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise ModelEnvironmentError(f"{name} is not UTF-8: {exc}.") from exc
    for line in lines:
        if not _is_safe(line):
            raise ModelEnvironmentError(
                f"{name}: {line[:_SHOWN_CHARACTERS]!r} cannot be installed here. Only packages by "
                "name and index options are, none that refer to other files. List every package "
                "in this file, and put those that no index has into the archive's folder wheels."
            )
    wheels = model_folder / "wheels"
    checked = "".join(f"{line}\n" for line in lines).encode()
    return Requirements(checked, wheels if wheels.is_dir() else None)


def _is_safe(line: str) -> bool:
    is_known = _OPTION.fullmatch(line) or _REQUIREMENT.fullmatch(line)
    return bool(is_known) and _LOCAL.search(line) is None


def _effective_lines(text: str) -> list[str]:
    """Join continued lines and drop comments as pip does (its `req_file.join_lines`).

    A line that is all comment ends a continuation and does not continue itself.
    """
    lines, begun = [], ""
    for line in text.splitlines():
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            begun += line[:-1]
        else:
            lines.append(begun + (" " if is_comment else "") + line)
            begun = ""
    stripped = (_COMMENT.sub("", line).strip() for line in [*lines, begun])
    return [line for line in stripped if line]


def _inside(folder: Path, name: str) -> Path:
    relative = PurePosixPath(name)
    path = (folder / relative).resolve()
    if relative.is_absolute() or not path.is_relative_to(folder.resolve()):
        raise ModelEnvironmentError(
            f"The model's requirements file {name!r} is not inside the archive."
        )
    return path


def _wheel_digests(wheels: Path | None) -> list[tuple[str, str]]:
    if wheels is None:
        return []
    return [(path.name, _digest_of(path)) for path in sorted(wheels.iterdir()) if path.is_file()]


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

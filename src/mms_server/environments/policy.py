"""What models may bring; all of it is the operator's to allow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mms_server.errors import BadRequestError

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed, and how environments are made and kept.

    Attributes:
        root: Folder of the environments; it may be shared by servers, and deleted while none runs.
        allow_requirements: Whether a model's requirements are installed.
        pythons: Interpreters that a model may name: absolute paths of programs or environments,
            and commands such as `python3.9`.
        installer: `auto` (uv when there is one, else pip), `uv` or `pip`.
        arguments: Added to each installation, such as `--index-url`.
        timeout_s: For one installation, the wait for another one of the same not included.
        max_bytes: Above it the least recently used go, but never one in use.
    """

    root: Path
    allow_requirements: bool = False
    pythons: tuple[str, ...] = ()
    installer: str = "auto"
    arguments: tuple[str, ...] = ()
    timeout_s: float = 900.0
    max_bytes: int = 32 * 1024 * _MIB

    def permit(self, python: str) -> str:
        """Find the interpreter that a model names among the allowed ones.

        What is returned, and run, is the operator's text: an archive chooses from the list and
        can add nothing to it. Raises BadRequestError.
        """
        wanted = _normalized(python)
        for allowed in self.pythons:
            if _normalized(allowed) == wanted:
                return allowed
        raise BadRequestError(
            f"The model asks for the interpreter {python!r}, which is not allowed here. To allow "
            "it, add it to model_pythons in the server's configuration."
        )


def _normalized(python: str) -> str:
    return os.path.normpath(python) if python.startswith("/") else python

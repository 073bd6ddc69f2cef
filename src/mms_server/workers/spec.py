"""What it takes to run workers of one model version."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class Interpreter(Protocol):
    """What a model brings instead of the server's interpreter. Loop thread only."""

    path: str
    """The program, once it is ready."""

    async def ready(self) -> None:
        """Wait until it can be run. Raises WorkerError."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkerSpec:
    """Everything that a worker of one model version is told or started with.

    `runtime` chooses the interpreter where the model brings none; `environment` is the complete
    environment of the process.
    A handler that the operator named, `handler_is_trusted`, may be an absolute path. Two specs are
    never equal: each is one model version.
    """

    model_name: str
    folder: Path
    handler: str
    manifest: Mapping[str, Any] | None
    batch_size: int = 1
    decode_input: bool = True
    max_response_bytes: int = 6_553_500
    preload: bool = False
    runtime: str = "python"
    handler_is_trusted: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    startup_timeout_s: float = 120.0
    interpreter: Interpreter | None = None

    @property
    def python(self) -> str:
        """The interpreter: the model's, else the server's own for `python`, else a command.

        As in Multi Model Server, where `python2` and `python3` are looked up on the path.
        """
        if self.interpreter is not None:
            return self.interpreter.path
        return sys.executable if self.runtime == "python" else self.runtime

    def load_message(self, gpu_id: int | None, workers: int = 1) -> dict[str, Any]:
        """Build the LOAD for one worker out of so many."""
        return {
            "model_name": self.model_name,
            "model_dir": str(self.folder),
            "handler": self.handler,
            "handler_is_trusted": self.handler_is_trusted,
            "manifest": self.manifest,
            "batch_size": self.batch_size,
            "gpu_id": gpu_id,
            "workers": workers,
            "decode_input": self.decode_input,
            "max_response_bytes": self.max_response_bytes,
        }

"""Opens ONNX models the way a worker should: with its own threads, and without telemetry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mms.handlers.base import require

if TYPE_CHECKING:
    import onnxruntime

_ERROR = 3  # onnxruntime's logging severity
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def open_session(path: str) -> onnxruntime.InferenceSession:
    """Open a model on the CPU.

    Uses as many threads as OMP_NUM_THREADS says, else one: several workers that each take every
    core hinder each other. onnxruntime 1.32 collects telemetry from its import on (its
    `Privacy.md`): that is turned off, unless the environment already says something about it.

    Raises MissingPackageError without onnxruntime, and onnxruntime's own errors for a file that it
    cannot load.
    """
    os.environ.setdefault(_NO_TELEMETRY, "1")
    runtime = require("onnxruntime", "onnxruntime")
    options = runtime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    options.intra_op_num_threads = max(1, int(threads)) if threads.isdecimal() else 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERROR
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

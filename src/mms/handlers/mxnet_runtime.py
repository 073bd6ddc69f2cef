"""MXNet itself: imported when a model needs it, on the worker's device."""

from __future__ import annotations

import re
import warnings
from typing import Any

from mms.handlers.base import MissingPackageError, require
from mms.handlers.devices import choose_device

PACKAGES = "'mxnet==1.9.1' 'numpy<1.24'"
"""The last release, and the last numpy with the alias `bool` that it reads while it is imported."""

_LIBRARY = "libgomp"
_TRACE = ("Traceback (most recent call last)", 'File "')
_SAID = "MXNetError: "
_PLACE = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ")


def import_mxnet() -> Any:
    """Import MXNet, silently where it uses what newer numpy and Python deprecate.

    Raises MissingPackageError that says what to install when MXNet, a numpy that it can use, or
    the system's libgomp is missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return require("mxnet", PACKAGES)
        except AttributeError as exc:  # numpy.bool
            raise MissingPackageError(
                f"MXNet cannot use this interpreter's numpy ({exc}). "
                f"Install one that it can: pip install {PACKAGES}"
            ) from exc
        except OSError as exc:
            if _LIBRARY not in str(exc):
                raise
            raise MissingPackageError(
                f"MXNet needs a library of the system ({exc}). "
                "Install it, on Debian with: apt-get install libgomp1"
            ) from exc


def first_line(error: BaseException) -> str:
    """Take what an error of MXNet's says, without its traceback and its place in C++."""
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith(_TRACE)]
    said = [line for line in lines if line.startswith(_SAID)] or lines or [type(error).__name__]
    return _PLACE.sub("", said[0].replace(_SAID, ""))


def open_device(gpu_id: int | None) -> Any:
    """Return MXNet's context for a worker's device. Raises as `choose_device` does."""
    mx = import_mxnet()
    gpus = 0 if gpu_id is None else mx.context.num_gpus()
    device = choose_device(gpu_id, gpus, "MXNet")
    return mx.cpu() if device is None else mx.gpu(device)

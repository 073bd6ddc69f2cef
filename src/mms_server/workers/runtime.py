"""What a worker process starts from: a private folder, and an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import mms
from mms_server.huge_pages import with_huge_pages

MARK = "MMS_FRONT_END"
"""Variable that every process of a front end's workers inherits; see `guardian_main`."""


def make_runtime_folder(parent: Path) -> Path:
    """Make the folder that workers start in: it holds `mms` and nothing else.

    As their first entry on the path it gives any interpreter the worker runtime, and never the
    server's other packages, which live beside `mms` where it is installed.
    """
    folder = parent / "runtime"
    folder.mkdir(mode=0o700)
    (folder / "mms").symlink_to(Path(mms.__file__).parent, target_is_directory=True)
    return folder


def worker_environment(
    environ: Mapping[str, str],
    hidden: re.Pattern[str] | None,
    mark: str,
    *,
    decode_input: bool,
) -> dict[str, str]:
    """Build a worker's environment: the server's, less the variables whose whole name is hidden.

    One thread for OpenMP unless the operator says otherwise, and no operator tuning in MXNet, as
    Multi Model Server sets them: several workers share the cores. Handlers may look up there, as
    they do in Multi Model Server, whether their inputs are decoded. Memory comes in huge pages,
    which engines compute faster with.
    """
    environment = with_huge_pages(
        {
            name: value
            for name, value in environ.items()
            if hidden is None or hidden.fullmatch(name) is None
        }
    )
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment.setdefault("MXNET_USE_OPERATOR_TUNING", "0")
    environment["MMS_DECODE_INPUT_REQUEST"] = "true" if decode_input else "false"
    environment["PYTHONUNBUFFERED"] = "1"
    environment.pop("PYTHONSAFEPATH", None)  # would keep the private folder off the path
    environment[MARK] = mark
    return environment

"""GPUs: how many there are, and which of them the next worker gets."""

from __future__ import annotations

import itertools
import logging
import subprocess

logger = logging.getLogger("mms_server.workers")

_COMMAND = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_TIMEOUT_S = 30.0
"""The first query loads the driver, which takes seconds; a broken one hangs."""


def count_gpus(limit: int | None = None) -> int:
    """Ask NVIDIA's tool how many GPUs there are; at most `limit`. Blocks.

    0 without the tool, or when it fails: then the reason is logged.
    """
    if limit == 0:
        return 0
    try:
        done = subprocess.run(  # noqa: S603 - the tool that the path finds, no input of others
            _COMMAND, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except FileNotFoundError:
        return 0
    except (OSError, subprocess.SubprocessError) as exc:
        logger.warning("nvidia-smi cannot tell how many GPUs there are, none is used: %s", exc)
        return 0
    found = len(done.stdout.split())
    return found if limit is None else min(found, limit)


class Devices:
    """Deals GPUs to workers in turn, over all models; a worker keeps its own when it is restarted.

    The first one dealt of several is 1, as in Multi Model Server (`ModelManager`, `gpuCounter`).
    """

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus
        self._counter = itertools.count(1)

    def next_gpu(self) -> int | None:
        """Return the number of a worker's GPU; None when there is none."""
        return next(self._counter) % self._gpus if self._gpus else None

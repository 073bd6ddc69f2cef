"""Where an engine runs: on the GPU that the server gave the worker, or on the processor."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


def choose_device(gpu_id: int | None, gpus: int, engine: str) -> int | None:
    """Choose the GPU of a worker that was given `gpu_id`; None for the processor.

    `gpus` is how many the engine sees: none, where it was built for the processor. That is logged,
    because the GPU stays unused then. Raises ValueError for a GPU that it does not see although
    there are others.
    """
    if gpu_id is None:
        return None
    if gpus == 0:
        logger.warning("%s sees no GPU: GPU %d of this worker stays unused", engine, gpu_id)
        return None
    if gpu_id >= gpus:
        raise ValueError(f"The worker was given GPU {gpu_id}, and {engine} sees {gpus} of them.")
    return gpu_id

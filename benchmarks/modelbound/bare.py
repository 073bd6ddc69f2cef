"""The floor under a model: its handler in a loop, in one process, as a worker would call it.

A program of its own, with the variables of a worker: see `benchmarks.modelbound.cases`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mms
from mms.context import Context, RequestProcessor
from mms.worker import loader

_WARM_UP_S = 1.0


def main(folder: str, handler: str, body_path: str, batch_size: int, duration_s: float) -> None:
    """Print how many requests were answered in how many seconds."""
    manifest = json.loads((Path(folder) / "MAR-INF" / "MANIFEST.json").read_text())
    context = Context("model", folder, manifest, batch_size, None, mms.__version__)
    sys.path.insert(0, folder)
    entry = loader.load(handler, folder)
    entry.initialize(context)
    body = Path(body_path).read_bytes()

    def call() -> None:
        processors = [RequestProcessor({}) for _ in range(batch_size)]
        context.begin_batch(dict.fromkeys(range(batch_size), "bare"), processors)
        outputs = entry.handle([{"body": bytearray(body)} for _ in range(batch_size)], context)
        if len(outputs) != batch_size:
            raise ValueError(f"{len(outputs)} outputs for {batch_size} inputs")

    _loop(call, _WARM_UP_S)
    calls, elapsed_s = _loop(call, duration_s)
    print(json.dumps({"requests": calls * batch_size, "elapsed_s": elapsed_s}))


def _loop(call: Callable[[], None], duration_s: float) -> tuple[int, float]:
    began = time.perf_counter()
    calls = 0
    while (elapsed_s := time.perf_counter() - began) < duration_s:
        call()
        calls += 1
    return calls, elapsed_s


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))

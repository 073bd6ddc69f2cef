"""A model that sleeps, in place of the no-op one: its capacity is known and costs no processor."""

from __future__ import annotations

from benchmarks import disturbance, workload
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.properties import STORE

SLEEP_MS = 10
NAME = "sleeper"
CODE = f'''"""Sleep as long as a model of medium size takes."""

import time


def handle(data, context):
    if data is None:
        return None
    time.sleep({SLEEP_MS / 1000})
    return ["{workload.ANSWER}"] * len(data)
'''


def serve(server: Server) -> str:
    """Have a started server serve it with one worker, once; returns its path. Raises BenchError."""
    folder = server.folder / STORE
    if not (folder / NAME).exists():
        workload.write_model(folder, NAME, CODE)
        query = f"url={NAME}&initial_workers=1&synchronous=true"
        try:
            disturbance.ask("POST", f"{server.management_url}/models?{query}")
        except OSError as error:  # an HTTP error status is one, too
            raise BenchError(f"{server.name} does not serve the {NAME}: {error}") from error
    return f"/predictions/{NAME}"

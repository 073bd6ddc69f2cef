"""The `config.properties` that this server and MMS are started with, for they read the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks import workload
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start

STORE = "store"
"""The model store's name in the server's folder."""


def prepare(program: list[str], folder: Path, *more_lines: str) -> Start:
    """Lay out `folder` with a configuration and a model store, and start `program` with them."""
    inference_port, management_port = free_ports(2)
    lines = [
        f"inference_address=http://127.0.0.1:{inference_port}",
        f"management_address=http://127.0.0.1:{management_port}",
        "default_workers_per_model=1",
        *more_lines,
    ]
    config, store = folder / "config.properties", folder / STORE
    config.write_text("\n".join([*lines, ""]))
    workload.write_model(store)
    options = ["--start", "--foreground", "--mms-config", str(config), "--model-store", str(store)]
    command = [*program, *options, "--models", f"{workload.MODEL}={workload.MODEL}"]
    return Start(
        command,
        f"http://127.0.0.1:{inference_port}{workload.PATH}",
        f"http://127.0.0.1:{management_port}",
    )

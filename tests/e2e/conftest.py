"""Fixtures for tests that talk to a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running_server import MakeModel, RunningServer, StartServer, start_server


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def make_model(store: Path) -> MakeModel:
    """Write a model folder into the store; returns its location."""

    def make(name: str, code: str, handler: str = "service:handle") -> str:
        folder = store / name
        (folder / "MAR-INF").mkdir(parents=True)
        (folder / "service.py").write_text(code)
        (folder / "MAR-INF" / "MANIFEST.json").write_text(
            f'{{"runtime": "python", "model": {{"modelName": "{name}", "handler": "{handler}"}}}}'
        )
        return name

    return make


@pytest.fixture
def start(tmp_path: Path, store: Path) -> Iterator[StartServer]:
    """Start servers on the store; they are stopped afterwards."""
    servers: list[RunningServer] = []

    def start_one(**keywords: object) -> RunningServer:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        server = start_server(folder, store=store, **keywords)  # type: ignore[arg-type]  # passed on
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        for process in server.processes():
            process.kill()


NOOP = """
def handle(data, context):
    return ["OK"] * len(data) if data else None
"""

ECHO = """
def handle(data, context):
    return [repr(each) for each in data] if data else None
"""


@pytest.fixture
def noop(make_model: MakeModel) -> str:
    return make_model("noop", NOOP)


@pytest.fixture
def echo(make_model: MakeModel) -> str:
    return make_model("echo", ECHO)

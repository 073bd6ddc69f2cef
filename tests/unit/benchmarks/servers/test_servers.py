"""Which servers there are, and what they are started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.errors import BenchError
from benchmarks.servers.litserve import LitServe
from benchmarks.servers.torchserve import TorchServe
from benchmarks.servers.triton import Triton


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: nothing is installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_all_are_measured_without_logs_unless_something_else_is_asked_for() -> None:
    assert servers.DEFAULT_NAMES[:2] == ("ours-compiled", "ours")
    with_logs = set(servers.NAMES) - set(servers.DEFAULT_NAMES)
    assert with_logs == {"ours-compiled-logs", "ours-logs", "mms-logs"}
    assert set(servers.NAMES) > servers.LIMITS | servers.OURS


def test_they_come_in_the_order_of_the_report(tmp_path: Path) -> None:
    made = servers.by_name(["nginx", "ours", "ours-compiled"], tmp_path)
    assert [server.name for server in made] == ["ours-compiled", "ours", "nginx"]


def test_triton_needs_an_own_head_and_no_framework_for_the_body(tmp_path: Path) -> None:
    start = Triton().prepare(tmp_path)
    assert start.headers == ("Inference-Header-Content-Length: 0",)
    assert start.url.endswith("/v2/models/noop/infer")
    assert (tmp_path / "models" / "noop" / "config.pbtxt").is_file()
    assert (tmp_path / "models" / "noop" / "1" / "model.py").is_file()


def test_triton_says_that_its_wheel_has_no_stub(cache: Path) -> None:
    triton = Triton()
    folder = triton._venv.packages().parents[2]
    folder.mkdir(parents=True)
    (folder / ".installed").touch()
    with pytest.raises(BenchError, match="no stub for Python"):
        triton.install()


def test_torchserve_has_ports_of_its_own_and_a_torch(tmp_path: Path) -> None:
    start = TorchServe().prepare(tmp_path)
    lines = (tmp_path / "config.properties").read_text().splitlines()
    ports = [line.rpartition(":")[2] for line in lines if "_address=" in line]
    ports += [line.rpartition("=")[2] for line in lines if line.startswith("grpc_")]
    assert len(set(ports)) == 5
    assert f":{ports[0]}/" in start.url
    assert (tmp_path / "store" / "noop" / "torch.py").is_file()


def test_litserve_is_given_the_port_and_the_path(tmp_path: Path) -> None:
    start = LitServe().prepare(tmp_path)
    port = start.command[-1]
    assert start.url == f"http://127.0.0.1:{port}/predictions/noop"
    program = (tmp_path / "server.py").read_text()
    compile(program, "server.py", "exec")
    assert '"/predictions/noop"' in program

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mms.handlers.onnx_session import open_session, with_device
from support.handlers import ModelFolder


@pytest.mark.parametrize(
    ("text", "threads"), [("2", 2), ("1", 1), ("0", 1), ("", 1), ("many", 1), ("4,2", 1)]
)
def test_the_engine_has_the_threads_of_the_worker(
    text: str, threads: int, model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    session = open_session(str(model.write() / "model.onnx"))
    assert session.get_session_options().intra_op_num_threads == threads
    assert session.get_session_options().inter_op_num_threads == 1


def test_the_engine_has_one_thread_when_nothing_is_said(
    model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    session = open_session(str(model.write() / "model.onnx"))
    assert session.get_session_options().intra_op_num_threads == 1


def test_the_threads_of_the_engine_sleep_between_requests(model: ModelFolder) -> None:
    session = open_session(str(model.write() / "model.onnx"), threads=2)
    options = session.get_session_options()
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_the_engine_reports_to_nobody(model: ModelFolder, tmp_path: Path) -> None:
    file, home = model.write() / "model.onnx", tmp_path / "home"
    home.mkdir()
    code = "import sys; from mms.handlers.onnx_session import open_session as f; f(sys.argv[1])"
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code, str(file)], env=environment, check=True)
    assert list(home.iterdir()) == []  # its queue of events and its device id would be here


def test_providers_on_a_gpu_get_the_workers_own_unless_one_is_named() -> None:
    providers = ["CUDAExecutionProvider", ["CUDAExecutionProvider", {"device_id": 5}], "CPU"]
    assert with_device(providers, 3) == [
        ("CUDAExecutionProvider", {"device_id": 3}),
        ("CUDAExecutionProvider", {"device_id": 5}),
        "CPU",
    ]
    assert with_device(providers[:1], None) == ["CUDAExecutionProvider"]

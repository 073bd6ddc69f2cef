"""Starting and stopping: commands, messages, exit statuses, and what is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mms_server.cli.pid_file import NAME, PidFile, is_server
from support.load import running_load
from support.running_server import MakeModel, StartServer, start_server, wait_until
from support.web import serve_folder


@pytest.fixture(autouse=True)
def _leave_no_server(tmp_path: Path) -> Iterator[None]:
    """End what a test that failed half way has left running."""
    yield
    pid = PidFile(tmp_path / NAME).read()
    if pid is not None and is_server(pid):
        os.kill(pid, signal.SIGKILL)


def launch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher; its output goes to a file, since the server inherits it and stays."""
    output = folder / f"launcher-{len(list(folder.glob('launcher-*')))}.out"
    environ = {**os.environ, "TEMP": str(folder), "TMPDIR": str(folder)}
    with output.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "mms_server.cli.model_server", *arguments],
            cwd=folder,
            env=environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
    return subprocess.CompletedProcess(done.args, done.returncode, output.read_text(), "")


def free_ports_config(folder: Path, *more: str) -> str:
    config = folder / "free.properties"
    lines = ["inference_address=http://127.0.0.1:0", "management_address=http://127.0.0.1:0", *more]
    config.write_text("\n".join(lines))
    return str(config)


def test_start_returns_and_stop_ends_everything(tmp_path: Path, store: Path, noop: str) -> None:
    config = free_ports_config(tmp_path)
    started = launch(
        tmp_path, "--start", "--mms-config", config, "--model-store", str(store), "--models", noop
    )
    assert started.returncode == 0
    assert "Model Store: " in started.stdout
    assert "Inference API bind to: http://127.0.0.1:" in started.stdout
    assert "Management API bind to: http://127.0.0.1:" in started.stdout
    assert "\nModel server started.\n" in started.stdout
    pid = int((tmp_path / ".model_server.pid").read_text())
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(family) > 2
    listening = [
        connection.laddr
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    again = launch(tmp_path, "--start", "--mms-config", config)
    assert again.returncode == 1
    assert "Model server is already running, please use" in again.stdout
    stopped = launch(tmp_path, "--stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Model server stopped.\n")
    wait_until(lambda: not any(p.is_running() for p in family), "every process to end")
    assert not (tmp_path / ".model_server.pid").exists()
    assert not list(tmp_path.glob("mms-*"))
    stopped = launch(tmp_path, "--stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Model server is not currently running.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--log-config", "nope.xml"], "--log-config file not found: nope.xml"),
        (["--mms-config", "nope"], "--mms-config file not found: nope"),
        (["--model-store", "nope"], "--model-store directory not found: nope"),
        (["--models", "a.mar"], "--model-store is required to load model locally."),
    ],
)
def test_arguments_that_are_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = launch(tmp_path, "--start", *arguments)
    assert (done.returncode, done.stdout) == (1, message + "\n")
    assert not (tmp_path / ".model_server.pid").exists()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = tmp_path / "config.properties"
        config.write_text(f"inference_address=http://127.0.0.1:{port}\n")
        done = launch(tmp_path, "--start")
    assert done.returncode == 1
    assert f"Failed to bind to address: http://127.0.0.1:{port}" in done.stdout
    assert not (tmp_path / ".model_server.pid").exists()
    assert not list(tmp_path.glob("mms-*"))


def test_a_value_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "config.properties").write_text("job_queue_size=many\nmodel_stor=x\n")
    done = launch(tmp_path, "--start")
    assert done.returncode == 1
    assert "job_queue_size=many (from " in done.stdout
    assert "a whole number from 1 is expected" in done.stdout


def test_an_orphan_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    """The number now belongs to another program: this test."""
    (tmp_path / ".model_server.pid").write_text(str(os.getpid()))
    done = launch(tmp_path, "--start", "--mms-config", free_ports_config(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith("Removing orphan pid file.\n")
    assert launch(tmp_path, "--stop").returncode == 0


def test_a_startup_model_that_cannot_be_had_is_a_warning(start: StartServer, noop: str) -> None:
    server = start(models=["nope.mar", noop])
    assert "Failed to load model: nope.mar" in server.log
    server.wait_ready("noop")
    assert server.describe("noop")["loadedAtStartup"] is True


def test_all_models_of_the_store(start: StartServer, noop: str, echo: str) -> None:
    server = start(models=["ALL"])
    server.wait_ready("noop")
    server.wait_ready("echo")


def test_sigterm_finishes_what_is_in_flight(start: StartServer, make_model: MakeModel) -> None:
    make_model(
        "slow",
        "import time\n"
        "def handle(data, context):\n"
        "    if data: time.sleep(0.5)\n"
        "    return ['done'] * len(data or [])\n",
    )
    server = start(models=["slow"])
    server.wait_ready("slow")
    with running_load(server.inference_port, "/predictions/slow", 4) as load:
        wait_until(lambda: server.counters("slow")["pending"] == 4, "four requests in flight")
        load.is_stopping.set()
        assert server.stop() == 0
    assert load.broken == []
    assert load.statuses == {200: 4}


def test_foreground_ends_with_the_server(start: StartServer, noop: str) -> None:
    server = start()
    os.kill(server.pid, signal.SIGKILL)
    assert server.process.wait(timeout=30) == 128 + signal.SIGKILL


def test_startup_models_get_a_worker_for_each_gpu(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0; echo 1; echo 2; echo 3\n")
    tool.chmod(0o755)
    make_model(
        "gpu",
        "def handle(data, context):\n"
        "    return [str(context.system_properties['gpu_id'])] * len(data or [])\n",
    )
    server = start(
        models=["gpu"],
        settings={"default_workers_per_model": 0, "number_of_gpu": 2},
        environment={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )
    assert "Number of GPUs: 2" in server.log
    assert "Default workers per model: 2" in server.log
    server.wait_ready("gpu", workers=2)
    assert [worker["gpu"] for worker in server.describe("gpu")["workers"]] == [True, True]
    assert server.predict("gpu").body in (b"0", b"1")


@pytest.mark.parametrize("how", ["--stop", "SIGTERM", "SIGINT"])
def test_a_server_that_is_starting_can_be_stopped(tmp_path: Path, how: str) -> None:
    """Its model comes from a host that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        config = free_ports_config(tmp_path, "allowed_urls=http://127.0.0.1:.*")
        command = [sys.executable, "-m", "mms_server.cli.model_server", "--start"]
        command += ["--mms-config", config, "--models", f"http://127.0.0.1:{port}/x.mar"]
        with (tmp_path / "starting.out").open("w") as out:
            starting = subprocess.Popen(
                command,
                cwd=tmp_path,
                env={**os.environ, "TEMP": str(tmp_path), "TMPDIR": str(tmp_path)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        silent.settimeout(60)
        connection, _ = silent.accept()
        family = psutil.Process(starting.pid).children(recursive=True)
        with connection:
            if how == "--stop":
                assert launch(tmp_path, "--stop").stdout == "Model server stopped.\n"
            else:
                starting.send_signal(getattr(signal, how))
            assert starting.wait(timeout=60) == 1
    assert (
        "The server ended with status 143 before it had started."
        in (tmp_path / "starting.out").read_text()
    )
    wait_until(lambda: not any(p.is_running() for p in family), "every process to end")
    assert not (tmp_path / ".model_server.pid").exists()
    assert not list(tmp_path.glob("mms-*"))


def test_two_may_stop_it_at_once(tmp_path: Path) -> None:
    assert launch(tmp_path, "--mms-config", free_ports_config(tmp_path)).returncode == 0
    command = [sys.executable, "-m", "mms_server.cli.model_server", "--stop"]
    environ = {**os.environ, "TEMP": str(tmp_path), "TMPDIR": str(tmp_path)}
    both = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = {stopping.communicate(timeout=60)[0] for stopping in both}
    assert [stopping.returncode for stopping in both] == [0, 0]
    assert said <= {
        "Model server stopped.\n",
        "Model server already stopped.\n",
        "Model server is not currently running.\n",
    }
    assert "Model server stopped.\n" in said
    assert not (tmp_path / ".model_server.pid").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize(
    ("readable", "complaint"),
    [(True, "is another user's: not stopped"), (False, "Permission denied. TMPDIR names another")],
)
def test_a_server_of_another_user_is_not_stopped(readable: bool, complaint: str) -> None:
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    folder.chmod(0o1777)  # as /tmp
    assert launch(folder, "--mms-config", free_ports_config(folder)).returncode == 0
    if not readable:
        (folder / ".model_server.pid").chmod(0o600)
    program = (
        "import os, sys; from mms_server.cli.model_server import main; os.setuid(65534); "
        "sys.exit(main(['--stop']))"
    )
    stopping = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )
    stopped = launch(folder, "--stop").stdout
    shutil.rmtree(folder)
    assert stopping.returncode == 1
    assert complaint in stopping.stdout
    assert stopped == "Model server stopped.\n"


def test_models_come_from_a_url_without_a_store(tmp_path: Path) -> None:
    archive = tmp_path / "www" / "noop.mar"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "service.py", "def handle(data, context):\n    return ['OK'] * len(data or [])"
        )
        file.writestr("MAR-INF/MANIFEST.json", '{"model": {"handler": "service:handle"}}')
    with serve_folder(archive.parent) as port:
        url = f"http://127.0.0.1:{port}/noop.mar"
        config = {"allowed_urls": "http://127.0.0.1:[0-9]+/.*"}
        server = start_server(tmp_path, models=[f"named={url}", url], settings=config)
    try:
        for name in ("named", "noop"):
            server.wait_ready(name)
            assert server.predict(name).body == b"OK"
            assert server.describe(name)["modelUrl"] == url
    finally:
        server.stop()


def test_a_url_that_is_not_allowed_is_a_warning(start: StartServer) -> None:
    server = start(models=["x=http://127.0.0.1:9/x.mar", "HTTPS://localhost:9/y.mar"])
    assert "Failed to load model: http://127.0.0.1:9/x.mar" in server.log
    assert "Failed to load model: HTTPS://localhost:9/y.mar" in server.log
    assert server.manage("GET", "/models").json == {"models": []}


def test_the_same_name_twice_ends_the_start(tmp_path: Path, store: Path, noop: str) -> None:
    config = free_ports_config(tmp_path)
    done = launch(
        tmp_path, "--mms-config", config, "--model-store", str(store), "--models", noop, noop
    )
    assert done.returncode == 1
    assert "Invalid configuration: Model noop is already registered." in done.stdout
    assert not (tmp_path / ".model_server.pid").exists()

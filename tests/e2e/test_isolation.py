"""What a worker process has of the server that started it: as little as can be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.running_server import MakeModel, StartServer

REPORT = """
import importlib.util, json, os, sys

NAMES = ["httptools", "uvloop", "msgspec", "multipart", "prometheus_client", "mms_server", "mms"]

def handle(data, context):
    if data is None:
        return None
    links = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
             if os.path.exists(f"/proc/self/fd/{fd}") or fd in "012"}
    return [{
        "found": [name for name in NAMES if importlib.util.find_spec(name)],
        "prefix": sys.prefix,
        "first": os.listdir(sys.path[0]),
        "fds": links,
        "environ": dict(os.environ),
        "cwd": os.getcwd(),
    }]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_holds_only_what_it_was_given(
    start: StartServer, make_model: MakeModel, store: Path
) -> None:
    make_model("report", REPORT)
    server = start(
        models=["report"],
        settings={"blacklist_env_vars": "SECRET_.*"},
        environment={"SECRET_KEY": "x", "SECRET": "stays", "OMP_NUM_THREADS": "3"},
    )
    server.wait_ready("report")
    seen = server.predict("report").json
    assert seen["first"] == ["mms"]
    assert seen["cwd"] == str(store / "report")
    kinds = sorted(link.split(":")[0] for fd, link in seen["fds"].items() if int(fd) > 2)
    # The link, the page and the lifetime pipe; the directory is the one being listed.
    assert [kind for kind in kinds if not kind.startswith("/proc")] == [
        "/memfd",
        "pipe",
        "socket",
    ]
    assert "SECRET_KEY" not in seen["environ"]
    assert seen["environ"]["SECRET"] == "stays"
    assert seen["environ"]["OMP_NUM_THREADS"] == "3"


def test_another_interpreter_sees_nothing_of_the_servers_packages(
    start: StartServer, make_model: MakeModel, store: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    make_model("report", REPORT)
    server = start(environment={"PATH": f"{bare / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    answer = server.register("report", initial_workers=1, runtime="python3")
    assert answer.status == 200, server.log
    seen = server.predict("report").json
    assert seen["prefix"] == str(bare)
    assert seen["found"] == ["mms"]
    assert server.describe("report")["runtime"] == "python3"


def test_an_interpreter_that_is_not_there_is_said(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    make_model("report", REPORT)
    server = start(environment={"PATH": str(tmp_path)})
    answer = server.register("report", initial_workers=1, runtime="python2")
    assert answer.status == 500
    assert "cannot be started with python2" in answer.json["reason"]


def test_files_named_like_the_runtimes_own_do_no_harm(
    start: StartServer, store: Path, make_model: MakeModel
) -> None:
    make_model("shadows", "def handle(data, context):\n    return ['fine'] * len(data or [])\n")
    for name in ("mms", "socket", "json", "struct", "logging"):
        (store / "shadows" / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")
    server = start(models=["shadows"])
    server.wait_ready("shadows")
    assert server.predict("shadows").body == b"fine"

"""The demonstration as a user runs it: a process, real weights, a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from mms_server.zoo.cache import cache_folder
from support.running_server import wait_until


def start(tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    # What was fetched before is used; archives and everything else stay in `tmp_path`.
    cache = tmp_path / "cache" / "mms-server"
    cache.mkdir(parents=True)
    files = cache_folder() / "files"
    files.mkdir(parents=True, exist_ok=True)
    (cache / "files").symlink_to(files)
    (tmp_path / "temp").mkdir()
    own = {"XDG_CACHE_HOME": str(cache.parent), "TMPDIR": str(tmp_path / "temp")}
    return subprocess.Popen(
        [sys.executable, "-m", "mms_server.cli.mms", "demo"],
        cwd=tmp_path,
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the demonstration; returns status, standard output and standard error."""
    try:
        out, err = process.communicate(timeout=60)
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    return process.returncode, out, err


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def test_the_cat_is_recognised_and_nothing_is_left_behind(tmp_path: Path) -> None:
    # Neither a proxy nor a configuration file of the user's may come between.
    (tmp_path / "config.properties").write_text("inference_address=nonsense\n")
    status, out, err = finish(
        start(
            tmp_path,
            http_proxy="http://127.0.0.1:9",
            MMS_CONFIG_FILE=str(tmp_path / "config.properties"),
        )
    )
    assert status == 0, err
    assert out.endswith("\nThe cat in cat.png is an Egyptian cat (79%).\n")
    assert "/predictions/efficientnet -T cat.png" in out
    assert list((tmp_path / "temp").iterdir()) == []
    assert not (tmp_path / "logs").exists()
    assert processes_in(tmp_path / "temp") == []


def test_a_server_that_does_not_start_is_shown_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "onnxruntime.py").write_text("raise ImportError('broken on purpose')\n")
    status, _, err = finish(start(tmp_path, PYTHONPATH=str(broken)))
    assert status == 1
    assert "The model did not become ready" in err
    assert "broken on purpose" in err
    assert list((tmp_path / "temp").iterdir()) == []


def test_when_it_is_ended_the_server_ends_too(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_until(lambda: processes_in(tmp_path / "temp"), "the server to start")
    process.terminate()
    status, _, _ = finish(process)
    assert status == 128 + signal.SIGTERM
    assert processes_in(tmp_path / "temp") == []
    assert list((tmp_path / "temp").iterdir()) == []

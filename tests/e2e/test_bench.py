"""`mms bench` as a user runs it, against the real server: every request is in its report once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.running_server import MakeModel, RunningServer, StartServer, free_port, wait_until

GATED = """
import os, time

def handle(data, context):
    if data is None:
        return None
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    return ["OK"] * len(data)
"""


class Bench:
    """One run of the command; its figures as JSON once it has ended."""

    def __init__(self, folder: Path, target: str, *options: str) -> None:
        self.json = folder / "bench.json"
        self.errors = folder / "bench.err"
        command = [sys.executable, "-m", "mms_server.cli.mms", "bench", target, *options]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, "--json", str(self.json)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                text=True,
            )

    def finish(self) -> tuple[int, str]:
        """Wait for its end; returns exit status and report."""
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out

    @property
    def progress(self) -> str:
        return self.errors.read_text()

    @property
    def figures(self) -> Any:
        """The measured phase, whose books must be right."""
        phase = json.loads(self.json.read_text())["phases"][-1]
        answered = sum(phase["statuses"].values())
        assert phase["sent"] == answered + sum(phase["errors"].values())
        assert answered == sum(seen["count"] for seen in phase["latency"].values())
        return phase


def url(server: RunningServer, model: str = "noop") -> str:
    return f"http://127.0.0.1:{server.inference_port}/predictions/{model}"


def test_every_request_is_answered_and_counted_by_both_sides(
    start: StartServer, noop: str, tmp_path: Path
) -> None:
    server = start(models=[f"{noop}={noop}"])
    server.wait_ready(noop)
    body = tmp_path / "body"
    body.write_bytes(b"x" * 10_000)
    options = ["--body", str(body), "--rate", "200", "--duration", "2", "--connections", "20"]
    bench = Bench(tmp_path, url(server), *options, "--arrivals", "constant", "--warm-up", "0.5")
    status, report = bench.finish()
    assert status == 0
    assert bench.figures["statuses"] == {"200": 400}
    assert server.counters(noop)["answered"] == 500, "the warm-up, too"
    assert f"POST {url(server)}" in report
    assert "2xx" in report
    assert "sent, " in bench.progress


def test_refusals_are_shown_apart(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    make_model("gated", GATED.format(gate=str(gate)))
    server = start(models=["gated=gated"], settings={"job_queue_size": 3})
    server.wait_ready("gated")
    options = ["--data", "x", "--rate", "50", "--duration", "1", "--warm-up", "0"]
    bench = Bench(tmp_path, url(server, "gated"), *options, "--arrivals", "constant")
    wait_until(lambda: server.counters("gated").get("refused", 0) == 46, "46 refusals")
    gate.touch()
    status, report = bench.finish()
    assert status == 0
    assert bench.figures["statuses"] == {"200": 4, "503": 46}
    assert bench.figures["retry_after"] == 46
    assert "46 of 46 refusals say when to come back (Retry-After)" in report
    assert "refused (429, 503)" in report


def test_a_server_that_is_killed_costs_what_comes_after(
    start: StartServer, noop: str, tmp_path: Path
) -> None:
    server = start(models=[f"{noop}={noop}"])
    server.wait_ready(noop)
    options = ["--data", "x", "--rate", "100", "--duration", "5", "--warm-up", "0"]
    bench = Bench(tmp_path, url(server), *options)
    wait_until(lambda: server.counters(noop).get("answered", 0) > 20, "some answers")
    for process in server.processes():
        process.kill()
    status, report = bench.finish()
    assert status == 0
    assert bench.figures["statuses"]["200"] > 20
    assert bench.figures["errors"]["connection refused"] > 0
    assert "connection refused" in report


def test_a_server_that_never_answers_is_nothing_but_timeouts(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    make_model("gated", GATED.format(gate=str(tmp_path / "never")))
    server = start(models=["gated=gated"])
    server.wait_ready("gated")
    options = ["--rate", "20", "--duration", "1", "--warm-up", "0", "--timeout", "0.5"]
    bench = Bench(tmp_path, url(server, "gated"), *options)
    status, report = bench.finish()
    assert status == 1
    assert bench.figures["errors"] == {"timeout": bench.figures["sent"]}
    assert "timeout" in report


def test_an_interruption_prints_what_there_is(
    start: StartServer, noop: str, tmp_path: Path
) -> None:
    server = start(models=[f"{noop}={noop}"])
    server.wait_ready(noop)
    bench = Bench(tmp_path, url(server), "--data", "x", "--rate", "50", "--duration", "600")
    wait_until(lambda: server.counters(noop).get("answered", 0) > 100, "some answers")
    bench.process.send_signal(signal.SIGINT)
    status, report = bench.finish()
    assert status == 0
    assert bench.figures["statuses"]["200"] > 0
    assert bench.figures["elapsed_s"] < 600
    assert "goodput" in report


def test_where_nothing_listens_it_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, f"http://127.0.0.1:{free_port()}/")
    assert bench.finish() == (1, "")
    assert "takes no connection: connection refused." in bench.progress


def test_more_connections_than_files_are_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "http://127.0.0.1:1/", "--connections", "1000000000")
    assert bench.finish() == (1, "")
    assert "ulimit -Hn" in bench.progress

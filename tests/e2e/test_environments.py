"""Models that bring their own packages and their own Python."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mms_server.cli.model_archiver import main
from support.interpreters import NEWEST, OLDEST, interpreter
from support.packages import Gate, add_gated_package, add_wheel
from support.running_server import Response, RunningServer, StartServer, wait_until
from support.workshop import is_alive

HANDLER = """
import sys, {module}

def handle(data, context):
    python = "%d.%d" % sys.version_info[:2]
    return [[{module}.VERSION, python, sys.prefix]] * len(data) if data else None
"""

PLAIN = """
import sys

def handle(data, context):
    return ["%d.%d" % sys.version_info[:2]] * len(data) if data else None
"""

BringModel = Callable[..., Path]


@pytest.fixture
def bring(store: Path) -> BringModel:
    """Write a model folder that asks for what is given."""

    def write(name: str, code: str = PLAIN, wanted: str | None = None, **entry: str) -> Path:
        folder = store / name
        (folder / "MAR-INF").mkdir(parents=True)
        (folder / "service.py").write_text(code)
        manifest = {"model": {"modelName": name, "handler": "service:handle", **entry}}
        (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
        if wanted is not None:
            (folder / "requirements.txt").write_text(wanted)
        return folder

    return write


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def settings(cache: Path) -> dict[str, object]:
    return {
        "allow_model_environments": "true",
        "model_environments_folder": cache,
        "installer_arguments": "--no-index",
    }


@pytest.fixture
def start_slow(
    bring: BringModel, start: StartServer, settings: dict[str, object], gate: Gate
) -> StartServer:
    """Start a server with a model `slow` in its store, whose installation waits at the gate."""
    folder = bring("slow", HANDLER.format(module="slow"), "slow\n")
    add_gated_package(folder / "wheels", "slow")

    def start_it(*, models: Sequence[str] = (), **more: object) -> RunningServer:
        environment = {"GATE": str(gate.folder)}
        return start(settings={**settings, **more}, models=models, environment=environment)

    return start_it


def left(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.name != "locks"]


def builder(gate: Gate) -> int:
    return wait_until(lambda: gate.builders, "a build to begin")[0]


def registering(server: RunningServer, name: str) -> tuple[threading.Thread, list[Response]]:
    answers: list[Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(server.register(name, initial_workers=1))
    )
    thread.start()
    return thread, answers


def test_conflicting_versions_side_by_side(
    bring: BringModel, start: StartServer, settings: dict[str, object]
) -> None:
    oldest, newest = interpreter(OLDEST), interpreter(NEWEST)
    for name, version, python in (("a", "1.0", oldest), ("b", "2.0", newest)):
        folder = bring(name, HANDLER.format(module="tiny"), f"tiny=={version}\n", python=python)
        add_wheel(folder / "wheels", "tiny", "1.0")
        add_wheel(folder / "wheels", "tiny", "2.0")
    bring("plain")
    pythons = f"{oldest},{newest}"
    server = start(settings={**settings, "model_pythons": pythons})
    for name in ("a", "b", "plain"):
        assert server.register(name, initial_workers=1).status == 200
    for _ in range(3):
        first, second = server.predict("a").json, server.predict("b").json
        assert first[:2] == ["1.0", OLDEST]
        assert second[:2] == ["2.0", NEWEST]
        assert first[2] != second[2]
        assert server.predict("plain").status == 200
    assert "environment" not in server.describe("a")
    assert server.stop() == 0


def test_an_archive_that_the_archiver_has_made(
    tmp_path: Path, store: Path, start: StartServer, settings: dict[str, object]
) -> None:
    model = tmp_path / "model"
    add_wheel(model / "wheels", "tiny", "3.0")
    (model / "service.py").write_text(HANDLER.format(module="tiny"))
    (tmp_path / "needs.txt").write_text("tiny  # whichever there is\n")
    oldest = interpreter(OLDEST)
    command = ["--model-name", "packed", "--model-path", str(model), "--handler", "service:handle"]
    command += ["--requirements", str(tmp_path / "needs.txt"), "--python", oldest]
    assert main([*command, "--export-path", str(store)]) == 0
    server = start(settings={**settings, "model_pythons": oldest})
    assert server.register("packed.mar", initial_workers=1).status == 200
    assert server.predict("packed").json[:2] == ["3.0", OLDEST]


def test_requirements_that_cannot_be_met(
    bring: BringModel, start: StartServer, settings: dict[str, object], cache: Path
) -> None:
    bring("broken", wanted="no-such-package==1\n")
    bring("good")
    server = start(settings=settings)
    assert server.register("good", initial_workers=1).status == 200
    answer = server.register("broken", initial_workers=1)
    assert (answer.status, answer.json["type"]) == (500, "InternalServerException")
    message = answer.json["message"]
    assert message.startswith("Model broken: The model's requirements cannot be installed with ")
    assert "no-such-package" in message
    assert server.manage("GET", "/models/broken").status == 404
    assert left(cache) == []
    wait_until(lambda: "no-such-package" in server.log, "the log to be written")
    assert server.predict("good").status == 200
    assert server.register("broken", initial_workers=0).status == 500, "also without workers"


def test_what_is_being_installed_is_shown_and_can_be_unregistered(
    start_slow: StartServer, cache: Path, gate: Gate
) -> None:
    server = start_slow()
    thread, answers = registering(server, "slow")
    build = builder(gate)
    shown = server.describe("slow")
    assert shown["environment"]["state"] == "installing"
    assert shown["environment"]["progress"]
    assert server.register("slow").status == 409
    assert server.manage("DELETE", "/models/slow").status == 200
    thread.join(30)
    assert answers[0].status == 500
    assert "was unregistered while its environment was being made" in answers[0].json["message"]
    wait_until(lambda: not is_alive(build), "the build to end")
    assert left(cache) == []


def test_an_installation_that_takes_too_long(
    start_slow: StartServer, cache: Path, gate: Gate
) -> None:
    server = start_slow(install_timeout=1)
    answer = server.register("slow", initial_workers=1)
    assert answer.status == 500
    assert "not installed within 1 s" in answer.json["message"]
    assert "install_timeout" in answer.json["message"]
    assert left(cache) == []
    for build in gate.builders:
        wait_until(lambda pid=build: not is_alive(pid), "the build to end")  # type: ignore[misc]  # bound now


def test_a_server_that_is_killed_meanwhile(
    start_slow: StartServer, cache: Path, gate: Gate
) -> None:
    server = start_slow()
    thread_answers: list[str] = []

    def register() -> None:
        try:
            server.register("slow", initial_workers=1)
        except OSError as exc:  # http.client's RemoteDisconnected is one
            thread_answers.append(type(exc).__name__)

    thread = threading.Thread(target=register)
    thread.start()
    build = builder(gate)
    os.kill(server.pid, signal.SIGKILL)
    thread.join(30)
    assert thread_answers
    wait_until(lambda: not is_alive(build), "the build to end")
    half_made = left(cache)
    assert len(half_made) == 1
    gate.open()
    again = start_slow()
    assert again.register("slow", initial_workers=1).status == 200
    assert again.predict("slow").json[0] == "1.0"
    assert left(cache) == half_made


def test_stopping_ends_an_installation(start_slow: StartServer, cache: Path, gate: Gate) -> None:
    server = start_slow(models=["slow=slow"])
    build = builder(gate)
    assert server.manage("GET", "/models").status == 200, "it serves while it installs"
    assert server.describe("slow")["environment"]["state"] == "installing"
    assert server.stop() == 0
    assert not is_alive(build)
    assert left(cache) == []


def test_a_startup_model_that_cannot_be_installed_is_shown(
    bring: BringModel, start: StartServer, settings: dict[str, object]
) -> None:
    bring("broken", wanted="no-such-package\n")
    server = start(settings=settings, models=["broken"])

    def failed() -> Any:
        return server.describe("broken").get("environment", {}).get("error")

    def shown() -> Any:
        return server.describe("broken")["workers"][0].get("lastError")

    assert "no-such-package" in wait_until(failed, "the installation to fail")
    # Its worker waits for the installation, and learns of it a turn of the loop later.
    assert "no-such-package" in wait_until(shown, "the worker to show it")


def test_nothing_is_allowed_at_first(bring: BringModel, start: StartServer, cache: Path) -> None:
    bring("wants", wanted="no-such-package\n")
    bring("names", python="/bin/sh")
    server = start(settings={"model_environments_folder": cache})
    assert server.register("wants", initial_workers=1).status == 200
    assert server.predict("wants").status == 200
    wait_until(
        lambda: "Model wants: its requirements.txt is ignored." in server.log,
        "the log to be written",
    )
    answer = server.register("names", initial_workers=1)
    assert (answer.status, answer.json["type"]) == (400, "BadRequestException")
    assert "not allowed here" in answer.json["message"]
    assert server.manage("GET", "/models/names").status == 404
    assert server.register("names", initial_workers=1, runtime="python").status == 200
    assert not cache.exists()


def test_an_interpreter_alone(bring: BringModel, start: StartServer, cache: Path) -> None:
    bring("old", python=f"python{OLDEST}")
    bring("gone", python="python3.99")
    path = f"{Path(interpreter(OLDEST)).parent}{os.pathsep}{os.environ['PATH']}"
    server = start(
        settings={
            "model_environments_folder": cache,
            "model_pythons": f"python{OLDEST},python3.99",
        },
        environment={"PATH": path},
    )
    assert server.register("old", initial_workers=1).status == 200
    assert server.predict("old").body.decode() == OLDEST
    answer = server.register("gone", initial_workers=1)
    assert answer.status == 500
    assert "Interpreter python3.99 was not found" in answer.json["message"]
    assert not cache.exists()

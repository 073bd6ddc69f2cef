"""A server whose workers run in the interpreter that has MXNet, and a photograph of a cat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mms_server.zoo.building import build
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support.efficientnet import CHECKPOINT, MXNET, ONNX, save_legacy, unpack
from support.mxnet_environment import TIMEOUT_S, open_environment
from support.running_server import RunningServer, StartServer, wait_until

pytestmark = pytest.mark.timeout(TIMEOUT_S)

# What Multi Model Server 1.1.11 answers about the cat: with the same archive, whose service has
# Pillow prepare pictures, and with the same folder of 0.x, whose service has MXNet do it.
CLASSES = ("Egyptian cat", "tiger cat", "tabby", "lynx", "plastic bag")
MMS_SERVICE = (0.7911711931, 0.0884824544, 0.0712355673, 0.0104508065, 0.0012766680)
MMS_LEGACY = (0.7690035701, 0.1133845448, 0.0755213946, 0.0082876384, 0.0008580887)


@pytest.fixture
def server(start: StartServer, store: Path) -> RunningServer:
    """A server to which `python3` is the interpreter with MXNet."""
    build(MXNET, store)
    build(ONNX, store)
    path = f"{open_environment().parent}{os.pathsep}{os.environ['PATH']}"
    return start(environment={"PATH": path})


def ask_about_the_cat(server: RunningServer, model: str) -> list[dict[str, Any]]:
    answer = server.predict(model, read_file(SAMPLES["cat"]))
    assert answer.status == 200, server.log
    best: list[dict[str, Any]] = answer.json
    return best


def check(seen: list[dict[str, Any]], chances: tuple[float, ...]) -> None:
    assert tuple(each["class"] for each in seen) == CLASSES
    assert [each["probability"] for each in seen] == pytest.approx(chances, abs=1e-4)


def test_every_handler_finds_the_same_cat(server: RunningServer) -> None:
    models = {
        "onnx": {"url": f"{ONNX}.mar"},
        "service": {"url": f"{MXNET}.mar", "runtime": "python3"},
        "ready": {
            "url": f"{MXNET}.mar",
            "runtime": "python3",
            "handler": "mms.handlers.mxnet_classifier",
        },
    }
    answers = {}
    for name, options in models.items():
        answer = server.register(**options, model_name=name, initial_workers=1, synchronous="true")
        assert answer.status == 200, server.log
        answers[name] = ask_about_the_cat(server, name)
    for seen in answers.values():
        check(seen, MMS_SERVICE)
    refused = server.predict("ready", b"no picture at all")
    assert (refused.status, refused.json["type"]) == (400, "BadRequestException")


def test_a_model_of_old_is_served_by_its_service(server: RunningServer, store: Path) -> None:
    save_legacy(store / "old", unpack(MXNET, store))
    server.register(
        "old",
        model_name="old",
        handler="efficientnet_service.py",
        runtime="python3",
        initial_workers=1,
        synchronous="true",
    )
    check(ask_about_the_cat(server, "old"), MMS_LEGACY)
    refused = server.predict("old", b"no picture at all")
    assert refused.status == 400
    assert refused.json["message"].startswith("The 17 bytes are not a picture")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (CHECKPOINT, b"not what it should be" * 8, f"{CHECKPOINT} has no MXNet parameters: "),
        ("signature.json", b'{"inputs": [{"data_name": "x", "data_shape": [0]}]}', "x in inputs"),
    ],
)
def test_files_that_do_not_fit_together_fail_the_registration(
    file: str, content: bytes, said: str, server: RunningServer, store: Path
) -> None:
    (unpack(MXNET, store) / file).write_bytes(content)
    answer = server.register(
        MXNET,
        model_name="torn",
        handler="mms.handlers.mxnet_classifier",
        runtime="python3",
        initial_workers=1,
        synchronous="true",
    )
    assert (answer.status, answer.json["message"]) == (500, "Failed to start workers")
    wait_until(lambda: "Load model failed: torn, error: ValueError: " in server.log, "the reason")
    assert said in server.log
    assert server.manage("GET", "/models/torn").status == 404


def test_an_interpreter_without_mxnet_is_told_what_it_lacks(server: RunningServer) -> None:
    answer = server.register(
        f"{MXNET}.mar",
        model_name="lost",
        handler="mms.handlers.mxnet_model",
        initial_workers=1,
        synchronous="true",
    )
    assert (answer.status, answer.json["message"]) == (500, "Failed to start workers")
    said = "Install it with: pip install 'mxnet==1.9.1' 'numpy<1.24'"
    wait_until(lambda: said in server.log, "the remedy in the log")

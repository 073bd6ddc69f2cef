"""Archives and requests that are wrong, before every ready-made handler that runs here.

MXNet's are in `test_mxnet`, requirements that cannot be installed in `test_environments`.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from support.handlers import ModelFolder, Pictures
from support.running_server import MakeModel, RunningServer, StartServer, wait_until

SERVICE = "def handle(data, context): return ['OK'] * len(data) if data else None\n"


@pytest.fixture
def make_ready_made(store: Path) -> MakeModel:
    """Write a model folder without code, whose handler is one of ours; returns its location."""

    def make(name: str, handler: str, files: dict[str, bytes]) -> str:
        folder = store / name
        (folder / "MAR-INF").mkdir(parents=True)
        manifest = {"model": {"modelName": name, "handler": f"mms.handlers.{handler}"}}
        (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return name

    return make


@pytest.fixture
def colours(tmp_path: Path) -> dict[str, bytes]:
    """The files of an ONNX model that takes pictures of 4 by 4 pixels."""
    (tmp_path / "colours").mkdir()
    folder = ModelFolder(tmp_path / "colours").write(shape=(0, 3, 4, 4))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def estimator() -> bytes:
    return pickle.dumps(LogisticRegression().fit([[0, 0], [1, 1]], [0, 1]))


def sign(**signature: Any) -> bytes:
    return json.dumps(signature).encode()


def refuse(server: RunningServer, name: str, said: str) -> None:
    """Register what cannot be loaded: the operator is told why, and nothing of it stays."""
    answer = server.register(name, initial_workers=1, synchronous="true")
    assert (answer.status, answer.json["type"]) == (500, "InternalServerException")
    assert server.manage("GET", f"/models/{name}").status == 404
    wait_until(
        lambda: any(
            f"Load model failed: {name}, error: " in line and said in line
            for line in server.log.splitlines()
        ),
        f"the log to say {said}",
    )
    wait_until(lambda: not workers(server), "the worker to be gone")


def workers(server: RunningServer) -> list[str]:
    commands = (" ".join(process.cmdline()) for process in server.processes())
    return [command for command in commands if "mms.worker" in command]


def test_an_archive_without_a_handler_is_refused_at_once(start: StartServer, store: Path) -> None:
    (store / "bare" / "MAR-INF").mkdir(parents=True)
    (store / "bare" / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"modelName": "bare"}}')
    server = start()
    answer = server.register("bare", initial_workers=1)
    assert (answer.status, answer.json["type"]) == (400, "InvalidModelException")
    assert answer.json["message"] == "Model handler is not defined."
    assert server.manage("GET", "/models/bare").status == 404
    assert workers(server) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"import engine_x.ops\n{SERVICE}", "it imports 'engine_x'"),
        ("def handle(data, context): import engine_x", "it imports 'engine_x'"),
        (f"from json import nothing_x\n{SERVICE}", "cannot import name 'nothing_x'"),
        (f"x = (\n{SERVICE}", "service.py, line 1, is not valid Python"),
        ("", "no function 'handle' in "),
    ],
)
def test_a_handler_that_cannot_be_imported(
    code: str, said: str, start: StartServer, make_model: MakeModel
) -> None:
    server = start()
    refuse(server, make_model("broken", code), said)
    if "engine_x" in said:
        assert "in the archive's requirements.txt" in server.log


def test_files_that_do_not_fit_the_model(
    start: StartServer, make_ready_made: MakeModel, colours: dict[str, bytes]
) -> None:
    wrong_name = sign(inputs=[{"data_name": "x", "data_shape": [0, 3, 4, 4]}])
    wrong_size = sign(inputs=[{"data_name": "pixels", "data_shape": [0, 3, 8, 8]}])
    without = {name: content for name, content in colours.items() if name != "synset.txt"}
    signed = {"signature.json": wrong_name}
    cases: dict[str, tuple[str, dict[str, bytes], str]] = {
        "garbage": ("onnx_model", {**colours, "model.onnx": b"no graph"}, "model.onnx failed"),
        "name": ("onnx_model", {**colours, **signed}, "'x' in inputs; the model has ['pixels']"),
        "size": ("onnx_classifier", {**colours, "signature.json": wrong_size}, "(any, 3, 8, 8); "),
        "nameless": ("onnx_classifier", without, "synset.txt"),
        "text": ("sklearn_model", {"model.pkl": b"text"}, "model.pkl cannot be loaded: "),
        "list": ("sklearn_model", {"model.pkl": pickle.dumps([])}, "a list, not an estimator"),
        "elsewhere": ("mxnet_model", signed, "pip install 'mxnet==1.9.1'"),
    }
    server = start()
    for name, (handler, files, said) in cases.items():
        refuse(server, make_ready_made(name, handler, files), said)


def test_what_a_client_sends_wrong_is_its_own_mistake(
    start: StartServer, make_ready_made: MakeModel, colours: dict[str, bytes], pictures: Pictures
) -> None:
    picture = pictures.encode("RGB", (3, 2, 1))
    rows = json.dumps([[[[0] * 4] * 4] * 3])
    cases: dict[str, tuple[dict[str, bytes], list[bytes | str], bytes | str]] = {
        "onnx_classifier": (colours, [b"no picture", picture[:40], b"", "[1, 2]"], picture),
        "onnx_model": (colours, ["[[1]]", '["a"]', "[[1], [2, 3]]", "{", b"\x93NUMPY"], rows),
        "sklearn_model": ({"model.pkl": estimator()}, ["[1]", '["a", "b"]', "null"], "[1, 1]"),
    }
    models = [make_ready_made(name, name, files) for name, (files, _, _) in cases.items()]
    server = start(models=models)
    for name, (_, wrong, right) in cases.items():
        server.wait_ready(name)
        before = server.worker_pids(name)
        for body in wrong:
            answer = server.predict(name, body)
            assert (answer.status, answer.json["type"]) == (400, "BadRequestException"), body
            assert answer.json["message"], body
        assert server.predict(name, right).status == 200
        assert server.worker_pids(name) == before


@pytest.fixture
def pictures() -> Pictures:
    return Pictures()

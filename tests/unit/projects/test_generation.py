"""What `mms new` writes passes its own test, and `mms check`. Engines that are not installed here
(torch is a gigabyte) are skipped; MXNet, which needs an older numpy than the rest, has another
interpreter.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mms_server.cli.mms import main
from mms_server.errors import BadRequestError, ConflictError, MMSError
from mms_server.projects.generation import PACKAGES, generate
from support import mxnet_side
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, open_environment

MODULES = {"sklearn": "sklearn", "torch": "torch"}
FOR_MXNET = ["gluon", "mxnet"]


@pytest.fixture(params=sorted(set(PACKAGES) - set(FOR_MXNET)))
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project for each engine that is installed."""
    engine: str = request.param
    module = MODULES.get(engine)
    if module is not None and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    return generate(f"my_{engine}", engine, tmp_path)


def test_a_project_passes_its_test_and_the_check(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()
    assert b"3 passed" in done.stdout
    example = str(project / "request.json")
    assert main(["check", str(project / "model"), "--input", example]) == 0
    assert capsys.readouterr().out.endswith("Nothing is wrong.\n")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("engine", FOR_MXNET)
def test_a_project_for_mxnet_answers_the_example(
    engine: str, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    project = generate("mine", engine, tmp_path)
    subprocess.run([open_environment(), project / "make_model.py"], check=True)
    mxnet.call(mxnet_side.load, str(project / "model"), "service.py")
    example = (project / "request.json").read_bytes()
    answers = mxnet.call(mxnet_side.predict, {"body": example}, {"body": b"?"}, {"body": example})
    assert [status for status, _ in answers] == [200, 400, 200]
    assert json.loads(answers[0][1]) == json.loads(answers[2][1]) == [2, 4, 6, 8]


@pytest.mark.parametrize("engine", sorted(PACKAGES))
def test_the_page_says_how_to_go_on(engine: str, tmp_path: Path) -> None:
    project = generate("mine", engine, tmp_path)
    page = (project / "README.md").read_text()
    assert f"pip install {PACKAGES[engine]} pytest" in page
    assert "http://127.0.0.1:8080/predictions/mine" in page
    assert "$" not in page
    assert ("python make_model.py" in page) is (project / "make_model.py").exists()
    assert (project / "model" / "service.py").exists()


@pytest.mark.parametrize("name", ["", "../evil", "-x", "a b", "a/b"])
def test_a_name_must_be_one_that_a_model_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="is no name for a model"):
        generate(name, "python", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    generate("mine", "python", tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConflictError, match="mine exists"):
        generate("mine", "onnx", tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(MMSError, match="cannot be written"):
        generate("mine", "onnx", tmp_path / "mine" / "README.md")

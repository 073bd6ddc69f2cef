"""The SageMaker inference toolkit of PyPI, unchanged, starts this server and serves through it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mms_server.cli.options import SERVER_TOKEN
from support.container import Container, why_not
from support.running_server import wait_until

REPOSITORY = Path(__file__).parents[2]
# It imports pkg_resources, which setuptools 82 is without.
TOOLKIT = ("sagemaker-inference==1.10.1", "setuptools<81")
START = "from sagemaker_inference.model_server import start_model_server; start_model_server()"
JSON = "Content-Type: application/json"

USER_CODE = """
import os

def model_fn(model_dir):
    with open(os.path.join(model_dir, "factor")) as file:
        return float(file.read())

def predict_fn(data, model):
    return data * model
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="containers are made of namespaces"),
    pytest.mark.timeout(600),
]

RunContainer = Callable[..., Container]


@pytest.fixture(scope="session")
def toolkit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the toolkit and this server in it; kept between runs."""
    reason = why_not(tmp_path_factory.mktemp("container"))
    if reason is not None:
        pytest.skip(reason)
    cache = request.config.cache
    assert cache is not None
    wanted = (REPOSITORY / "pyproject.toml").read_bytes() + " ".join(TOOLKIT).encode()
    folder = cache.mkdir("sagemaker") / hashlib.sha256(wanted).hexdigest()[:12]
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            install_toolkit(folder / "venv")
            (folder / "complete").touch()
    return folder / "venv" / "bin" / "python"


def install_toolkit(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    command += [*TOOLKIT, "--editable", str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the toolkit cannot be installed here: {done.stderr.strip()}")


@pytest.fixture
def run_container(toolkit: Path, tmp_path: Path) -> Iterator[RunContainer]:
    containers: list[Container] = []

    def run(**environment: str) -> Container:
        environment["SAGEMAKER_BASE_DIR"] = str(tmp_path / "ml")
        containers.append(Container(tmp_path, toolkit, START, environment))
        return containers[-1]

    yield run
    for container in containers:
        container.kill()


def write_model(folder: Path, factor: float, code: str) -> str:
    """Write what a training job leaves: data, and the user's code; there is no manifest."""
    (folder / code).mkdir(parents=True)
    (folder / code / "inference.py").write_text(USER_CODE)
    (folder / "factor").write_text(str(factor))
    return str(folder)


def holders_of_the_token(container: Container) -> int:
    """Count as the toolkit does, among all processes that are not defunct."""
    count = 0
    for process in container.processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a defunct one, or it has just ended
            count += SERVER_TOKEN in process.cmdline()
    return count


def test_one_model(run_container: RunContainer, tmp_path: Path) -> None:
    write_model(tmp_path / "ml" / "model", 2.5, "code")
    container = run_container(SAGEMAKER_MODEL_SERVER_WORKERS="2", SAGEMAKER_MAX_PAYLOAD_IN_MB="20")
    assert container.wait_answer("/ping").status == 200
    wait_until(lambda: container.request("GET", "/ping").json["status"] == "Healthy", "the model")
    assert holders_of_the_token(container) == 1
    answer = container.request("POST", "/invocations", "[1, 2]", JSON, "Accept: application/json")
    assert (answer.status, answer.json) == (200, [2.5, 5.0])
    assert answer.headers["content-type"] == "application/json"
    text = container.request("POST", "/invocations", "1,2", "Content-Type: text/csv", "Accept: */*")
    assert (text.status, text.json) == (200, [2.5, 5.0])
    unknown = container.request("POST", "/invocations", "x", "Content-Type: what/ever")
    assert unknown.status == 500, "which is what the toolkit makes of it"
    assert b"what/ever" in unknown.body
    parameters = container.request("GET", "/execution-parameters")
    assert parameters.json == {
        "MaxConcurrentTransforms": 2,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 20,
    }
    assert container.request("GET", "/models/model").json["loadedAtStartup"] is True
    family = container.processes
    assert container.stop() == 0
    wait_until(lambda: not any(process.is_running() for process in family), "the end of all")


def test_many_models(run_container: RunContainer, tmp_path: Path) -> None:
    # The toolkit puts the code folder of one model on the path, but not those of many.
    double = write_model(tmp_path / "ml" / "models" / "a" / "model", 2, "")
    triple = write_model(tmp_path / "ml" / "models" / "b" / "model", 3, "")
    hungry = write_model(tmp_path / "ml" / "models" / "c" / "model", 0, "")
    (Path(hungry) / "inference.py").write_text("def model_fn(folder): raise MemoryError\n")
    container = run_container(SAGEMAKER_MULTI_MODEL="true")

    def load(name: str, url: str) -> int:
        body = json.dumps({"model_name": name, "url": url})
        return container.request("POST", "/models", body, JSON).status

    assert container.wait_answer("/ping").json == {"status": "Healthy"}
    assert container.request("GET", "/models").json == {"models": []}
    assert (load("two", double), load("three", triple)) == (200, 200)
    assert load("two", double) == 409
    assert load("none", str(tmp_path / "ml" / "models" / "none")) == 404
    assert load("hungry", hungry) == 507
    assert container.request("GET", "/models").json["models"] == [
        {"modelName": "three", "modelUrl": triple},
        {"modelName": "two", "modelUrl": double},
    ]
    answer = container.request("POST", "/models/three/invoke", "[1, 2]", JSON)
    assert (answer.status, answer.json) == (200, [3.0, 6.0])
    assert container.request("POST", "/models/two/invoke", "[1]", JSON).json == [2.0]
    assert holders_of_the_token(container) == 1
    assert container.request("DELETE", "/models/two").json == {"status": 'Model "two" unregistered'}
    assert container.request("DELETE", "/models/two").status == 404
    assert container.request("POST", "/models/two/invoke", "[1]", JSON).status == 404
    assert container.stop() == 0

"""One network in every form that MXNet has for it: all answer as the ONNX model does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mms.handlers.onnx_classifier import OnnxImageClassifier
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support import mxnet_side
from support.efficientnet import MXNET, ONNX, save_hybrid, save_imperative, unpack
from support.handlers import Serving
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, SideError

pytestmark = pytest.mark.timeout(TIMEOUT_S)

READY_MADE = "mms.handlers.mxnet_classifier"


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory, mxnet: MxnetProcess) -> dict[str, Path]:
    """A model's folder for each form."""
    folder = tmp_path_factory.mktemp("forms")
    symbol = unpack(MXNET, folder)
    return {
        "onnx": unpack(ONNX, folder),
        "symbol": symbol,
        "hybrid": save_hybrid(folder / "hybrid", symbol, mxnet),
        "imperative": save_imperative(folder / "imperative", symbol, mxnet),
    }


@pytest.fixture(scope="module")
def expected(forms: dict[str, Path]) -> list[dict[str, Any]]:
    """The answer of the ONNX model about the cat."""
    handler, serving = OnnxImageClassifier(), Serving()
    serving.load(handler, forms["onnx"])
    (answer,), _ = serving.handle(handler, {"body": read_file(SAMPLES["cat"])})
    assert [each["class"] for each in answer[:3]] == ["Egyptian cat", "tiger cat", "tabby"]
    return list(answer)


@pytest.mark.parametrize(
    ("form", "handler"),
    [
        ("symbol", READY_MADE),
        ("hybrid", READY_MADE),
        ("imperative", READY_MADE),
        ("symbol", "service.py"),
    ],
)
def test_every_form_answers_as_the_onnx_model_does(
    form: str,
    handler: str,
    forms: dict[str, Path],
    expected: list[dict[str, Any]],
    mxnet: MxnetProcess,
) -> None:
    mxnet.call(mxnet_side.load, str(forms[form]), handler)
    cat, coffee = (read_file(SAMPLES[name]) for name in ("cat", "coffee"))
    answers = mxnet.call(mxnet_side.predict, {"body": cat}, {"body": coffee}, {"data": cat})
    assert [status for status, _ in answers] == [200, 200, 200]
    first, second, third = (json.loads(body) for _, body in answers)
    assert second[0]["class"] == "espresso"
    for seen in (first, third):
        assert [each["class"] for each in seen] == [each["class"] for each in expected]
        for one, other in zip(seen, expected, strict=True):
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)


@pytest.mark.parametrize("handler", [READY_MADE, "service.py"])
def test_what_is_no_picture_is_the_clients_mistake(
    handler: str, forms: dict[str, Path], mxnet: MxnetProcess
) -> None:
    mxnet.call(mxnet_side.load, str(forms["symbol"]), handler)
    cat = read_file(SAMPLES["cat"])
    requests = [{"body": b"GIF"}, {"body": cat}, {"body": cat[:5000]}, {"body": b""}, {}]
    answers = mxnet.call(mxnet_side.predict, *requests)
    assert [status for status, _ in answers] == [400, 200, 400, 400, 400]
    assert json.loads(answers[1][1])[0]["class"] == "Egyptian cat"
    assert all(json.loads(body)["code"] == 400 for status, body in answers if status == 400)
    assert "3 bytes are not a picture" in json.loads(answers[0][1])["message"]


def test_parameters_of_another_model_are_told_apart(
    forms: dict[str, Path], mxnet: MxnetProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(forms["symbol"], folder)
    shutil.copy(forms["hybrid"] / "exported-0000.params", folder / "efficientnet_lite0-0000.params")
    with pytest.raises(SideError) as raised:
        mxnet.call(mxnet_side.load, str(folder), READY_MADE)
    message = raised.value.message
    assert "The parameters do not fit the graph: _conv_stem.weight, " in message
    assert "and 95 more missing; " in message
    assert "and 95 more not in the graph" in message


def test_labels_are_needed(forms: dict[str, Path], mxnet: MxnetProcess, tmp_path: Path) -> None:
    folder = tmp_path / "nameless"
    shutil.copytree(forms["symbol"], folder)
    (folder / "synset.txt").unlink()
    with pytest.raises(SideError, match=r"FileNotFoundError: .*synset\.txt"):
        mxnet.call(mxnet_side.load, str(folder), READY_MADE)

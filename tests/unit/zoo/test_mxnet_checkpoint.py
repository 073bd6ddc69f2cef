"""The checkpoint beside the ONNX graph that it was converted from, in MXNet itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mms.handlers.onnx_session import open_session
from mms_server.errors import InvalidModelError
from mms_server.zoo.mxnet_checkpoint import convert
from support import mxnet_side
from support.mxnet_environment import TIMEOUT_S, MxnetProcess

FORWARD = """
import numpy
symbol, weights, states = mx.model.load_checkpoint(values[0], 0)
pixels = mx.nd.array(numpy.frombuffer(values[1], "float32").reshape(2, 3, 224, 224))
executor = symbol.bind(mx.cpu(), {**weights, "data": pixels}, grad_req="null")
(output,) = executor.forward(is_train=False)
result = symbol.list_outputs(), states, output.asnumpy().tobytes()
"""

SAVE_AGAIN = """
mx.nd.save(values[1], mx.nd.load(values[0]))
mx.sym.load(values[2]).save(values[3])
"""


def forward_onnx(folder: Path, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = open_session(str(folder / "model.onnx"))
    output: np.ndarray[Any, Any] = session.run(["prob"], {"data": pixels})[0]
    return output


@pytest.fixture(scope="module")
def checkpoint(models: dict[str, Path]) -> Path:
    return models["efficientnet_lite0_mxnet"] / "efficientnet_lite0"


@pytest.mark.timeout(TIMEOUT_S)
def test_mxnet_answers_as_the_graph_does(
    checkpoint: Path, models: dict[str, Path], mxnet: MxnetProcess
) -> None:
    pixels = np.random.default_rng(7).standard_normal((2, 3, 224, 224)).astype(np.float32)
    names, states, output = mxnet.call(mxnet_side.run, FORWARD, str(checkpoint), pixels.tobytes())
    assert (names, states) == (["prob_output"], {})
    seen = np.frombuffer(output, np.float32).reshape(2, 1000)
    expected = forward_onnx(models["efficientnet_lite0"], pixels)
    assert np.abs(seen - expected).max() < 1e-5
    assert expected.max() > 0.01


@pytest.mark.timeout(TIMEOUT_S)
def test_mxnet_writes_what_it_reads(checkpoint: Path, mxnet: MxnetProcess, tmp_path: Path) -> None:
    params, symbol = f"{checkpoint}-0000.params", f"{checkpoint}-symbol.json"
    again = [str(tmp_path / name) for name in ("again.params", "again.json")]
    mxnet.call(mxnet_side.run, SAVE_AGAIN, params, again[0], symbol, again[1])
    assert Path(again[0]).read_bytes() == Path(params).read_bytes()
    assert json.loads(Path(again[1]).read_text()) == json.loads(Path(symbol).read_text())


def test_inputs_come_before_what_uses_them(checkpoint: Path) -> None:
    symbol = json.loads(Path(f"{checkpoint}-symbol.json").read_text())
    nodes = symbol["nodes"]
    for place, node in enumerate(nodes):
        assert all(source < place for source, _, _ in node["inputs"])
    assert nodes[0] == {"op": "null", "name": "data", "inputs": []}
    assert (nodes[-1]["name"], symbol["heads"]) == ("prob", [[len(nodes) - 1, 0, 0]])
    assert sum(node["op"] == "Pad" for node in nodes) == 5  # at each stride of 2


def test_an_operator_that_is_not_known_is_named() -> None:
    node = helper.make_node("Tanh", ["data"], ["prob"], name="prob")
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("data", "prob")
    ]
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:], [zero]))
    with pytest.raises(InvalidModelError, match="Tanh cannot be converted to MXNet"):
        convert(model)

"""Services of 0.x for MXNet, in MXNet itself: files as they were written then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support import mxnet_side
from support.efficientnet import MXNET, save_legacy, unpack
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, SideError

pytestmark = pytest.mark.timeout(TIMEOUT_S)

PLAIN = """
from mms.model_service.mxnet_model_service import MXNetBaseService

class Plain(MXNetBaseService):
    pass
"""
CATCHING = """
from mms.model_service.mxnet_model_service import MXNetBaseService

class Catching(MXNetBaseService):
    def inference(self, data):
        try:
            return super(Catching, self).inference(data)
        except AssertionError:
            return [["caught"]]
"""
SHAPES = """
from mms.model_service.mxnet_model_service import MXNetBaseService

class Shapes(MXNetBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        super(Shapes, self).__init__(model_name, model_dir, manifest, gpu)
        self.bound = [each["data_shape"] for each in self.signature["inputs"]]

    def inference(self, data):
        return [[self.bound, self.signature["inputs"], self.ping(), str(self.ctx), self.labels]]
"""
GLUON = """
from mxnet.gluon import nn
from mms.model_service.gluon_vision_service import GluonVisionService

class Gluon(GluonVisionService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        net = nn.Sequential()
        net.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(3, in_units=3, use_bias=False))
        super(Gluon, self).__init__(model_name, model_dir, manifest, net, gpu)
"""
IMPERATIVE = """
import mxnet as mx
from mms.model_service.mxnet_model_service import GluonImperativeBaseService

class Doubling(GluonImperativeBaseService):
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        super(Doubling, self).__init__(model_name, model_dir, manifest, lambda x: x * 2, gpu)

    def _preprocess(self, data):
        return [mx.nd.array(data[0])]

    def _inference(self, data):
        super(Doubling, self)._inference(data)
        return self.net(data[0])

    def _postprocess(self, data):
        return [data.asnumpy().tolist()]
"""
SAVE = """
data = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, flatten=False, name="dense")
weights = {"dense_weight": mx.nd.array([[1, 2], [3, 4]]), "dense_bias": mx.nd.array([0, 1])}
mx.model.save_checkpoint(values[0] + "/net", values[1], data, weights, {})
net = mx.gluon.nn.Sequential()
net.add(mx.gluon.nn.GlobalAvgPool2D(), mx.gluon.nn.Flatten())
net.add(mx.gluon.nn.Dense(3, in_units=3, use_bias=False))
net.initialize()
net[2].weight.set_data(mx.nd.eye(3))
net.save_parameters(values[0] + "/colours.params")
"""

SAVE_NARROW = """
data = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, flatten=False, name="dense")
weights = {"dense_weight": mx.nd.array([[1], [3]]), "dense_bias": mx.nd.array([0, 1])}
mx.model.save_checkpoint(values[0] + "/net", 0, data, weights, {})
"""


class Legacy:
    """Writes a model of 0.x, loads and asks it."""

    def __init__(self, folder: Path, mxnet: MxnetProcess) -> None:
        self.folder = folder
        self._mxnet = mxnet

    def write(self, code: str, shape: list[int], epoch: int = 0, **model: str | None) -> None:
        signature = {
            "inputs": [{"data_name": "data", "data_shape": shape}],
            "input_type": "application/json" if len(shape) < 4 else "image/png",
        }
        known = {
            "Service": "service.py",
            "Signature": "signature.json",
            "Symbol": "net-symbol.json",
            "Parameters": f"net-{epoch:04d}.params",
            **model,
        }
        manifest = {"Model": {key: value for key, value in known.items() if value is not None}}
        (self.folder / "MANIFEST.json").write_text(json.dumps(manifest))
        (self.folder / "signature.json").write_text(json.dumps(signature))
        (self.folder / "synset.txt").write_text("red\n green \nblue\n")
        (self.folder / "service.py").write_text(code)
        self._mxnet.call(mxnet_side.run, SAVE, str(self.folder), epoch)

    def load(self) -> Any:
        return self._mxnet.call(mxnet_side.load, str(self.folder), "service.py")

    def refuse(self) -> str:
        with pytest.raises(SideError) as raised:
            self.load()
        return str(raised.value)

    def ask(self, request: dict[str, Any]) -> Any:
        ((status, body),) = self._mxnet.call(mxnet_side.predict, request)
        assert status == 200
        return json.loads(body)


@pytest.fixture
def legacy(tmp_path: Path, mxnet: MxnetProcess) -> Legacy:
    return Legacy(tmp_path, mxnet)


def test_a_checkpoint_answers_its_numbers_as_text(legacy: Legacy) -> None:
    legacy.write(PLAIN, [0, 2], epoch=7)
    assert legacy.load()["Model"]["Parameters"] == "net-0007.params"
    assert legacy.ask({"data": b"[[1, 1]]"}) == [[3.0, 8.0]]
    assert legacy.ask({"body": b"((1, 1), (2, 0))"}) == [[3.0, 8.0], [2.0, 7.0]]


def test_a_service_sees_what_was_bound_then_the_signature(legacy: Legacy) -> None:
    legacy.write(SHAPES, [0, 0, 2])
    legacy.load()
    bound, inputs, version, device, labels = legacy.ask({"data": b"[]"})
    assert bound == [[1, 1, 2]]
    assert inputs == [{"data_name": "data", "data_shape": [0, 0, 2]}]
    assert (version, device, labels) == ("1.9.1", "cpu(0)", ["red", "green", "blue"])


def test_a_gluon_network_classifies_colours(legacy: Legacy) -> None:
    legacy.write(GLUON, [0, 3, 4, 4], Parameters="colours.params", Symbol=None)
    legacy.load()
    answer = legacy.ask({"body": bytearray(read_file(SAMPLES["coffee"]))})
    assert [each["class"] for each in answer] == ["red", "green", "blue"]
    assert sum(each["probability"] for each in answer) == pytest.approx(1)


def test_a_network_without_parameters_is_the_subclasss_business(legacy: Legacy) -> None:
    legacy.write(IMPERATIVE, [0, 2], Parameters=None)
    legacy.load()
    assert legacy.ask({"data": b"[[1, 2]]"}) == [[2, 4]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[1, 2]", "Shape dimension of input data mismatches with signature. 2 expected but"),
        (b"[[1, 2, 3]]", r"Input data has different shape with signature. [0, 2] expected but"),
    ],
)
def test_an_array_that_does_not_fit_is_said(body: bytes, said: str, legacy: Legacy) -> None:
    legacy.write(PLAIN, [0, 2])
    legacy.load()
    with pytest.raises(SideError) as raised:
        legacy.ask({"data": body})
    assert raised.value.kind == "InputShapeError"
    assert said in raised.value.message
    assert raised.value.message.endswith(" : 400"), "it is the client's mistake"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"data": b"['a', 'b']"}, "The input is no array of numbers: "),
        ({"data": b"[[1], [2, 3]]"}, "The input is no array of numbers: "),
        ({"data": b"{'a': 1}"}, "The input is no array of numbers: "),
        ({"data": {"a": 1}}, "The input is no array of numbers: "),
        ({}, "The request has no input data."),
        ({"x": b"[1]", "y": b"[2]"}, "The request has no input data."),
        ({"data": b"[[1, 2]"}, "The input is not a Python literal: "),
        ({"data": b"{[]: 1}"}, "The input is not a Python literal: "),
    ],
)
def test_what_the_model_cannot_take_is_the_clients_mistake(
    request_: dict[str, Any], said: str, legacy: Legacy
) -> None:
    legacy.write(PLAIN, [0, 2])
    legacy.load()
    with pytest.raises(SideError) as raised:
        legacy.ask(request_)
    assert raised.value.message.startswith(said)
    assert raised.value.message.endswith(" : 400")


def test_a_size_that_is_open_and_does_not_fit_is_too(legacy: Legacy, mxnet: MxnetProcess) -> None:
    legacy.write(PLAIN, [0, 0])
    mxnet.call(mxnet_side.run, SAVE_NARROW, str(legacy.folder))
    legacy.load()
    with pytest.raises(SideError, match=r"cannot take data of \(1, 3\): .*dense_weight.* : 400$"):
        legacy.ask({"data": b"[[1, 2, 3]]"})
    assert legacy.ask({"data": b"[[1], [2]]"}) == [[1.0, 4.0], [2.0, 7.0]], "it goes on"


def test_services_that_catch_the_assertion_go_on_doing_so(legacy: Legacy) -> None:
    legacy.write(CATCHING, [0, 2])
    legacy.load()
    assert legacy.ask({"data": b"[1]"}) == ["caught"]


@pytest.mark.parametrize(
    ("code", "model", "said"),
    [
        (PLAIN, {"Parameters": "net-0003.params"}, "The archive has no net-0003.params."),
        (PLAIN, {"Symbol": "other-symbol.json"}, "The archive has no other-symbol.json."),
        (PLAIN, {"Symbol": "net.json"}, "expected NAME-symbol.json"),
        (GLUON, {"Parameters": "lost.params"}, "The archive has no lost.params."),
        (GLUON, {"Parameters": "net-0000.params"}, "The parameters in net-0000.params do not fit"),
    ],
)
def test_files_that_are_missing_or_do_not_fit_fail_the_load(
    code: str, model: dict[str, Any], said: str, legacy: Legacy
) -> None:
    legacy.write(code, [0, 3, 4, 4] if code is GLUON else [0, 2], **model)
    assert said in legacy.refuse()


def test_the_cat_is_recognised_by_a_service_of_old(mxnet: MxnetProcess, tmp_path: Path) -> None:
    folder = save_legacy(tmp_path / "legacy", unpack(MXNET, tmp_path))
    manifest = mxnet.call(mxnet_side.load, str(folder), "efficientnet_service.py")
    assert manifest["Engine"] == {"MXNet": 1.9}
    ((_, body),) = mxnet.call(mxnet_side.predict, {"data": bytearray(read_file(SAMPLES["cat"]))})
    answer = json.loads(body)
    assert len(answer) == 5
    assert answer[0]["class"] == "Egyptian cat"
    assert answer[0]["probability"] > 0.5


@pytest.mark.parametrize("body", [b"GIF", b"", "text", None])
def test_what_is_no_picture_is_the_clients_mistake(
    body: object, legacy: Legacy, mxnet: MxnetProcess
) -> None:
    legacy.write(GLUON, [0, 3, 4, 4], Parameters="colours.params", Symbol=None)
    legacy.load()
    with pytest.raises(SideError, match=r"PredictionException: .*picture.* : 400"):
        legacy.ask({"body": body})


def test_a_service_needs_labels_to_name_classes(legacy: Legacy) -> None:
    legacy.write(GLUON, [0, 3, 4, 4], Parameters="colours.params", Symbol=None)
    (legacy.folder / "synset.txt").unlink()
    legacy.load()
    with pytest.raises(SideError, match="AssertionError: Can't find labels attribute"):
        legacy.ask({"body": read_file(SAMPLES["coffee"])})

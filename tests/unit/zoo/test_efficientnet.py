"""The graph, and what it answers through the handler that its archive names."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from PIL import Image

from mms.handlers.onnx_classifier import OnnxImageClassifier
from mms_server.zoo.catalogue import EFFICIENTNET_WEIGHTS
from mms_server.zoo.efficientnet import VARIANTS, build_graph, same_padding, stages_of
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.torch_pickle import read_state_dict
from mms_server.zoo.wheels import read_file
from support.handlers import Serving


def load(folder: Path) -> OnnxImageClassifier:
    handler = OnnxImageClassifier()
    Serving().load(handler, folder)
    return handler


def classify(handler: OnnxImageClassifier, *names: str) -> list[Any]:
    requests = [{"body": bytearray(read_file(SAMPLES[name]))} for name in names]
    return Serving().handle(handler, *requests)[0]


@pytest.fixture(scope="module")
def classifier(models: dict[str, Path]) -> OnnxImageClassifier:
    return load(models["efficientnet_lite0"])


def test_the_cat_is_recognised(classifier: OnnxImageClassifier) -> None:
    (answer,) = classify(classifier, "cat")
    assert [each["class"] for each in answer[:3]] == ["Egyptian cat", "tiger cat", "tabby"]
    seen = [each["probability"] for each in answer]
    assert seen[:3] == pytest.approx([0.791, 0.088, 0.071], abs=0.005)
    assert len(seen) == 5


def test_the_coffee_is_recognised(classifier: OnnxImageClassifier) -> None:
    (answer,) = classify(classifier, "coffee")
    assert answer[0]["class"] == "espresso"
    assert answer[0]["probability"] == pytest.approx(0.90, abs=0.01)


def test_a_centre_crop_shows_more_of_the_coffee(models: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(models["efficientnet_lite0"], folder)
    signature = json.loads((folder / "signature.json").read_text())
    signature["preprocess"]["resize"] = "crop"
    (folder / "signature.json").write_text(json.dumps(signature))
    (answer,) = classify(load(folder), "coffee")
    assert answer[0]["class"] == "espresso"
    assert answer[0]["probability"] == pytest.approx(0.95, abs=0.01)


def test_a_batch_gives_what_single_pictures_give(classifier: OnnxImageClassifier) -> None:
    cat, coffee, again = classify(classifier, "cat", "coffee", "cat")
    assert [each["class"] for each in cat] == [each["class"] for each in again]
    assert coffee[0]["class"] == "espresso"
    (alone,) = classify(classifier, "cat")
    for one, other in zip(cat, alone, strict=True):
        assert one["class"] == other["class"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)


def test_a_broken_picture_fails_alone(classifier: OnnxImageClassifier) -> None:
    cat = read_file(SAMPLES["cat"])
    requests = [{"body": cat}, {"body": cat[:5000]}, {"data": cat}]
    answers, context = Serving().handle(classifier, *requests)
    assert [context.get_response_status(place)[0] for place in range(3)] == [200, 400, 200]
    assert answers[0][0]["class"] == answers[2][0]["class"] == "Egyptian cat"
    assert "of 5000 bytes cannot be decoded" in json.loads(answers[1])["message"]


def test_the_cat_is_one_in_grey_too(classifier: OnnxImageClassifier) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(read_file(SAMPLES["cat"]))).convert("L").save(file, "JPEG")
    (answer,), _ = Serving().handle(classifier, {"body": file.getvalue()})
    assert {"tabby", "tiger cat", "Egyptian cat"} & {each["class"] for each in answer[:2]}


def test_every_weight_is_read() -> None:
    tensors = read_state_dict(read_file(EFFICIENTNET_WEIGHTS["efficientnet_lite0"]))
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert sum(tensor.size for tensor in tensors.values()) == 4_694_073


@pytest.mark.parametrize(
    ("name", "coffee", "cat"),
    [("efficientnet_lite1", 0.70, 0.80), ("efficientnet_lite2", 0.87, 0.75)],
)
def test_the_larger_ones_recognise_both(
    name: str, coffee: float, cat: float, models: dict[str, Path]
) -> None:
    first, second = classify(load(models[name]), "coffee", "cat")
    assert (first[0]["class"], second[0]["class"]) == ("espresso", "Egyptian cat")
    seen = [first[0]["probability"], second[0]["probability"]]
    assert seen == pytest.approx([coffee, cat], abs=0.02)


def test_larger_ones_have_more_blocks_and_wider_ones_more_channels() -> None:
    blocks = {name: [each.repeats for each in stages_of(v)] for name, v in VARIANTS.items()}
    assert blocks["efficientnet_lite0"] == [1, 2, 2, 3, 3, 4, 1]
    assert blocks["efficientnet_lite1"] == [1, 3, 3, 4, 4, 5, 1]
    assert blocks["efficientnet_lite2"] == [1, 3, 3, 4, 4, 5, 1]
    widths = [each.channels for each in stages_of(VARIANTS["efficientnet_lite2"])]
    assert widths == [16, 24, 48, 88, 120, 208, 352]


def test_weights_in_the_wrong_order_recognise_nothing(
    models: dict[str, Path], tmp_path: Path
) -> None:
    # As they come out when strides are ignored: then every picture shows the same.
    tensors = read_state_dict(read_file(EFFICIENTNET_WEIGHTS["efficientnet_lite0"]))
    ignorant = {
        name: tensor.T.reshape(tensor.shape) if tensor.ndim == 4 else tensor
        for name, tensor in tensors.items()
    }
    folder = tmp_path / "model"
    shutil.copytree(models["efficientnet_lite0"], folder)
    onnx.save(build_graph(ignorant), folder / "model.onnx")
    cat, coffee = classify(load(folder), "cat", "coffee")
    assert (cat[0]["class"], coffee[0]["class"]) != ("Egyptian cat", "espresso")


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),
        (112, 5, 2, (1, 2)),
        (7, 3, 1, (1, 1)),
        (7, 5, 2, (2, 2)),
        (7, 1, 1, (0, 0)),
    ],
)
def test_padding_is_tensorflows(
    size: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride) == expected


def test_the_graph_takes_any_batch(models: dict[str, Path]) -> None:
    model = onnx.load(models["efficientnet_lite0"] / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    (data,), (prob,) = model.graph.input, model.graph.output
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (data, prob)
    ]
    assert (data.name, prob.name) == ("data", "prob")
    assert shapes == [["N", 3, 224, 224], ["N", 1000]]

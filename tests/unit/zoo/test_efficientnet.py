from __future__ import annotations

import io
import zipfile
from pathlib import Path

import onnx
import pytest

from mms_server.zoo.efficientnet import same_padding


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


def test_the_graph_takes_any_batch(archives: dict[str, Path]) -> None:
    with zipfile.ZipFile(archives["efficientnet_lite0"]) as archive:
        model = onnx.load(io.BytesIO(archive.read("model.onnx")))
    onnx.checker.check_model(model, full_check=True)
    (data,), (prob,) = model.graph.input, model.graph.output
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (data, prob)
    ]
    assert (data.name, prob.name) == ("data", "prob")
    assert shapes == [["N", 3, 224, 224], ["N", 1000]]

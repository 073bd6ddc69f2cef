"""What tests of handlers need: a tiny model, its requests, and a context as in a worker.

The model is small enough to see through: its output is the mean of each colour of a picture.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper
from PIL import Image

from mms.context import Context, RequestProcessor
from mms.handlers.base import Handler

SIGNATURE: dict[str, Any] = {
    "inputs": [{"data_name": "pixels", "data_shape": [0, 3, 4, 4]}],
    "input_type": "image/png",
    "outputs": [{"data_name": "share", "data_shape": [0, 3]}],
    "output_type": "application/json",
}


class ModelFolder:
    """The files of a model, in a folder of the test's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self,
        layout: str = "NCHW",
        *,
        shape: tuple[int, ...] = (0, 0, 0, 0),
        is_of_bytes: bool = False,
        **signature: Any,
    ) -> Path:
        """Write the files anew; what is given beside the model's form goes into the signature.

        In `shape`, 0 is any size.
        """
        model = _colour_model(layout, shape, is_of_bytes=is_of_bytes)
        onnx.save(model, self.path / "model.onnx")
        (self.path / "signature.json").write_text(json.dumps({**SIGNATURE, **signature}))
        (self.path / "synset.txt").write_text("n00000001 fire red\ngreen\nn00000003 blue\n")
        return self.path


def _colour_model(layout: str, shape: tuple[int, ...], *, is_of_bytes: bool) -> onnx.ModelProto:
    """Input `pixels` (N, 3, 4, 4) or (N, 4, 4, 3), output `share` (N, 3)."""
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    sizes = [size or name for size, name in zip(shape, "NABC", strict=True)]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["share"], axes=axes, keepdims=0),
    ]
    kind = TensorProto.UINT8 if is_of_bytes else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", kind, sizes)],
        [helper.make_tensor_value_info("share", TensorProto.FLOAT, [sizes[0], "C"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Serving:
    """Calls handlers with a real context, as a worker does."""

    def load(self, handler: Handler, folder: Path) -> None:
        handler.initialize(Context("colours", str(folder), None, 8, None, "1.1"))

    def handle(self, handler: Handler, *data: dict[str, Any]) -> tuple[list[Any], Context]:
        """Handle one batch; returns the answers and the context with their statuses."""
        context = Context("colours", "/nowhere", None, 8, None, "1.1")
        ids = {place: str(place) for place in range(len(data))}
        context.begin_batch(ids, [RequestProcessor({}) for _ in data])
        return handler.handle(list(data), context), context


class Pictures:
    """Makes picture files of one colour."""

    def encode(
        self, mode: str, colour: Any, *, size: tuple[int, int] = (10, 6), kind: str = "PNG"
    ) -> bytes:
        return self.save(Image.new(mode, size, colour), kind)

    def save(self, picture: Image.Image, kind: str = "PNG") -> bytes:
        file = io.BytesIO()
        picture.save(file, kind)
        return file.getvalue()

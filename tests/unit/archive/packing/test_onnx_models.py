import json
import sys
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mms_server.archive.packing import pack
from mms_server.archive.packing.onnx_models import convert
from mms_server.errors import BadRequestError, MMSError

from .conftest import MakeRequest

SIGNATURE = {
    "inputs": [{"data_name": "old", "data_shape": [1], "note": "kept"}, {"data_name": "second"}],
    "input_type": "image/jpeg",
}


def write_model(file: Path, inputs: Sequence[tuple[str, list[int | str]]]) -> Path:
    """Write a model whose first input is a weight, as those of old exporters have it."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    values: list[tuple[str, list[int | str]]] = [("w", [1]), *inputs]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [weight],
    )
    onnx.save(helper.make_model(graph), str(file))
    return file


def files_in(model: Path) -> dict[str, Path]:
    return {p.relative_to(model).as_posix(): p for p in model.rglob("*") if p.is_file()}


def test_the_signature_gets_the_input_of_the_model(model: Path) -> None:
    write_model(model / "m.onnx", [("image", ["n", 3, 224, 224]), ("more", [1])])
    (model / "signature.json").write_text(json.dumps(SIGNATURE))
    replaced = convert(files_in(model))
    assert list(replaced) == ["signature.json"]
    expected = {"data_name": "image", "data_shape": [0, 3, 224, 224], "note": "kept"}
    assert json.loads(replaced["signature.json"]) == {
        "inputs": [expected, {"data_name": "second"}],
        "input_type": "image/jpeg",
    }
    assert json.loads((model / "signature.json").read_text()) == SIGNATURE, "only the copy"


def test_the_model_is_packed_as_it_is(
    model: Path,
    request_for: MakeRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_model(model / "m.onnx", [("image", [1, 2])])
    (model / "signature.json").write_text(json.dumps(SIGNATURE))
    output = pack(request_for(converts=True, archive_format="no-archive"))
    assert (output / "m.onnx").read_bytes() == (model / "m.onnx").read_bytes()
    packed = json.loads((output / "signature.json").read_text())
    assert packed["inputs"][0]["data_shape"] == [1, 2]
    assert "m.onnx is packed as it is: models are no longer converted to MXNet" in caplog.text


def test_there_may_be_nothing_to_do(model: Path) -> None:
    assert convert(files_in(model)) == {}
    (model / "m.onnx").write_bytes(b"not looked at without a signature")
    (model / "sub" / "other.onnx").touch()
    assert convert(files_in(model)) == {}


def test_more_than_one_model_is_refused(model: Path) -> None:
    for name in ("b.onnx", "a.onnx"):
        (model / name).touch()
    with pytest.raises(BadRequestError) as caught:
        convert(files_in(model))
    assert caught.value.message == (
        "model-archiver expects only one .onnx file in the folder. "
        "Found 2 files ['a.onnx', 'b.onnx'] in model-path."
    )


@pytest.mark.parametrize("signature", [b"", b"[]", b"{}", b'{"inputs": []}', b'{"inputs": [1]}'])
def test_a_signature_that_is_none_is_refused(model: Path, signature: bytes) -> None:
    write_model(model / "m.onnx", [("image", [1])])
    (model / "signature.json").write_bytes(signature)
    with pytest.raises(BadRequestError, match=r"signature\.json is not valid"):
        convert(files_in(model))


def test_a_model_that_is_none_is_refused(model: Path) -> None:
    (model / "signature.json").write_text(json.dumps(SIGNATURE))
    (model / "m.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(BadRequestError, match=r"m\.onnx is not an ONNX model"):
        convert(files_in(model))
    write_model(model / "m.onnx", [])
    with pytest.raises(BadRequestError, match="it has no input"):
        convert(files_in(model))


def test_the_package_is_asked_for(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / "signature.json").write_text(json.dumps(SIGNATURE))
    (model / "m.onnx").touch()
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    with pytest.raises(MMSError, match="Run command: pip install onnx to install it"):
        convert(files_in(model))

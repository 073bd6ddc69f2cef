"""Any model, arrays in and out: tiny graphs, and one that onnxruntime brings along."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from mms.context import Context, RequestProcessor
from mms.handlers.base import MissingPackageError
from mms.handlers.onnx_model import OnnxModel
from mms.handlers.onnx_session import OnnxEngine
from mms.worker.loader import load
from support.handlers import Serving

DATASETS = Path(onnxruntime.__file__).parent / "datasets"


def save(
    folder: Path,
    nodes: list[Any],
    inputs: dict[str, Any],
    outputs: dict[str, Any],
    signature: Any,
) -> Path:
    """Write a graph; inputs and outputs have a type and a shape each."""
    given, returned = (
        [helper.make_tensor_value_info(name, *each) for name, each in side.items()]
        for side in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "test", given, returned)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "model.onnx")
    if signature:
        (folder / "signature.json").write_text(json.dumps(signature))
    return folder


def save_sum(folder: Path, rows: Any = "N", **signature: Any) -> Path:
    """Write a model that adds `a` and `b`, and tells the larger one of each."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["total"]),
        helper.make_node("Max", ["a", "b"], ["larger"]),
    ]
    kind = (TensorProto.FLOAT, [rows, 2])
    inputs, outputs = {"a": kind, "b": kind}, {"total": kind, "larger": kind}
    return save(folder, nodes, inputs, outputs, signature)


def save_square(folder: Path, shape: list[Any], **signature: Any) -> Path:
    kind = (TensorProto.FLOAT, shape)
    node = helper.make_node("Mul", ["x", "x"], ["square"])
    return save(folder, [node], {"x": kind}, {"square": kind}, signature)


def serve(folder: Path) -> OnnxModel:
    handler = OnnxModel()
    Serving().load(handler, folder)
    return handler


def count_calls(handler: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Note the rows of each call of the engine."""
    calls: list[list[int]] = []
    infer = OnnxEngine.infer

    def note(engine: OnnxEngine, arrays: Any, names: Any) -> Any:
        calls.append(sorted({len(array) for array in arrays.values()}))
        return infer(engine, arrays, names)

    monkeypatch.setattr(OnnxEngine, "infer", note)
    return calls


def test_the_graph_says_what_the_model_takes_and_gives(tmp_path: Path) -> None:
    (answer,), context = Serving().handle(
        serve(save_sum(tmp_path)), {"body": {"a": [1, 5], "b": [3, 4]}}
    )
    assert json.loads(answer) == {"total": [4, 9], "larger": [3, 5]}
    assert context.get_response_content_type(0) == "application/json"


def test_the_signature_chooses_among_outputs(tmp_path: Path) -> None:
    outputs = [{"data_name": "larger", "data_shape": [0, 2]}]
    handler = serve(save_sum(tmp_path, outputs=outputs))
    (answer,), _ = Serving().handle(handler, {"a": [[1, 5], [7, 7]], "b": [[3, 4], [0, 0]]})
    assert json.loads(answer) == [[3, 5], [7, 7]]


def test_a_batch_is_one_call_and_a_bad_request_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = serve(save_square(tmp_path, ["N", 2]))
    calls = count_calls(handler, monkeypatch)
    requests = [[1, 2], [[3, 4], [5, 6]], "broken", [1, 2, 3], [[7, 8]]]
    answers, context = Serving().handle(handler, *({"body": each} for each in requests))
    assert calls == [[4]]
    assert [json.loads(answers[place]) for place in (0, 1, 4)] == [
        [1, 4],
        [[9, 16], [25, 36]],
        [[49, 64]],
    ]
    assert [context.get_response_status(place)[0] for place in range(5)] == [
        200,
        200,
        400,
        400,
        200,
    ]
    assert "expected the shape (any, 2), or one row of it" in json.loads(answers[3])["message"]


def test_rows_of_different_shapes_run_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = serve(save_square(tmp_path, ["N", "length"]))
    calls = count_calls(handler, monkeypatch)
    answers, _ = Serving().handle(handler, {"x": [1]}, {"x": [2, 3]}, {"x": [4]})
    assert [json.loads(answer) for answer in answers] == [[1], [4, 9], [16]]
    assert calls == [[2], [1]]


def test_a_model_of_a_fixed_batch_serves_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = serve(save_sum(tmp_path, 4))
    calls = count_calls(handler, monkeypatch)
    requests = [{"a": [n, 0], "b": [0, n]} for n in range(6)]
    answers, _ = Serving().handle(handler, *requests)
    assert [json.loads(each)["total"] for each in answers] == [[n, n] for n in range(6)]
    assert calls == [[4], [4]]


def save_table(folder: Path) -> Path:
    """Write a model that looks numbers up in a table of three."""
    table = helper.make_tensor("table", TensorProto.FLOAT, [3], [10, 20, 30])
    nodes = [
        helper.make_node("Constant", [], ["table"], value=table),
        helper.make_node("Gather", ["table", "place"], ["value"]),
    ]
    inputs = {"place": (TensorProto.INT64, ["N"])}
    return save(folder, nodes, inputs, {"value": (TensorProto.FLOAT, ["N"])}, {})


def test_values_that_the_engine_cannot_take_fail_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handler = serve(save_table(tmp_path))
    answers, context = Serving().handle(handler, {"place": 1}, {"place": 99}, {"place": [0, 2]})
    assert [json.loads(answers[place]) for place in (0, 2)] == [20, [10, 30]]
    assert [context.get_response_status(place)[0] for place in range(3)] == [200, 400, 200]
    message = json.loads(answers[1])["message"]
    assert message == (
        "The model cannot take place of int64 (1,): indices element out of data bounds, idx=99 "
        "must be within the inclusive range [-3,2]"
    )
    assert not caplog.records, "it is the client's mistake"
    (alone,), _ = Serving().handle(handler, {"place": 99})
    assert json.loads(alone)["message"] == message


def save_product(folder: Path, **signature: Any) -> Path:
    """Write a model that takes rows of four, and does not say so."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [4, 1], [1, 1, 1, 1])
    nodes = [
        helper.make_node("Constant", [], ["weights"], value=weights),
        helper.make_node("MatMul", ["x", "weights"], ["y"]),
    ]
    inputs = {"x": (TensorProto.FLOAT, ["N", "M"])}
    return save(folder, nodes, inputs, {"y": (TensorProto.FLOAT, ["N", 1])}, signature)


def test_a_shape_that_only_the_engine_knows_is_refused_by_it(tmp_path: Path) -> None:
    handler = serve(save_product(tmp_path))
    answers, context = Serving().handle(handler, {"x": [1, 2, 3, 4]}, {"x": [1, 2]})
    assert json.loads(answers[0]) == [10]
    assert context.get_response_status(1)[0] == 400
    message = json.loads(answers[1])["message"]
    assert re.fullmatch(r"The model cannot take x of float32 \(1, 2\): .*MatMul.*", message)


def test_sizes_that_the_signature_adds_are_tried_at_load(tmp_path: Path) -> None:
    serve(save_product(tmp_path, inputs=[{"data_name": "x", "data_shape": [0, 4]}]))
    with pytest.raises(ValueError, match=r"cannot run on x \(any, 5\): .*MatMul"):
        serve(save_product(tmp_path, inputs=[{"data_name": "x", "data_shape": [0, 5]}]))


def test_what_fails_although_all_is_as_described_is_the_servers_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handler = serve(save_square(tmp_path, ["N", 2]))
    monkeypatch.setattr(handler._engine, "session", Failing())
    answers, context = Serving().handle(handler, {"x": [1, 2]}, {"x": [666, 2]})
    assert json.loads(answers[0]) == [1, 2]
    assert context.get_response_status(1)[0] == 503
    assert json.loads(answers[1])["message"] == "Prediction failed"
    assert "a broken device" in caplog.text
    with pytest.raises(InvalidArgument):
        Serving().handle(handler, {"x": [666, 2]})


class Failing:
    """A session whose device breaks on a number."""

    def run(self, names: list[str], arrays: dict[str, Any]) -> list[Any]:
        if (arrays["x"] == 666).any():
            raise InvalidArgument("a broken device")
        return list(arrays.values())


def test_running_out_of_memory_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhaust(*_: object) -> None:
        raise MemoryError

    handler = serve(save_table(tmp_path))
    monkeypatch.setattr(OnnxEngine, "infer", exhaust)
    with pytest.raises(MemoryError):
        Serving().handle(handler, {"place": 1}, {"place": 2})


def test_a_model_without_a_batch_has_each_request_for_itself(tmp_path: Path) -> None:
    node = helper.make_node("Mul", ["x", "factor"], ["y"])
    vector = (TensorProto.FLOAT, ["length"])
    inputs = {"x": vector, "factor": (TensorProto.FLOAT, [])}
    handler = serve(save(tmp_path, [node], inputs, {"y": vector}, {}))
    answers, _ = Serving().handle(
        handler, {"x": [1, 2], "factor": 2}, {"body": {"x": [3], "factor": 3}}
    )
    assert [json.loads(answer) for answer in answers] == [[2, 4], [9]]


def test_the_signature_may_say_that_there_is_no_batch(tmp_path: Path) -> None:
    handler = serve(save_square(tmp_path, ["height", "width"], onnx={"batched": False}))
    answers, context = Serving().handle(handler, {"x": [[1, 2]]}, {"x": [1, 2]})
    assert json.loads(answers[0]) == [[1, 4]]
    assert context.get_response_status(1)[0] == 400


def test_a_model_that_onnxruntime_brings_along() -> None:
    """A classifier with a fixed batch of 3, whose second output is no array but a list of maps."""
    context = Context("iris", str(DATASETS), None, 1, None, "1")
    engine = OnnxEngine(context, {"onnx": {"file": "logreg_iris.onnx"}})
    assert [each.name for each in engine.outputs] == ["label"]
    assert engine.fixed_rows == 3
    (labels,) = engine.run({"float_input": np.zeros((4, 2), np.float32)}, ["label"])
    assert labels.shape == (4,)


def ask(handler: OnnxModel, accept: str, request: dict[str, Any]) -> tuple[Any, Context]:
    context = Context("m", "/nowhere", None, 1, None, "1")
    context.begin_batch({0: "0"}, [RequestProcessor({"Accept": accept})])
    return handler.handle([request], context)[0], context


def test_arrays_come_as_files_to_who_prefers_them(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.array([[1, 2], [3, 4]], np.float32))
    handler = serve(save_square(tmp_path, ["N", 2]))
    answer, context = ask(handler, "application/x-npy", {"body": bytearray(file.getvalue())})
    assert np.load(io.BytesIO(answer)).tolist() == [[1, 4], [9, 16]]
    assert context.get_response_content_type(0) == "application/x-npy"


def test_several_outputs_fit_into_no_file(tmp_path: Path) -> None:
    request = {"a": [1, 1], "b": [1, 1]}
    answer, context = ask(serve(save_sum(tmp_path)), "application/x-npy", request)
    assert context.get_response_status(0)[0] == 406
    assert "The output total, larger can be had as JSON only" in json.loads(answer)["message"]
    assert context.get_response_content_type(0) == "application/json"


def test_text_goes_in_and_out(tmp_path: Path) -> None:
    kind = (TensorProto.STRING, ["N"])
    node = helper.make_node("Identity", ["text"], ["same"])
    handler = serve(save(tmp_path, [node], {"text": kind}, {"same": kind}, {}))
    answers, _ = Serving().handle(handler, {"body": "one"}, {"body": ["two", "three"]})
    assert [json.loads(answer) for answer in answers] == ["one", ["two", "three"]]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"thread": 1}, "onnx may have batched, file, providers, threads; saw"),
        ({"threads": "all"}, "threads: expected a number"),
        ({"providers": ["NoSuchProvider"]}, "onnxruntime has no NoSuchProvider here; it has .*CPU"),
        ({"providers": [["NoSuchProvider", {}]]}, "onnxruntime has no NoSuchProvider"),
        (
            {"providers": [["CPUExecutionProvider"]]},
            "providers: expected names, or .*; saw \\['CPU",
        ),
        ({"providers": [3]}, "providers: expected names, or .*; saw 3"),
        ({"providers": "CPUExecutionProvider"}, "onnx: providers: expected a list, saw 'CPU"),
    ],
)
def test_settings_that_cannot_be_met_fail_the_load(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        serve(save_square(tmp_path, ["N", 2], onnx=settings))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"data_name": "pixels", "data_shape": [0, 2]},
            r"'pixels' in inputs; the model has \['x'\]",
        ),
        ({"data_name": "x", "data_shape": [0, 3]}, r"\(any, 3\); the model says \(any, 2\)"),
        ({"data_name": "x", "data_shape": [2]}, r"\(2\); the model says \(any, 2\)"),
        (
            {"data_name": "x", "data_shape": [0, 2], "data_type": "int64"},
            "'x' is int64; the model says float32",
        ),
    ],
)
def test_a_signature_that_does_not_fit_the_graph_is_refused(
    entry: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        serve(save_square(tmp_path, ["N", 2], inputs=[entry]))


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_a_file_that_is_no_graph_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(Exception, match=r"Load model from .*/model\.onnx failed"):
        serve(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"/model\.onnx failed\. File doesn't exist"):
        serve(tmp_path)


def test_outputs_that_are_no_rows_are_explained(tmp_path: Path) -> None:
    node = helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0)
    inputs = {"x": (TensorProto.FLOAT, ["N", 2])}
    handler = serve(save(tmp_path, [node], inputs, {"sum": (TensorProto.FLOAT, ())}, {}))
    with pytest.raises(ValueError, match=r'given 2 rows and returned .*"batched": false'):
        Serving().handle(handler, {"x": [[1, 2], [3, 4]]})


def test_threads_and_providers_are_passed_on(tmp_path: Path) -> None:
    settings = {"threads": 2, "providers": [["CPUExecutionProvider", {}]], "file": "model.onnx"}
    folder = save_square(tmp_path, ["N", 2], onnx=settings)
    context = Context("m", str(folder), None, 1, 0, "1")
    session = OnnxEngine(context, {"onnx": settings}).session
    assert session.get_session_options().intra_op_num_threads == 2
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_an_archive_needs_no_code_and_not_even_a_signature(tmp_path: Path) -> None:
    entry = load("mms.handlers.onnx_model", str(save_square(tmp_path, ["N", 2])))
    assert isinstance(getattr(entry.handle, "__self__", None), OnnxModel)


def test_a_missing_engine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match="pip install onnxruntime"):
        serve(save_square(tmp_path, ["N", 2]))

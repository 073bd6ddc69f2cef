"""The classifier on a model that answers with the mean of each colour."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mms.context import Context, RequestProcessor
from mms.handlers.onnx_classifier import OnnxImageClassifier
from mms.worker.loader import load
from support.handlers import ModelFolder, Pictures, Serving

SERVICE = """
from mms.context import Context, RequestProcessor
from mms.handlers.onnx_classifier import OnnxImageClassifier

class BestClass(OnnxImageClassifier):
    def postprocess(self, output):
        return super().postprocess(output)[0]["class"]
"""


@pytest.fixture
def classifier(model: ModelFolder, serving: Serving) -> OnnxImageClassifier:
    handler = OnnxImageClassifier()
    serving.load(handler, model.write())
    return handler


def test_classes_come_best_first_and_without_their_ids(
    classifier: OnnxImageClassifier, serving: Serving, pictures: Pictures
) -> None:
    body = pictures.encode("RGB", (255, 51, 102))
    (answer,), context = serving.handle(classifier, {"body": body})
    assert [each["class"] for each in answer] == ["fire red", "blue", "green"]
    assert [each["probability"] for each in answer] == pytest.approx([1.0, 0.4, 0.2])
    assert all(type(each["probability"]) is float for each in answer)
    assert context.get_response_content_type(0) == "application/json"
    assert context.get_response_status(0)[0] == 200


@pytest.mark.parametrize("name", ["body", "data", "pixels", "whatever"])
def test_the_picture_may_have_any_of_these_names(
    name: str, classifier: OnnxImageClassifier, serving: Serving, pictures: Pictures
) -> None:
    request: dict[str, Any] = {name: bytearray(pictures.encode("RGB", "lime"))}
    (answer,), _ = serving.handle(classifier, request)
    assert answer[0]["class"] == "green"


def test_the_signatures_name_is_looked_for_among_several(
    classifier: OnnxImageClassifier, serving: Serving, pictures: Pictures
) -> None:
    request = {"comment": "hello", "pixels": pictures.encode("RGB", "lime")}
    (answer,), _ = serving.handle(classifier, request)
    assert answer[0]["class"] == "green"


def test_a_batch_is_one_run_and_a_broken_picture_fails_alone(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    runs: list[tuple[int, ...]] = []

    class Watched(OnnxImageClassifier):
        def inference(self, inputs: list[Any]) -> list[Any]:
            outputs = super().inference(inputs)
            runs.append((len(inputs), len(outputs)))
            return outputs

    handler = Watched()
    serving.load(handler, model.write())
    red, blue = pictures.encode("RGB", "red"), pictures.encode("RGB", "blue")
    answers, context = serving.handle(handler, {"body": red}, {"body": red[:40]}, {"body": blue})
    assert runs == [(2, 2)]
    assert (answers[0][0]["class"], answers[2][0]["class"]) == ("fire red", "blue")
    assert json.loads(answers[1])["type"] == "BadRequestException"
    assert [context.get_response_status(place)[0] for place in range(3)] == [200, 400, 200]


def test_a_model_of_one_picture_at_once_serves_batches(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    handler = OnnxImageClassifier()
    serving.load(handler, model.write(shape=(1, 3, 4, 4)))
    bodies = [pictures.encode("RGB", colour) for colour in ("red", "lime", "blue")]
    answers, _ = serving.handle(handler, *({"body": each} for each in bodies))
    assert [answer[0]["class"] for answer in answers] == ["fire red", "green", "blue"]


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (0, 3, 4, 4)), ("NHWC", (2, 4, 4, 3))])
def test_without_a_signature_the_model_says_it_all(
    layout: str,
    shape: tuple[int, ...],
    model: ModelFolder,
    serving: Serving,
    pictures: Pictures,
) -> None:
    folder = model.write(layout, shape=shape)
    (folder / "signature.json").unlink()
    handler = OnnxImageClassifier()
    serving.load(handler, folder)
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", (51, 102, 255))})
    assert [each["class"] for each in answer] == ["blue", "green", "fire red"]
    assert [each["probability"] for each in answer] == pytest.approx([1, 0.4, 0.2])


def test_a_model_of_bytes_gets_the_pixels(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    handler = OnnxImageClassifier()
    serving.load(handler, model.write(is_of_bytes=True))
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", (1, 2, 255))})
    assert [each["probability"] for each in answer] == [255, 2, 1]


def test_as_many_classes_are_answered_as_the_signature_says(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    handler = OnnxImageClassifier()
    serving.load(handler, model.write(top_k=1))
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", "lime")})
    assert [each["class"] for each in answer] == ["green"]


def test_who_prefers_an_array_gets_all_scores(
    classifier: OnnxImageClassifier, pictures: Pictures
) -> None:
    context = Context("colours", "/nowhere", None, 2, None, "1.1")
    headers = [RequestProcessor({"accept": "application/x-npy"}), RequestProcessor({})]
    context.begin_batch({0: "0", 1: "1"}, headers)
    body = pictures.encode("RGB", (255, 51, 102))
    scores, classes = classifier.handle([{"body": body}] * 2, context)
    assert np.load(io.BytesIO(scores)).tolist() == pytest.approx([1, 0.2, 0.4])
    assert context.get_response_content_type(0) == "application/x-npy"
    assert classes[0]["class"] == "fire red"


def test_channels_may_come_last(model: ModelFolder, serving: Serving, pictures: Pictures) -> None:
    inputs = [{"data_name": "pixels", "data_shape": [0, 4, 4, 3]}]
    handler = OnnxImageClassifier()
    serving.load(handler, model.write("NHWC", inputs=inputs, preprocess={"layout": "NHWC"}))
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", (51, 102, 255))})
    assert [each["class"] for each in answer] == ["blue", "green", "fire red"]


def test_logits_are_turned_into_probabilities(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    handler = OnnxImageClassifier()
    serving.load(handler, model.write(softmax=True, preprocess={"scale": 1}))
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", (203, 202, 201))})
    raw = np.exp([3.0, 2.0, 1.0])
    seen = [each["probability"] for each in answer]
    assert seen == pytest.approx(list(raw / raw.sum()), abs=1e-5)


def test_outputs_and_labels_may_be_missing(
    model: ModelFolder, serving: Serving, pictures: Pictures
) -> None:
    folder = model.write(outputs=[])
    (folder / "synset.txt").write_text("red\n")
    handler = OnnxImageClassifier()
    serving.load(handler, folder)
    (answer,), _ = serving.handle(handler, {"body": pictures.encode("RGB", (3, 2, 1))})
    assert [each["class"] for each in answer] == ["red", "1", "2"]


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ({"inputs": [{"data_name": "other", "data_shape": [0, 3, 4, 4]}]}, "'other' in inputs"),
        ({"outputs": [{"data_name": "other", "data_shape": [0, 3]}]}, "'other' in outputs"),
        ({"inputs": []}, "a height and a width in data_shape"),
        ({"inputs": {}, "outputs": 1}, "expected outputs"),
        ({"top_k": 0}, "top_k: expected a number from 1, saw 0"),
        ({"inputs": [{"data_name": "pixels", "data_shape": [0, 3]}]}, r"\(any, 3\); the model"),
        ({"inputs": [{"data_name": "pixels"}]}, "KeyError"),
        ({"preprocess": {"resize": "twist"}}, "twist"),
    ],
)
def test_a_signature_that_does_not_fit_fails_the_load(
    signature: dict[str, Any], said: str, model: ModelFolder, serving: Serving
) -> None:
    with pytest.raises(ValueError, match=said):
        serving.load(OnnxImageClassifier(), model.write(**signature))


def test_a_classifier_has_one_input(tmp_path: Path, serving: Serving) -> None:
    left, right, both = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 4, 4])
        for name in ("left", "right", "sum")
    )
    node = helper.make_node("Add", ["left", "right"], ["sum"])
    graph = helper.make_graph([node], "two", [left, right], [both])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="one input, the picture; it has left, right"):
        serving.load(OnnxImageClassifier(), tmp_path)


def test_a_signature_that_is_no_json_fails_the_load(model: ModelFolder, serving: Serving) -> None:
    folder = model.write()
    (folder / "signature.json").write_text("{")
    with pytest.raises(ValueError, match=r"signature\.json: expected a JSON object"):
        serving.load(OnnxImageClassifier(), folder)


def test_missing_labels_fail_the_load(model: ModelFolder, serving: Serving) -> None:
    folder = model.write()
    (folder / "synset.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"synset\.txt"):
        serving.load(OnnxImageClassifier(), folder)


def test_an_archive_needs_no_code(model: ModelFolder) -> None:
    entry = load("mms.handlers.onnx_classifier", str(model.write()))
    owner = getattr(entry.handle, "__self__", None)
    assert isinstance(owner, OnnxImageClassifier)


def test_an_archive_may_replace_one_step(
    model: ModelFolder, serving: Serving, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model.write()
    (folder / "replaced_step.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(str(folder))
    entry = load("replaced_step.py", str(folder))
    handler = getattr(entry.handle, "__self__", None)
    assert isinstance(handler, OnnxImageClassifier)
    serving.load(handler, folder)
    answers, _ = serving.handle(handler, {"body": pictures.encode("RGB", "blue")})
    assert answers == ["blue"]

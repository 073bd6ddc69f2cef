from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mms.context import Context, RequestProcessor
from mms.handlers.onnx_classifier import OnnxImageClassifier
from mms.worker import loader
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file


@pytest.fixture(scope="module")
def cat() -> bytes:
    return read_file(SAMPLES["cat"])


def make_context(folder: Path) -> Context:
    return Context("m", str(folder), None, 8, None, "1")


@pytest.fixture(scope="module")
def classifier(models: dict[str, Path]) -> OnnxImageClassifier:
    handler = OnnxImageClassifier()
    handler.initialize(make_context(models["efficientnet_lite0"]))
    return handler


def classify(handler: OnnxImageClassifier, *requests: dict[str, Any]) -> tuple[list[Any], Context]:
    context = make_context(Path("/"))
    context.begin_batch(
        {i: str(i) for i in range(len(requests))}, [RequestProcessor({}) for _ in requests]
    )
    return handler.handle(list(requests), context), context


def test_recognises_the_cat(classifier: OnnxImageClassifier, cat: bytes) -> None:
    (answer,), context = classify(classifier, {"body": bytearray(cat)})
    assert [each["class"] for each in answer[:3]] == ["Egyptian cat", "tiger cat", "tabby"]
    assert answer[0]["probability"] == pytest.approx(0.791, abs=0.01)
    assert len(answer) == 5
    probabilities = [each["probability"] for each in answer]
    assert probabilities == sorted(probabilities, reverse=True)
    assert context.get_response_content_type(0) == "application/json"
    json.dumps(answer)


def test_recognises_the_coffee(classifier: OnnxImageClassifier) -> None:
    (answer,), _ = classify(classifier, {"data": bytearray(read_file(SAMPLES["coffee"]))})
    assert answer[0]["class"] == "espresso"
    assert answer[0]["probability"] == pytest.approx(0.90, abs=0.02)


def test_cropping_changes_what_the_model_sees(models: dict[str, Path], tmp_path: Path) -> None:
    """A centre crop, as in the model's training, is surer of the coffee: 0.95."""
    folder = edited(models["efficientnet_lite0"], tmp_path, resize="crop")
    handler = OnnxImageClassifier()
    handler.initialize(make_context(folder))
    (answer,), _ = classify(handler, {"body": bytearray(read_file(SAMPLES["coffee"]))})
    assert answer[0]["class"] == "espresso"
    assert answer[0]["probability"] == pytest.approx(0.95, abs=0.01)


def edited(model: Path, folder: Path, **options: object) -> Path:
    copy = folder / "edited"
    shutil.copytree(model, copy)
    signature = json.loads((copy / "signature.json").read_text())
    signature["preprocess"].update(options)
    (copy / "signature.json").write_text(json.dumps(signature))
    return copy


def test_a_broken_picture_fails_alone(classifier: OnnxImageClassifier, cat: bytes) -> None:
    answers, context = classify(
        classifier,
        {"body": bytearray(cat)},
        {"body": bytearray(cat[:1000])},
        {"body": bytearray()},
        {"body": "text"},
        {"picture": bytearray(cat)},
    )
    assert [context.get_response_status(i)[0] for i in range(5)] == [200, 400, 400, 400, 200]
    assert answers[0][0]["class"] == answers[4][0]["class"] == "Egyptian cat"
    assert answers[0][0]["probability"] == pytest.approx(answers[4][0]["probability"], abs=1e-5)
    assert "are not a picture that can be decoded" in json.loads(answers[1])["message"]
    assert "its body is empty" in json.loads(answers[2])["message"]
    assert json.loads(answers[3])["type"] == "BadRequestException"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "CMYK", "1"])
def test_any_kind_of_picture_is_taken(
    classifier: OnnxImageClassifier, cat: bytes, mode: str
) -> None:
    picture: Image.Image = Image.open(io.BytesIO(cat))
    if mode == "I;16":
        picture = picture.convert("L").convert("I").point(lambda value: value * 256)
    out = io.BytesIO()
    picture = picture.convert(mode)
    picture.save(out, "TIFF")
    (answer,), context = classify(classifier, {"body": out.getvalue()})
    assert context.get_response_status(0)[0] == 200
    assert len(answer) == 5


def test_a_picture_that_would_fill_the_memory_is_refused(
    classifier: OnnxImageClassifier, monkeypatch: pytest.MonkeyPatch, cat: bytes
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (answer,), context = classify(classifier, {"body": cat})
    assert context.get_response_status(0)[0] == 400
    assert "too large" in json.loads(answer)["message"]


def test_what_does_not_fit_together_fails_the_load(models: dict[str, Path], tmp_path: Path) -> None:
    folder = edited(models["efficientnet_lite0"], tmp_path, resize="twist")
    with pytest.raises(ValueError, match="resize is plain or crop, not 'twist'"):
        OnnxImageClassifier().initialize(make_context(folder))
    signature = json.loads((folder / "signature.json").read_text())
    signature["inputs"][0]["data_name"] = "nope"
    (folder / "signature.json").write_text(json.dumps(signature))
    with pytest.raises(ValueError, match="names the input 'nope'"):
        OnnxImageClassifier().initialize(make_context(folder))
    (folder / "signature.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"signature\.json"):
        OnnxImageClassifier().initialize(make_context(folder))


def test_an_archive_may_name_it_without_code(models: dict[str, Path]) -> None:
    entry = loader.load("mms.handlers.onnx_classifier", str(models["efficientnet_lite0"]))
    assert "OnnxImageClassifier" in entry.origin


def test_labels_may_stand_behind_their_ids(tmp_path: Path) -> None:
    from mms.handlers.onnx_classifier import read_labels

    labels = tmp_path / "synset.txt"
    labels.write_text("n02124075 Egyptian cat\ndog\nn1 odd\nnew thing\n")
    assert read_labels(str(labels)) == ["Egyptian cat", "dog", "n1 odd", "new thing"]

"""The handler that magika's archive brings, loaded from the archive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mms.handlers.base import Handler
from support.handlers import Serving


@pytest.fixture(scope="module")
def handler(load_service: Callable[[str], Handler]) -> Handler:
    return load_service("magika")


def identify(handler: Handler, *contents: Any) -> list[Any]:
    return Serving().handle(handler, *({"body": content} for content in contents))[0]


def test_tells_files_apart_in_one_batch(handler: Handler) -> None:
    source = Path(__file__).read_bytes()
    document = json.dumps({"a": [1, 2, {"b": "c"}], "list": list(range(50))}).encode()
    python, empty, as_json = identify(handler, source, b"", document)
    assert python["label"] == "python"
    assert python["score"] > 0.9
    assert python["mime_type"] == "text/x-python"
    assert as_json["label"] == "json"
    assert empty["mime_type"] == "inode/x-empty"


def test_text_that_the_worker_decoded_is_taken(handler: Handler) -> None:
    assert identify(handler, Path(__file__).read_text())[0]["label"] == "python"


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (b"", "empty"),
        (b"hello", "txt"),
        (b"\xff\xfe\xfd", "unknown"),
        (b" " * 5000 + b"x", "txt"),  # only the first 4,096 bytes count, and they are blank
    ],
)
def test_what_is_too_short_is_not_guessed(handler: Handler, content: bytes, label: str) -> None:
    answer = identify(handler, content)[0]
    assert (answer["label"], answer["score"]) == (label, 1.0)


def test_what_is_no_file_is_refused(handler: Handler) -> None:
    assert "Expected the bytes of a file" in identify(handler, {"parsed": "json"})[0]


def test_an_answer_that_the_model_is_not_sure_of_is_not_given(handler: Handler) -> None:
    unsure = handler.postprocess(("python", 0.3))
    assert (unsure["label"], unsure["score"]) == ("txt", 0.3)
    assert handler.postprocess(("png", 0.3))["label"] == "unknown"
    assert handler.postprocess(("python", 0.99))["label"] == "python"


def test_features_are_the_first_and_the_last_bytes(handler: Handler) -> None:
    features = handler.preprocess({"body": b"  begin and end\n"})
    assert features.shape == (2048,)
    assert bytes(features[:14].tolist()) == b"begin and end\n"
    assert bytes(features[-15:].tolist()) == b"  begin and end"
    assert set(features[14:-15].tolist()) == {256}

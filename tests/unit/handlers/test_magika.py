from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from mms.context import Context, RequestProcessor


@pytest.fixture(scope="module")
def handler(models: dict[str, Path]) -> Any:
    spec = importlib.util.spec_from_file_location("magika_service", models["magika"] / "service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler = module.FileTypeHandler()
    handler.initialize(Context("magika", str(models["magika"]), None, 8, None, "1"))
    return handler


def identify(handler: Any, *contents: Any) -> list[Any]:
    context = Context("magika", "/", None, 8, None, "1")
    context.begin_batch(
        {i: str(i) for i in range(len(contents))}, [RequestProcessor({}) for _ in contents]
    )
    answers: list[Any] = handler.handle([{"body": each} for each in contents], context)
    return answers


def test_tells_files_apart_in_one_batch(handler: Any) -> None:
    source = Path(__file__).read_bytes()
    document = json.dumps({"a": [1, 2, {"b": "c"}], "list": list(range(50))}).encode()
    python, as_json, zipped = identify(handler, source, document, b"PK\x03\x04" + bytes(500))
    assert python["label"] == "python"
    assert python["score"] > 0.9
    assert python["mime_type"] == "text/x-python"
    assert as_json["label"] == "json"
    assert zipped["group"] == "archive" or zipped["label"] == "unknown"


def test_text_that_the_worker_decoded_is_taken(handler: Any) -> None:
    assert identify(handler, Path(__file__).read_text())[0]["label"] == "python"


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (b"", "empty"),
        (b"hello", "txt"),
        (b"\xff\xfe\xfd", "unknown"),
        (b" " * 5000 + b"x", "txt"),
    ],
)
def test_what_is_too_short_is_not_guessed(handler: Any, content: bytes, label: str) -> None:
    answer = identify(handler, content)[0]
    assert (answer["label"], answer["score"]) == (label, 1.0)


def test_what_is_no_file_is_refused(handler: Any) -> None:
    assert "Expected the bytes of a file" in identify(handler, {"parsed": "json"})[0]

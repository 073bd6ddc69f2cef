"""The examples of docs/handlers.md do what the page says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mms.context import Context
from mms.service import PredictionException, Service
from mms.version import __version__
from mms.worker import loader
from support.pages import ROOT, read_fences

EXAMPLES = [
    fence.text for fence in read_fences(ROOT / "docs" / "handlers.md") if fence.language == "python"
]


@pytest.fixture(params=range(len(EXAMPLES)))
def number(request: pytest.FixtureRequest) -> int:
    value: int = request.param
    return value


@pytest.fixture
def service(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Load one example as a worker would."""
    name = f"example{number}"
    (tmp_path / f"{name}.py").write_text(EXAMPLES[number])
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = loader.load(name, str(tmp_path))
    if number != 4:  # the test of a handler, whose function is not called with None
        entry.initialize(Context(name, str(tmp_path), None, 4, None, __version__))
    yield Service(name, str(tmp_path), None, entry.handle, None, 4)
    del sys.modules[name]


def body(text: bytes) -> dict[str, Any]:
    return {"body": bytearray(text)}


def test_each_example(service: Service, number: int) -> None:
    checks = [knows_words, shouts, uses_the_context, doubles, turns_round]
    assert len(checks) == len(EXAMPLES)
    checks[number](service)


def knows_words(service: Service) -> None:
    assert service.predict([body(b"cat"), body(b"cow")]) == [{"known": True}, {"known": False}]


def shouts(service: Service) -> None:
    assert service.predict([body(b"hello")]) == [b"HELLO"]
    assert service.context.get_response_content_type(0) == "text/plain"


def uses_the_context(service: Service) -> None:
    answers = service.predict([body(b"abc"), body(b"")])
    assert json.loads(answers[0]) == {"id": "0"}
    assert service.context.get_response_status(1) == (422, "Empty")
    assert str(service.context.metrics.store[0]).startswith("Bytes.Count:3|#ModelName:")
    with pytest.raises(PredictionException) as raised:
        service.predict([body(b"abc")], [{"Accept": "text/csv"}])
    assert raised.value.error_code == 406


def doubles(service: Service) -> None:
    answers = service.predict([body(b"21"), body(b"x")])
    assert answers[0] == 42
    assert json.loads(answers[1])["message"] == "b'x' is no number."
    assert service.context.get_response_status(1) == (400, "Bad Request")


def turns_round(service: Service) -> None:
    sys.modules["example4"].test_it_turns_things_round()
    assert service.predict([body(b"ab")]) == [b"ba"]

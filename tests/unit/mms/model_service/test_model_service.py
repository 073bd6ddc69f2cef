"""Services of 0.x that need no engine."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from mms.context import Context
from mms.model_service.model_service import ModelService, SingleNodeService, read_signature
from mms.service import PredictionException

MANIFEST = {"Model": {"Signature": "signature.json"}}
SIGNATURE = {"inputs": [{"data_name": "pixels", "data_shape": [1]}], "input_type": "image/jpeg"}


class Noted(SingleNodeService):
    """Answers with what it was asked, one step each."""

    answer: Any = None

    def _preprocess(self, data: Any) -> Any:
        return {"preprocessed": data}

    def _inference(self, data: Any) -> Any:
        return {"inferred": data}

    def _postprocess(self, data: Any) -> Any:
        return data if self.answer is None else self.answer


def serve(folder: Path, **signature: Any) -> tuple[Noted, Context]:
    (folder / "signature.json").write_text(json.dumps({**SIGNATURE, **signature}))
    context = Context("m", str(folder), MANIFEST, 1, None, "1.1")
    service = Noted("m", str(folder), MANIFEST)
    service.initialize(context)
    return service, context


def asked(service: Noted, context: Context, request: dict[str, Any]) -> Any:
    (answer,) = service.handle([request], context)
    return answer["inferred"]["preprocessed"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"data": 3, "body": 2, "pixels": 1}, 1),
        ({"data": 3, "body": 2}, 2),
        ({"data": 3}, 3),
        ({"other": 4}, None),
        ({}, None),
    ],
)
def test_the_value_is_found_by_the_names_in_turn(
    request_: dict[str, Any], expected: Any, tmp_path: Path
) -> None:
    assert asked(*serve(tmp_path), request_) == [expected]


def test_bytes_of_json_are_a_python_literal(tmp_path: Path) -> None:
    service = serve(tmp_path, input_type="application/json")
    assert asked(*service, {"body": bytearray(b"[{'a': (1, 2)}]")}) == [[{"a": (1, 2)}]]
    assert asked(*service, {"body": [True, None]}) == [[True, None]]  # parsed before it came here
    assert asked(*serve(tmp_path), {"body": b"[1]"}) == [b"[1]"]


@pytest.mark.parametrize("body", [b"[1", b"open('x')", b"true", b"\xff", b"((" * 5000])
def test_what_is_no_literal_is_the_clients_mistake(body: bytes, tmp_path: Path) -> None:
    service, context = serve(tmp_path, input_type="application/json")
    with pytest.raises(PredictionException, match="not a Python literal") as raised:
        service.handle([{"body": body}], context)
    assert raised.value.error_code == 400


def test_an_answer_that_is_no_list_becomes_one(tmp_path: Path) -> None:
    service, context = serve(tmp_path)
    service.answer = [1]
    assert service.handle([{"body": b""}], context) == [1]
    service.answer = "text"
    assert service.handle([{"body": b""}], context) == ["text"]


def test_the_three_times_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    service, context = serve(tmp_path)
    with caplog.at_level(logging.INFO):
        service.handle([{"body": b""}], context)
    steps = ("preprocess", "inference", "postprocess")
    assert len(caplog.messages) == len(steps)
    for step, line in zip(steps, caplog.messages, strict=True):
        assert re.fullmatch(rf"{step} time: \d+\.\d\d", line)


def test_a_plain_service_has_a_signature_and_answers_nothing(tmp_path: Path) -> None:
    service, _ = serve(tmp_path)
    plain = ModelService("m", str(tmp_path), MANIFEST)
    plain._signature = service.signature()
    assert plain.signature()["input_type"] == "image/jpeg"
    assert (plain.ping(), plain.inference([1]), plain.ctx) == (None, None, None)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "names no Signature"),
        ({"Model": {}}, "names no Signature"),
        ({"Model": {"Signature": "other.json"}}, r"not found: MANIFEST.json names .*other\.json"),
        ({"Model": {"Signature": "broken.json"}}, r"broken\.json is not JSON"),
    ],
)
def test_a_signature_that_cannot_be_read_is_named(
    manifest: dict[str, Any] | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=said):
        read_signature(str(tmp_path), manifest)

"""The context that handlers are given."""

from __future__ import annotations

from typing import Any

import pytest

from mms.context import Context, RequestProcessor
from mms.metrics.dimension import Dimension
from mms.metrics.metrics_store import MetricsStore


def make_context() -> Context:
    return Context("resnet", "/models/resnet", {"model": {}}, 4, 1, "1.1.11")


def begun(requests: int = 2) -> Context:
    context = make_context()
    ids = {idx: f"id-{idx}" for idx in range(requests)}
    context.begin_batch(ids, [RequestProcessor({"Accept": f"a/{idx}"}) for idx in range(requests)])
    return context


def test_facts_of_the_model() -> None:
    context = make_context()
    assert context.model_name == "resnet"
    assert context.manifest == {"model": {}}
    assert context.system_properties == {
        "model_dir": "/models/resnet",
        "gpu_id": 1,
        "batch_size": 4,
        "server_name": "MMS",
        "server_version": "1.1.11",
    }


def test_no_request_while_loading() -> None:
    context = make_context()
    assert context.request_ids is None
    assert context.request_processor is None
    assert context.get_request_id() is None
    context.set_response_status(404, "ignored")
    with pytest.raises(TypeError, match="the model is being loaded"):
        context.get_request_header(0, "Accept")


def test_requests_are_told_apart() -> None:
    context = begun()
    assert context.get_request_id() == "id-0"
    assert context.get_request_id(1) == "id-1"
    assert context.get_request_id(2) is None
    assert context.get_request_header(1, "Accept") == "a/1"
    assert context.get_request_header(1, "accept") is None
    assert context.get_all_request_header(0) == {"Accept": "a/0"}


def test_default_answer() -> None:
    context = begun()
    assert context.get_response_status(0) == (200, None)
    assert context.get_response_content_type(0) is None
    assert context.get_response_headers(0) == {}


def test_answer_of_one_request() -> None:
    context = begun()
    context.set_response_content_type(1, "image/png")
    context.set_response_header(1, "X-A", "1")
    context.set_response_header(1, "X-A", "2")
    context.set_response_status(201, "Made", idx=1)
    assert context.get_response_content_type(1) == "image/png"
    assert context.get_response_headers(1) == {"content-type": "image/png", "X-A": "2"}
    assert context.get_response_status(1) == (201, "Made")
    assert context.get_response_status(0) == (200, None)
    assert context.get_response_headers(0) == {}


def test_status_phrase_is_empty_when_not_given() -> None:
    context = begun()
    context.set_response_status(404)
    assert context.get_response_status(0) == (404, "")


def test_status_of_all_answers() -> None:
    context = begun()
    context.set_all_response_status(503, "Busy")
    assert [context.get_response_status(idx) for idx in (0, 1)] == [(503, "Busy")] * 2


def test_headers_are_decoded_once_and_only_when_asked() -> None:
    calls = []

    def decode() -> dict[str, Any]:
        calls.append(1)
        return {"Accept": "text/html", "body": {"content-type": "text/plain"}}

    processor = RequestProcessor(decode)
    processor.report_status(200)
    processor.add_response_property("X-A", "1")
    assert calls == []
    assert processor.get_request_property("Accept") == "text/html"
    assert processor.get_request_property("body") == {"content-type": "text/plain"}
    assert processor.get_request_properties() is processor.get_request_properties()
    assert calls == [1]


def test_processor_answer() -> None:
    processor = RequestProcessor({})
    assert processor.get_response_status_code() == 200
    assert processor.get_response_status_phrase() is None
    processor.report_status(418, "Teapot")
    assert processor.get_response_status_code() == 418
    assert processor.get_response_status_phrase() == "Teapot"
    assert not processor.is_untouched


def test_looking_does_not_touch_the_answer() -> None:
    processor = RequestProcessor({"Accept": "x"})
    processor.get_request_properties()
    processor.get_response_status_code()
    assert processor.get_response_header("X-A") is None
    assert processor.is_untouched


def test_headers_changed_in_place_are_not_overlooked() -> None:
    processor = RequestProcessor({})
    processor.get_response_headers()["X-A"] = "1"
    assert not processor.is_untouched
    assert processor.get_response_header("X-A") == "1"


def test_metrics_are_made_when_asked_for() -> None:
    assert begun().used_metrics is None
    context = begun()
    context.metrics.add_counter("Seen", 1)
    assert context.used_metrics is context.metrics
    assert [metric.request_id for metric in context.metrics.store] == ["id-0,id-1"]
    assert [str(d) for d in context.metrics.store[0].dimensions] == [
        "ModelName:resnet",
        "Level:Model",
    ]


def test_metrics_are_new_in_each_batch() -> None:
    context = begun()
    context.metrics.add_counter("Seen", 1)
    context.begin_batch({0: "next"}, [RequestProcessor({})])
    assert context.used_metrics is None
    assert context.metrics.store == []


def test_metrics_while_loading_have_no_request() -> None:
    context = make_context()
    context.metrics.add_time("LoadTime", 12.5, dimensions=[Dimension("Stage", "weights")])
    assert context.metrics.store[0].request_id == "load"


def test_tests_of_handlers_may_assign() -> None:
    context = make_context()
    metrics = MetricsStore(1, "resnet")
    context.request_ids = {0: "id"}
    context.request_processor = [RequestProcessor({"Accept": "x"})]
    context.metrics = metrics
    assert context.metrics is metrics
    assert context.get_request_header(0, "Accept") == "x"


def test_handlers_may_keep_attributes() -> None:
    context = make_context()
    context.net = "weights"  # type: ignore[attr-defined]  # what handlers of MMS do
    assert context.net == "weights"  # type: ignore[attr-defined]  # as above


def test_contexts_that_hold_the_same_are_equal() -> None:
    assert make_context() == make_context()
    assert make_context() != begun()
    assert make_context() != "resnet"

"""A short campaign, the same every time; `make fuzz` runs the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from fuzz.campaign import count_defects, run, start_target
from support.running_server import RunningServer


@pytest.fixture
def target(tmp_path: Path) -> Iterator[RunningServer]:
    server = start_target(tmp_path)
    yield server
    server.stop()


@pytest.mark.timeout(300)  # most of it is schemathesis at work
def test_the_documents_are_true(target: RunningServer) -> None:
    for is_management in (False, True):
        answer = target.request("GET", "/openapi.json", management=is_management)
        assert answer.headers["content-type"] == "application/json"
        OpenAPIV31SpecValidator(answer.json).validate()
    for result in run(target, 3, "fuzzing", seed=None):
        assert result.is_clean, result.report
        assert result.cases > 20
    assert not count_defects(target), "no request failed unexpectedly"

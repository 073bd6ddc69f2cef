"""Runs the handler in this process, as a worker would. Start it with: python -m pytest"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mms.service import Service
from mms.worker.loader import load

PROJECT = Path(__file__).parent
MODEL = PROJECT / "model"
REQUEST = json.loads((PROJECT / "request.json").read_text())
EXPECTED = [2, 4, 6, 8]


@pytest.fixture(scope="module")
def service() -> Service:
    maker = PROJECT / "make_model.py"
    if maker.exists():
        subprocess.run([sys.executable, str(maker)], check=True)
    sys.path.insert(0, str(MODEL))
    entry = load("service.py", str(MODEL))
    service = Service(PROJECT.name, str(MODEL), None, entry.handle, None, 8)
    entry.initialize(service.context)
    return service


def read(answer: Any) -> Any:
    return json.loads(answer) if isinstance(answer, str) else answer


def test_the_example_is_answered(service: Service) -> None:
    (answer,) = service.predict([{"body": REQUEST}])
    assert read(answer) == pytest.approx(EXPECTED)


def test_a_batch_is_answered_in_order(service: Service) -> None:
    answers = service.predict([{"body": [n, 0, 0, 0]} for n in range(3)])
    assert [read(answer)[0] for answer in answers] == pytest.approx([0, 2, 4], abs=1e-6)


def test_a_wrong_request_is_refused_alone(service: Service) -> None:
    answers = service.predict([{"body": REQUEST}, {"body": bytearray(b"?")}, {"body": REQUEST}])
    statuses = [service.context.get_response_status(place)[0] for place in range(3)]
    assert statuses == [200, 400, 200]
    assert read(answers[2]) == pytest.approx(EXPECTED)

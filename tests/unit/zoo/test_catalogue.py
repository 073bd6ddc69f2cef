"""What the catalogue promises of each model, asked through the handler of its archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mms.worker.loader import load
from mms_server.zoo.catalogue import CATALOGUE
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support.handlers import Serving


def short(answer: Any) -> str:
    best = answer[0] if isinstance(answer, list) else answer
    score = best.get("probability", best.get("score"))
    return f"{best.get('class', best.get('label'))}, {score:.2f}"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_example_gives_the_expected_answer(
    name: str, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, folder = CATALOGUE[name], models[name]
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "service", raising=False)
    handler: Any = getattr(load(entry.handler, str(folder)).handle, "__self__", None)
    Serving().load(handler, folder)
    (answer,), _ = Serving().handle(handler, {"body": read_file(SAMPLES[entry.sample])})
    assert short(answer) == entry.expected


def test_the_example_is_a_command() -> None:
    assert CATALOGUE["magika"].example == (
        "curl -X POST http://127.0.0.1:8080/predictions/magika -T cat.png"
    )

"""What the catalogue promises of each model, asked through the handler of its archive."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mms.worker.loader import load
from mms_server.zoo.catalogue import CATALOGUE
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support import mxnet_side
from support.handlers import Serving
from support.mxnet_environment import TIMEOUT_S, MxnetProcess


def short(answer: Any) -> tuple[str, float]:
    """Take what the catalogue tells of an answer: a word, and a number."""
    best = answer[0] if isinstance(answer, list) else answer
    if "events" in best:
        return "speech from", best["events"][0]["start"]
    (what,) = (best[key] for key in ("class", "label", "text") if key in best)
    return what, best.get("probability", best.get("score"))


@pytest.fixture
def load_handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Path], Any]]:
    """Load a handler by its archive's own path, and forget its module afterwards."""

    def load_one(text: str, folder: Path) -> Any:
        monkeypatch.syspath_prepend(str(folder))
        sys.modules.pop("service", None)
        handler: Any = getattr(load(text, str(folder)).handle, "__self__", None)
        Serving().load(handler, folder)
        return handler

    yield load_one
    sys.modules.pop("service", None)


def check(answer: Any, expected: str) -> None:
    match = re.fullmatch(r"(.*?),? ([\d.]+)(?: s)?", expected)
    assert match is not None
    what, number = short(answer)
    assert what == match[1]
    assert number == pytest.approx(float(match[2]), abs=0.01)


def needs_mxnet(name: str) -> bool:
    return name.endswith("_mxnet")


@pytest.mark.parametrize("name", [name for name in sorted(CATALOGUE) if not needs_mxnet(name)])
def test_the_example_gives_the_expected_answer(
    name: str, models: dict[str, Path], load_handler: Callable[[str, Path], Any]
) -> None:
    entry = CATALOGUE[name]
    handler = load_handler(entry.handler, models[name])
    (answer,), _ = Serving().handle(handler, {"body": read_file(SAMPLES[entry.sample])})
    check(answer, entry.expected)


def test_every_model_says_whose_it_is_and_what_it_takes() -> None:
    for entry in CATALOGUE.values():
        assert entry.licence in ("Apache-2.0", "MIT")
        assert entry.takes
        assert entry.gives
        assert entry.weights
        assert {len(each.sha256) for each in entry.weights} == {64}


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("name", [name for name in sorted(CATALOGUE) if needs_mxnet(name)])
def test_the_example_gives_the_expected_answer_where_there_is_mxnet(
    name: str, models: dict[str, Path], mxnet: MxnetProcess
) -> None:
    entry = CATALOGUE[name]
    mxnet.call(mxnet_side.load, str(models[name]), entry.handler)
    picture = read_file(SAMPLES[entry.sample])
    ((status, answer),) = mxnet.call(mxnet_side.predict, {"body": picture})
    assert status == 200
    check(json.loads(answer), entry.expected)


def test_the_example_is_a_command() -> None:
    assert CATALOGUE["silero_vad"].example.endswith("/predictions/silero_vad -T speech.wav")
    assert CATALOGUE["magika"].example == (
        "curl -X POST http://127.0.0.1:8080/predictions/magika -T cat.png"
    )

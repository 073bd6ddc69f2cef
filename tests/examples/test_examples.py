"""The examples do what their READMEs show: each command is run, what it prints is compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.interpreters import OLDEST, interpreter
from support.mxnet_environment import TIMEOUT_S, open_environment
from support.pages import EXAMPLES, README, ROOT, Walk, read_fences

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def put_the_oldest_python_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(interpreter(OLDEST)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def find_out_whether_mxnet_can_be_had(_: pytest.MonkeyPatch) -> None:
    open_environment()


Preparation = Callable[[pytest.MonkeyPatch], None]

NEEDS: Mapping[str, tuple[Preparation, ...]] = {
    "mxnet_checkpoint": (find_out_whether_mxnet_can_be_had,),
    "three_engines": (find_out_whether_mxnet_can_be_had, put_the_oldest_python_on_the_path),
}
"""What an example cannot do without; where that is not to be had, it is skipped, but not in CI."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_it_does_what_its_readme_shows(
    example: Path, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for prepare in NEEDS.get(example.name, ()):
        prepare(monkeypatch)
    walk.copy(example)
    assert walk.follow(example / "README.md") > 0, "nothing of it is tested"


def test_all_examples_are_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text()
    missing = [each.name for each in EXAMPLES if f"]({each.name}/README.md)" not in listed]
    assert missing == []
    assert set(NEEDS) <= {each.name for each in EXAMPLES}


def test_what_the_readme_shows_of_an_example_is_in_it() -> None:
    shown = [fence for fence in read_fences(README) if fence.origin is not None]
    assert shown
    for fence in shown:
        assert fence.text in (ROOT / str(fence.origin)).read_text()

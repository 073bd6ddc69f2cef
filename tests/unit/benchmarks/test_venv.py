"""Environments are kept, and made anew for what they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import BenchError
from benchmarks.venv import Venv
from benchmarks.wheel import CompiledWheel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an index of packages that has none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    return tmp_path / "cache"


def test_what_was_filled_is_kept_under_its_mark() -> None:
    venv = Venv(name="tools")
    assert not venv.holds("one")
    venv.fill(["pip"], "one")  # it is there already
    assert venv.holds("one")
    assert not venv.holds("two")
    assert Path(venv.program("python")).exists()


def test_what_cannot_be_filled_to_the_end_is_not_kept() -> None:
    venv = Venv("no-such-package==1.0")
    with pytest.raises(BenchError, match=r"no-such-package-1\.0 cannot be installed: ERR"):
        venv.install()
    assert not venv.holds("")


def test_a_wheel_that_cannot_be_built_is_told_with_the_reason(cache: Path) -> None:
    with pytest.raises(BenchError, match=r"(?s)mms-server-compiled cannot be built: .*hatchling"):
        CompiledWheel().install()
    assert not list(cache.glob("**/.installed"))

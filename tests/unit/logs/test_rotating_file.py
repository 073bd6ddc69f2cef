from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.logs import rotating_file
from mms_server.logs.rotating_file import KEPT_FILES, RotatingFile


def test_files_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating_file, "ROTATE_BYTES", 10)
    file = RotatingFile(tmp_path / "x.log")
    for number in range(8):
        file(b"line %d\n" % number)
    file.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["x.log", *(f"x.log.{n}" for n in range(1, KEPT_FILES + 1))]
    assert (tmp_path / "x.log").read_bytes() == b"line 7\n"
    assert (tmp_path / "x.log.1").read_bytes() == b"line 6\n"


def test_what_is_there_is_kept_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating_file, "ROTATE_BYTES", 10)
    (tmp_path / "x.log").write_bytes(b"earlier\n")
    file = RotatingFile(tmp_path / "x.log")
    file(b"now\n")
    file.close()
    assert (tmp_path / "x.log.1").read_bytes() == b"earlier\n"
    assert (tmp_path / "x.log").read_bytes() == b"now\n"


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RotatingFile(tmp_path / "none" / "x.log")

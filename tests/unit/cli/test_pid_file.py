from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from mms_server.cli.pid_file import NAME, PidFile, is_server


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = PidFile(tmp_path / NAME)
    assert (file.exists, file.read()) == (False, None)
    file.write(17)
    assert (file.exists, file.read()) == (True, 17)
    assert file.path.stat().st_mode & 0o777 == 0o644
    file.remove()
    file.remove()
    assert not file.exists


def test_a_file_without_a_number(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("soon")
    assert PidFile(tmp_path / NAME).read() is None


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / NAME).symlink_to(victim)
    PidFile(tmp_path / NAME).write(17)
    assert victim.read_text() == "precious"
    assert PidFile(tmp_path / NAME).read() == 17


def test_it_is_found_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library then takes another folder for the temporary one."""
    full, other = tmp_path / "full", tmp_path / "other"
    full.mkdir()
    other.mkdir()
    (full / NAME).write_text("17")
    monkeypatch.setenv("TMPDIR", str(full))
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    assert PidFile().read() == 17
    (full / NAME).unlink()
    assert PidFile().path == other / NAME


def test_this_process_is_no_server() -> None:
    assert not is_server(os.getpid())
    assert not is_server(2**22 + 1)

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mms_server.errors import MMSError
from mms_server.zoo.cache import cache_folder, write_atomically


@pytest.mark.parametrize(
    ("platform", "chosen", "expected"),
    [
        ("linux", "/elsewhere", "/elsewhere/mms-server"),
        ("linux", "", "/home/me/.cache/mms-server"),
        ("linux", "relative", "/home/me/.cache/mms-server"),
        ("darwin", "", "/home/me/Library/Caches/mms-server"),
        ("darwin", "/elsewhere", "/elsewhere/mms-server"),
    ],
)
def test_the_folder_is_where_the_platform_keeps_such_files(
    platform: str, chosen: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    assert cache_folder() == Path(expected)


def test_a_file_replaces_another_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.bin"
    write_atomically(target, b"old")
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


def test_what_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MMSError, match=r"file/below cannot be written"):
        write_atomically(tmp_path / "file" / "below", b"")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(MMSError, match="folder cannot be written"):
        write_atomically(tmp_path / "folder", b"")
    assert [each.name for each in sorted(tmp_path.iterdir())] == ["file", "folder"]

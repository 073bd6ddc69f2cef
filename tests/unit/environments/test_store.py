from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mms_server.environments import store

BLOCK = 4096


def make(root: Path, name: str, *, blocks: int = 1, used_at: float = 0, whole: bool = True) -> Path:
    folder = root / name
    store.begin(folder)
    python = store.python_of(folder)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (folder / "data").write_bytes(bytes(blocks * BLOCK))
    if whole:
        store.complete(folder)
        os.utime(folder / "complete.json", (used_at, used_at))
    return folder


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir())


def test_complete_or_worth_nothing(tmp_path: Path) -> None:
    folder = make(tmp_path, "one", whole=False)
    assert not store.is_complete(folder)
    store.complete(folder)
    assert store.is_complete(folder)
    store.python_of(folder).unlink()
    store.python_of(folder).symlink_to("/no/longer/there")
    assert not store.is_complete(folder)
    store.begin(folder)
    assert list(folder.iterdir()) == []


def test_only_one_builds(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with store.building(folder) as first:
        assert first
        with store.building(folder, may_wait=False) as second:
            assert not second
        with store.building(tmp_path / "two", may_wait=False) as other:
            assert other
    with store.building(folder, may_wait=False) as again:
        assert again


def test_what_was_left_unfinished_goes_unless_somebody_is_at_it(tmp_path: Path) -> None:
    folder = make(tmp_path, "one", whole=False)
    with store.building(folder):
        store.clear_unfinished(folder)
        assert folder.exists()
    store.clear_unfinished(folder)
    assert not folder.exists()
    whole = make(tmp_path, "two")
    store.clear_unfinished(whole)
    assert store.is_complete(whole)


def test_the_least_used_go_until_the_rest_fits(tmp_path: Path) -> None:
    old = make(tmp_path, "old", used_at=1)
    large = make(tmp_path, "large", blocks=64, used_at=2)
    new = make(tmp_path, "new", used_at=3)
    everything = sum(map(size_of, (old, large, new)))
    assert store.trim(tmp_path, everything + 3 * BLOCK) == []
    assert store.trim(tmp_path, size_of(new) + BLOCK) == [old, large]
    assert store.is_complete(new)


def test_use_makes_young(tmp_path: Path) -> None:
    first, second = make(tmp_path, "a", blocks=8), make(tmp_path, "b", blocks=8, used_at=2)
    store.touch(first)
    assert store.trim(tmp_path, size_of(first) + BLOCK) == [second]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    used, unused = make(tmp_path, "used", used_at=1), make(tmp_path, "unused", used_at=2)
    first, second = store.hold(used), store.hold(used)
    assert store.trim(tmp_path, 0) == [unused]
    os.close(first)
    assert store.trim(tmp_path, 0) == []
    assert store.is_complete(used)
    os.close(second)
    assert store.trim(tmp_path, 0) == [used]
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


@pytest.mark.parametrize("is_held", [False, True])
def test_what_is_half_made_goes_unless_it_is_being_made(tmp_path: Path, *, is_held: bool) -> None:
    half = make(tmp_path, "half", whole=False)
    broken = make(tmp_path, "broken")
    (broken / "complete.json").write_bytes(b"{")
    lock = store.hold(half) if is_held else os.open(os.devnull, os.O_RDONLY)
    removed = store.trim(tmp_path, 1 << 40)
    os.close(lock)
    assert sorted(removed) == ([broken] if is_held else [broken, half])

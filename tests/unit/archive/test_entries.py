import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.archive.entries import EntryTable
from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError


def table(**limits: int) -> EntryTable:
    return EntryTable(Limits(**limits))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (".", "empty"),
        ("/etc/passwd", "absolute"),
        ("C:/x", "absolute"),
        ("c:x", "absolute"),
        ("../x", "leaves"),
        ("a/../../x", "leaves"),
        ("a/..", "leaves"),
        ("a\\b", "backslash"),
        ("..\\x", "backslash"),
        ("a\0.py", "control character"),
        ("a\nERROR - forged", "control character"),
        ("a//b", "empty path component"),
        ("a/", "empty path component"),
        ("n" * 256, "component longer"),
        ("é" * 128, "component longer"),
        ("d/" * 384 + "x", "longer than 768"),
    ],
)
def test_refuses_an_unsafe_name(name: str, reason: str) -> None:
    with pytest.raises(InvalidModelError, match=reason):
        table().add_file(name)


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidModelError) as caught:
        table().add_file("n" * 100_000)
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("name", "path"),
    [("a", "a"), ("./a/b", "a/b"), ("a/./b", "a/b"), ("...", "..."), ("a..b/c", "a..b/c")],
)
def test_accepts_a_safe_name(name: str, path: str) -> None:
    assert table().add_file(name) == path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a"),
        ("a", "./a"),
        ("Model.py", "model.py"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("Dir/a", "dir/b"),
        ("x/\u00c5/a", "x/\u212b/b"),
    ],
)
def test_refuses_two_names_for_one_file(first: str, second: str) -> None:
    names = table()
    names.add_file(first)
    with pytest.raises(InvalidModelError, match="clashes"):
        names.add_file(second)


def test_a_folder_may_come_again_but_not_as_a_file() -> None:
    names = table()
    assert names.add_file("a/b") == "a/b"
    assert names.add_folder("a/") == "a"
    assert names.add_folder("a/") == "a"
    assert names.add_folder("./") == ""
    with pytest.raises(InvalidModelError, match="clashes"):
        names.add_folder("a/b/")
    with pytest.raises(InvalidModelError, match="clashes"):
        names.add_folder("A/")


def test_counts_the_folders_that_paths_imply() -> None:
    names = table(entries=4)
    names.add_file("a/b/c")
    names.add_file("a/b/d")
    with pytest.raises(InvalidModelError, match="more than 4"):
        names.add_file("a/b/e")


@given(st.text(alphabet="aA./\\:\0é", max_size=8))
def test_what_is_accepted_stays_inside(name: str) -> None:
    try:
        path = table().add_file(name)
    except InvalidModelError:
        return
    assert path
    assert not path.startswith("/")
    assert all(part not in ("", ".", "..") for part in path.split("/"))
    assert "\\" not in path
    assert "\0" not in path

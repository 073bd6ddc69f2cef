import logging
import os
from pathlib import Path

import pytest

from mms_server.archive.location import default_name, is_url, list_store, resolve
from mms_server.errors import InvalidModelError, ModelNotFoundError


@pytest.mark.parametrize(
    ("location", "expected"),
    [("http://h/x", True), ("HTTPS://h/x", True), ("httpx://h", False), ("s3://b/x.mar", False)],
)
def test_is_url(location: str, expected: bool) -> None:
    assert is_url(location) is expected


@pytest.mark.parametrize("location", ["x", "/x", "x/", "//x//"])
def test_slashes_around_a_location_do_not_count(tmp_path: Path, location: str) -> None:
    (tmp_path / "x").mkdir()
    assert resolve(location, tmp_path) == tmp_path / "x"


def test_an_empty_location_is_the_store(tmp_path: Path) -> None:
    assert resolve("", tmp_path) == tmp_path


def test_absolute_locations_work_in_the_root_store(tmp_path: Path) -> None:
    assert resolve(str(tmp_path), Path("/")) == tmp_path


@pytest.mark.parametrize("location", ["../fake.mar", "a/../b", "a..b"])
def test_two_dots_are_refused_before_all_else(location: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve(location, None)
    assert caught.value.message == f"Relative path is not allowed in url: {location}"


def test_no_store() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve("x", None)
    assert caught.value.message == "Model store has not been configured."


@pytest.mark.parametrize("location", ["InvalidUrl", "n" * 5000, "a\0b", "s3://bucket/x.mar"])
def test_missing(tmp_path: Path, location: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve(location, tmp_path)
    assert caught.value.message == f"Model not found in model store: {location}"


def test_a_link_that_the_operator_placed_is_followed(tmp_path: Path) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    store.mkdir()
    elsewhere.mkdir()
    (store / "m").symlink_to(elsewhere)
    assert resolve("m", store) == store / "m"


def test_a_pipe_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.mar")
    with pytest.raises(InvalidModelError, match=r"Neither a file nor a folder.*p\.mar"):
        resolve("p.mar", tmp_path)


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("noop-v0.1", "noop_v0_1"),
        ("resnet-18.mar", "resnet_18"),
        ("old.model", "old"),
        ("http://h:80/a/squeeze_net.mar?sig=a.b/c", "squeeze_net"),
        ("http://h/x.mar#sha256=00", "x"),
        ("x.y.mar", "x_y"),
        ("a.tar.gz", "a"),
        ("b-1.tgz", "b_1"),
        ("http://h/models/a.b.tar.gz?sig=x.mar", "a_b"),
        ("a.gz", "a_gz"),
        ("/opt/ml/model/", "model"),
        ("_x.mar", "_x"),
        ("é.mar", "_"),
        ("models.mart/plain", "plain"),
    ],
)
def test_default_name(location: str, name: str) -> None:
    assert default_name(location) == name


def test_list_store(tmp_path: Path) -> None:
    for name in ("b.mar", "a.model", "d.tar.gz", "e.tgz", "c.zip", "f.gz", ".hidden.mar", "README"):
        (tmp_path / name).write_bytes(b"")
    for name in ("folder", ".git"):
        (tmp_path / name).mkdir()
    assert list_store(tmp_path) == ["a.model", "b.mar", "d.tar.gz", "e.tgz", "folder"]


def test_a_store_that_is_not_there_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert list_store(tmp_path / "none") == []
    assert "Model store path is not found" in caplog.text

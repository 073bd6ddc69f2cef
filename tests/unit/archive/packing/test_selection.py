import logging
import os
from pathlib import Path

import pytest

from mms_server.archive.packing import pack
from mms_server.archive.packing.selection import select
from mms_server.errors import InvalidModelError

from .conftest import MakeRequest


def test_exclusions_are_those_of_mms(model: Path, request_for: MakeRequest) -> None:
    for folder in ("__pycache__", "__MACOSX", ".git", "sub/.hidden"):
        (model / folder).mkdir()
        (model / folder / "x").touch()
    for name in (
        "a.pyc",
        ".DS_Store",
        "x.DS_Store",
        "old.mar",
        "MANIFEST.json",
        "sub/MANIFEST.json",
    ):
        (model / name).touch()
    (model / ".env").touch()
    assert sorted(select(request_for())) == [".env", "service.py", "sub/weights.bin"]


def test_hidden_files_are_told_a_few_of_them(
    model: Path, request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    select(request_for())
    assert caplog.text == ""
    for name in (".env", "sub/.netrc"):
        (model / name).touch()
    select(request_for())
    assert "Hidden files are packed, too: .env, sub/.netrc\n" in caplog.text
    for number in range(9):
        (model / f".f{number}").touch()
    select(request_for())
    assert ".env, .f0, .f1, .f2, .f3 and 6 more\n" in caplog.text


def test_huge_files_are_told(
    model: Path, request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with (model / "core").open("wb") as file:
        file.truncate(2 * 1024**3)  # no bytes on the disk
    with caplog.at_level(logging.INFO):
        select(request_for())
    assert "core has 2.0 GiB" in caplog.text
    assert "weights" not in caplog.text


@pytest.mark.parametrize("archive_format", ["default", "tgz", "no-archive"])
def test_an_export_path_inside_the_model_is_not_packed(
    model: Path, request_for: MakeRequest, archive_format: str
) -> None:
    for _ in range(2):
        for other in ("default", "tgz", "no-archive"):
            pack(request_for(export_path=model, is_forced=True, archive_format=other))
        output = pack(request_for(export_path=model, is_forced=True, archive_format=archive_format))
        assert output.parent == model
    names = sorted(select(request_for(export_path=model, archive_format=archive_format)))
    assert names == ["service.py", "sub/weights.bin"]
    assert sorted(os.listdir(model)) == ["noop", "noop.mar", "noop.tar.gz", "service.py", "sub"]


def test_other_models_in_the_export_path_are_not_packed(
    model: Path, request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    out = model / "out"
    out.mkdir()
    pack(request_for(model_name="other", export_path=out, archive_format="no-archive"))
    (out / "data.tar.gz").touch()
    names = sorted(select(request_for(export_path=out)))
    assert names == ["out/data.tar.gz", "service.py", "sub/weights.bin"]
    assert "Models in the export path are not packed: other" in caplog.text


def test_a_folder_of_the_models_name_is_packed(model: Path, request_for: MakeRequest) -> None:
    names = sorted(select(request_for(model_name="sub", export_path=model)))
    assert names == ["service.py", "sub/weights.bin"]


def test_links_to_files_are_packed_and_links_to_folders_told(
    model: Path, request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    (model / "linked.bin").symlink_to(model / "sub" / "weights.bin")
    (model / "loop").symlink_to(model)
    assert sorted(select(request_for())) == ["linked.bin", "service.py", "sub/weights.bin"]
    assert "loop is a link to a directory" in caplog.text


def test_refuses_what_is_no_file(model: Path, request_for: MakeRequest) -> None:
    (model / "link").symlink_to("nowhere")
    with pytest.raises(InvalidModelError, match="link is not a file"):
        select(request_for())
    (model / "link").unlink()
    os.mkfifo(model / "pipe")
    with pytest.raises(InvalidModelError, match="pipe is not a file"):
        select(request_for())

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mms_server.cli.mms import main


def test_the_list_says_what_there_is_and_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "list"]) == 0
    out = capsys.readouterr().out
    for word in ("efficientnet_lite0", "magika", "Apache-2.0", "Egyptian cat", "curl -X POST"):
        assert word in out


def test_get_prints_the_archive_that_it_has_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["zoo", "get", "magika", "--export-path", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'magika.mar'}\n"
    with zipfile.ZipFile(folder / "magika.mar") as archive:
        assert "service.py" in archive.namelist()


def test_sample_prints_the_picture_that_it_has_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["zoo", "sample", "coffee"]) == 0
    assert capsys.readouterr().out == "coffee.png\n"
    assert (tmp_path / "coffee.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["zoo", "get", "resnet"])
    assert "efficientnet_lite0" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["zoo", "get", "magika", "--export-path", str(tmp_path / "file")]) == 1
    assert "magika.mar cannot be written" in capsys.readouterr().err

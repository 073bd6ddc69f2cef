import os
import zipfile
from pathlib import Path

import pytest

import mms_server.archive
from mms_server.archive.manifest import ModelEntry, read_manifest
from mms_server.archive.packing import PackRequest, pack
from mms_server.errors import BadRequestError, InvalidModelError

from .conftest import MakeRequest


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_the_public_names() -> None:
    assert mms_server.archive.pack is pack
    assert mms_server.archive.PackRequest is PackRequest
    with pytest.raises(AttributeError, match="has no attribute 'unpack'"):
        mms_server.archive.unpack  # type: ignore[attr-defined]  # noqa: B018 - that is the test


def test_the_manifest_is_first_and_the_rest_sorted(request_for: MakeRequest) -> None:
    assert names(pack(request_for())) == ["MAR-INF/MANIFEST.json", "service.py", "sub/weights.bin"]


def test_what_is_recorded(model: Path, request_for: MakeRequest, tmp_path: Path) -> None:
    (tmp_path / "prod.txt").write_text("numpy==1.26\n")
    output = pack(
        request_for(
            archive_format="no-archive",
            requirements=tmp_path / "prod.txt",
            python="/opt/venvs/mxnet",
            model_version="2.1",
            runtime="python3",
        )
    )
    assert (output / "requirements.txt").read_text() == "numpy==1.26\n"
    manifest = read_manifest(output)
    assert manifest.runtime == "python3"
    assert manifest.model == ModelEntry(
        "noop",
        "service:handle",
        version="2.1",
        python="/opt/venvs/mxnet",
        requirements="requirements.txt",
    )


def test_requirements_of_the_model_path(
    model: Path, request_for: MakeRequest, tmp_path: Path
) -> None:
    own = model / "requirements.txt"
    own.write_text("numpy\n")
    pack(request_for(requirements=own))
    assert names(tmp_path / "noop.mar").count("requirements.txt") == 1
    (tmp_path / "other.txt").write_text("numpy==1\n")
    with pytest.raises(BadRequestError, match=r"would take the place of .*: use one of the two"):
        pack(request_for(requirements=tmp_path / "other.txt", is_forced=True))
    with pytest.raises(BadRequestError, match=r"Given requirements .* is not a file"):
        pack(request_for(requirements=tmp_path / "none.txt", is_forced=True))


@pytest.mark.parametrize("value", ["", " ", "a\nb"])
@pytest.mark.parametrize("field", ["python", "model_version"])
def test_what_is_recorded_is_a_line_of_text(
    request_for: MakeRequest, field: str, value: str
) -> None:
    with pytest.raises(BadRequestError, match="is empty, or not one line of text"):
        pack(request_for(**{field: value}))


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "é", "x\n"])
def test_refuses_a_bad_name(request_for: MakeRequest, name: str) -> None:
    with pytest.raises(BadRequestError, match="contains special characters"):
        pack(request_for(model_name=name))


def test_refuses_paths_that_are_no_directories(model: Path, request_for: MakeRequest) -> None:
    file = model / "service.py"
    with pytest.raises(BadRequestError) as caught:
        pack(request_for(model_path=file))
    assert caught.value.message == (
        f"Given model-path {file} is not a valid directory. Point to a valid model-path directory."
    )
    with pytest.raises(BadRequestError) as caught:
        pack(request_for(model_path=file, export_path=file))
    assert caught.value.message == (
        f"Given export-path {file} is not a directory. Point to a valid export-path directory."
    )


def test_a_handler_that_is_not_there_leaves_nothing(model: Path, request_for: MakeRequest) -> None:
    for handler in ("other:handle", "service:other"):
        with pytest.raises(BadRequestError):
            pack(request_for(handler=handler))
    assert os.listdir(model.parent) == ["model"]


@pytest.mark.parametrize("name", ["Service.py", "back\\slash", "mar-inf"])
def test_refuses_names_that_could_not_be_unpacked(
    model: Path, request_for: MakeRequest, name: str
) -> None:
    (model / name).touch()
    with pytest.raises(InvalidModelError, match="refused"):
        pack(request_for())
    assert os.listdir(model.parent) == ["model"]


def test_what_the_server_would_refuse_is_told(
    model: Path, request_for: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    (model / "zeros").write_bytes(bytes(2**21))
    for archive_format in ("default", "tgz"):
        caplog.clear()
        pack(request_for(archive_format=archive_format))
        assert "more than a server with the default settings accepts" in caplog.text
    caplog.clear()
    pack(request_for(archive_format="no-archive"))
    assert caplog.text == ""

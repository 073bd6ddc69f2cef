import logging
import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mms_server.archive.extraction import extract
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import read_manifest
from mms_server.archive.packing import PackRequest, pack
from mms_server.errors import BadRequestError, ConflictError, InvalidModelError, MMSError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "service.py").write_text("def handle(data, context): ...\n")
    (folder / "sub" / "weights.bin").write_bytes(bytes(range(256)))
    return folder


def request(model: Path, **changes: Any) -> PackRequest:
    base = PackRequest("noop", model, "service:handle", export_path=model.parent)
    return replace(base, **changes)


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_what_is_packed_unpacks_the_same(model: Path, tmp_path: Path) -> None:
    (model / "service.py").chmod(0o755)
    output = pack(request(model))
    assert output == tmp_path / "noop.mar"
    extract(output, tmp_path / "out", Limits())
    assert (tmp_path / "out/sub/weights.bin").read_bytes() == bytes(range(256))
    assert (tmp_path / "out/service.py").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "out/sub/weights.bin").stat().st_mode & stat.S_IXUSR
    manifest = read_manifest(tmp_path / "out")
    assert (manifest.model.model_name, manifest.model.handler) == ("noop", "service:handle")
    assert manifest.runtime == "python"


def test_the_manifest_is_first_and_the_rest_sorted(model: Path) -> None:
    assert names(pack(request(model))) == [
        "MAR-INF/MANIFEST.json",
        "service.py",
        "sub/weights.bin",
    ]


def test_the_same_files_give_the_same_bytes(model: Path) -> None:
    first = pack(request(model)).read_bytes()
    os.utime(model / "service.py", (0, 0))
    (model / "service.py").chmod(0o600)
    assert pack(request(model, is_forced=True)).read_bytes() == first


def test_exclusions_are_those_of_mms(model: Path) -> None:
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
    assert names(pack(request(model)))[1:] == [".env", "service.py", "sub/weights.bin"]


def test_an_export_path_inside_the_model_is_not_packed(model: Path) -> None:
    for _ in range(2):
        output = pack(request(model, export_path=model, is_forced=True))
        assert names(output)[1:] == ["service.py", "sub/weights.bin"]
    assert sorted(os.listdir(model)) == ["noop.mar", "service.py", "sub"]


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "é", "x\n"])
def test_refuses_a_bad_name(model: Path, name: str) -> None:
    with pytest.raises(BadRequestError, match="contains special characters"):
        pack(request(model, model_name=name))


def test_refuses_paths_that_are_no_directories(model: Path) -> None:
    file = model / "service.py"
    with pytest.raises(BadRequestError, match=r"^Given model-path .* is not a valid directory\.$"):
        pack(request(model, model_path=file))
    with pytest.raises(BadRequestError, match=r"^Given export-path .* is not a directory\."):
        pack(request(model, export_path=file))


def test_overwrites_only_when_forced(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    (model.parent / "noop.mar").write_text("old")
    with pytest.raises(ConflictError, match=r"noop\.mar already exists\.\n.*--force"):
        pack(request(model))
    assert (model.parent / "noop.mar").read_text() == "old"
    with caplog.at_level(logging.WARNING):
        pack(request(model, is_forced=True))
    assert "Overwriting" in caplog.text
    assert names(model.parent / "noop.mar")


@pytest.mark.parametrize(
    "handler",
    [
        "service",
        "service:handle",
        "service.py:handle",
        "./service.py",
        "sub/deep.py:f",
        "sub.deep",
        "pkg:f",
    ],
)
def test_accepts_a_handler_in_the_model_path(
    model: Path, handler: str, caplog: pytest.LogCaptureFixture
) -> None:
    (model / "sub" / "deep.py").touch()
    (model / "pkg").mkdir()
    (model / "pkg" / "__init__.py").touch()
    with caplog.at_level(logging.WARNING):
        pack(request(model, handler=handler))
    assert caplog.text == ""


@pytest.mark.parametrize(
    "handler", ["other", "other:handle", "a.b.py", "sub/other.py", "", ":f", "../m/x.py"]
)
def test_refuses_a_handler_that_is_not_there(model: Path, handler: str) -> None:
    with pytest.raises(BadRequestError, match="is not in the model path"):
        pack(request(model, handler=handler))
    assert os.listdir(model.parent) == ["model"]


def test_a_dotted_handler_may_be_installed(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        pack(request(model, handler="mms.handlers.onnx_classifier"))
        assert caplog.text == "", "every worker has the ready-made ones"
        pack(request(model, handler="their.package:handle", is_forced=True))
    assert "the worker must be able to import their.package" in caplog.text


def test_links_to_files_are_packed_and_links_to_folders_told(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (model / "linked.bin").symlink_to(model / "sub" / "weights.bin")
    (model / "loop").symlink_to(model)
    with caplog.at_level(logging.WARNING):
        output = pack(request(model))
    assert names(output)[1:] == ["linked.bin", "service.py", "sub/weights.bin"]
    assert "loop is a link to a directory" in caplog.text


def test_refuses_what_is_no_file(model: Path) -> None:
    os.mkfifo(model / "pipe")
    with pytest.raises(InvalidModelError, match="pipe is not a file"):
        pack(request(model))


@pytest.mark.parametrize("name", ["Service.py", "back\\slash", "mar-inf"])
def test_refuses_names_that_could_not_be_unpacked(model: Path, name: str) -> None:
    (model / name).touch()
    with pytest.raises(InvalidModelError, match="refused"):
        pack(request(model))
    assert os.listdir(model.parent) == ["model"]


def test_a_failed_write_leaves_the_old_archive(model: Path) -> None:
    output = model.parent / "noop.mar"
    output.mkdir()  # a rename over it fails, after everything was written
    with pytest.raises(MMSError, match="Failed to write"):
        pack(request(model, is_forced=True))
    assert sorted(os.listdir(model.parent)) == ["model", "noop.mar"]

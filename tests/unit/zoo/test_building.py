from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mms_server.errors import BadRequestError, MMSError
from mms_server.zoo.building import build
from mms_server.zoo.cache import cache_folder
from mms_server.zoo.catalogue import CATALOGUE


@pytest.fixture
def empty_cache(archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that has the files of wheels, and no archives."""
    assert archives  # built before, and with that the files fetched
    files = cache_folder() / "files"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder().mkdir(parents=True)
    (cache_folder() / "files").symlink_to(files)
    return cache_folder()


def manifest_of(archive: zipfile.ZipFile) -> Any:
    return json.loads(archive.read("MAR-INF/MANIFEST.json"))


def test_the_classifier_has_no_code(archives: dict[str, Path]) -> None:
    assert archives["efficientnet_lite0"].name == "efficientnet_lite0.mar"
    with zipfile.ZipFile(archives["efficientnet_lite0"]) as archive:
        assert manifest_of(archive)["model"] == {
            "modelName": "efficientnet_lite0",
            "handler": "mms.handlers.onnx_classifier",
        }
        files = {"model.onnx", "signature.json", "synset.txt", "MAR-INF/MANIFEST.json"}
        assert set(archive.namelist()) == files
        labels = archive.read("synset.txt").decode().splitlines()
    assert len(set(labels)) == len(labels) == 1000
    assert labels == sorted(labels)  # the order of ImageNet-1k is that of the ids
    assert [labels[place] for place in (281, 282, 285, 967)] == [
        "n02123045 tabby",
        "n02123159 tiger cat",
        "n02124075 Egyptian cat",
        "n07920052 espresso",
    ]


def test_the_other_model_brings_its_handler(archives: dict[str, Path]) -> None:
    with zipfile.ZipFile(archives["magika"]) as archive:
        assert manifest_of(archive)["model"]["handler"] == "service.py"
        assert "service.py" in archive.namelist()


def test_the_checkpoint_brings_its_handler_and_what_that_needs(archives: dict[str, Path]) -> None:
    with zipfile.ZipFile(archives["efficientnet_lite0_mxnet"]) as archive:
        assert manifest_of(archive)["model"]["handler"] == "service.py"
        assert set(archive.namelist()) == {
            "efficientnet_lite0-symbol.json",
            "efficientnet_lite0-0000.params",
            "service.py",
            "requirements.txt",
            "signature.json",
            "synset.txt",
            "MAR-INF/MANIFEST.json",
        }
        assert b"mms" not in archive.read("service.py")  # so that other servers run it


def test_the_same_weights_give_the_same_bytes(
    archives: dict[str, Path], empty_cache: Path, tmp_path: Path
) -> None:
    for name in ("efficientnet_lite0", "magika"):
        assert build(name, tmp_path / "again").read_bytes() == archives[name].read_bytes()
    assert len(list(empty_cache.rglob("*.mar"))) == 2


def test_archives_are_as_large_as_the_list_says(archives: dict[str, Path]) -> None:
    for name, archive in archives.items():
        assert archive.stat().st_size / 1e6 == pytest.approx(CATALOGUE[name].archive_mb, abs=0.15)


def test_an_archive_is_built_once(
    empty_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = build("magika", tmp_path / "one")
    assert capsys.readouterr().err == "Building magika.mar ...\n"
    (kept,) = empty_cache.rglob("*.mar")
    assert build("magika", tmp_path / "two").read_bytes() == first.read_bytes()
    assert capsys.readouterr().err == ""
    assert kept.read_bytes() == first.read_bytes()


@pytest.mark.usefixtures("empty_cache")
def test_missing_packages_are_said_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "mms_server.zoo.efficientnet", raising=False)
    with pytest.raises(MMSError, match=r"pip install 'mms-server\[zoo\]'"):
        build("efficientnet_lite0", tmp_path)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="it has efficientnet_lite0, "):
        build("resnet", tmp_path)

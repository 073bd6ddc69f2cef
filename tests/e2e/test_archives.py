"""Every format that `model-archiver` writes is served, and what is hostile is not."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mms_server.archive import PackRequest, pack
from mms_server.archive.packing import ARCHIVE_FORMATS, ArchiveFormat
from support.running_server import StartServer
from support.web import serve_folder

HANDLER = """
def handle(data, context):
    if data is None:
        return None
    with open("word.txt") as file:
        return [file.read()] * len(data)
"""
SERVICE = """
from mms.model_service.model_service import SingleNodeService

class Words(SingleNodeService):
    def _inference(self, data):
        with open("word.txt") as file:
            return file.read()
"""
"""As models of 0.x have it."""

OUTPUTS = {"default": "word.mar", "tgz": "word.tar.gz", "no-archive": "word"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "service.py").write_text(HANDLER)
    (folder / "word.txt").write_text("hello")
    return folder


@pytest.fixture
def web(store: Path) -> Iterator[str]:
    """The store as a web server has it; the fixture is its address."""
    with serve_folder(store) as port:
        yield f"http://127.0.0.1:{port}"


def packed(model: Path, store: Path, archive_format: ArchiveFormat, name: str = "word") -> str:
    request = PackRequest(
        model_name=name,
        model_path=model,
        handler="service:handle",
        export_path=store,
        archive_format=archive_format,
        model_version="7",
    )
    return pack(request).name


def tar_gz(file: Path, members: Mapping[str, bytes]) -> str:
    with tarfile.open(file, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.name


def test_each_format_is_served_by_path_and_by_url(
    start: StartServer, model: Path, store: Path, web: str
) -> None:
    outputs = [packed(model, store, archive_format) for archive_format in ARCHIVE_FORMATS]
    assert outputs == list(OUTPUTS.values())
    server = start(settings={"allowed_urls": "http://127.0.0.1:.*"})
    locations = [*outputs, f"{web}/word.mar", f"{web}/word.tar.gz"]
    for location in locations:
        answer = server.register(location, initial_workers=1, synchronous="true")
        assert (answer.status, answer.json) == (200, {"status": "Workers scaled"}), location
        assert server.predict("word").body == b"hello"
        assert server.describe("word")["modelVersion"] == "7"
        assert server.manage("DELETE", "/models/word").status == 200
    assert (store / "word" / "word.txt").is_file()


def test_all_of_the_store_is_served_at_start(start: StartServer, model: Path, store: Path) -> None:
    for number, archive_format in enumerate(ARCHIVE_FORMATS):
        packed(model, store, archive_format, f"m{number}")
    signature = {"input_type": "text/plain", "inputs": [{"data_name": "data"}]}
    model_0 = {"Model-Name": "m3", "Service": "service.py", "Signature": "signature.json"}
    with zipfile.ZipFile(store / "old.model", "w") as archive:
        archive.writestr("old/MANIFEST.json", json.dumps({"Model": model_0}))
        archive.writestr("old/signature.json", json.dumps(signature))
        archive.writestr("old/service.py", SERVICE)
        archive.writestr("old/word.txt", "hello")
    server = start(models=["ALL"])
    for number in range(4):
        server.wait_ready(f"m{number}")
        assert server.predict(f"m{number}").body == b"hello"
    assert server.describe("m3")["modelVersion"] == "snapshot"


def test_a_tar_without_a_manifest_is_served_with_a_handler(start: StartServer, store: Path) -> None:
    """As those of SageMaker are, whose images name the handler."""
    files = {"service.py": HANDLER.encode(), "word.txt": b"raw"}
    location = tar_gz(store / "model.tar.gz", files)
    server = start(models=[location], settings={"default_service_handler": "service:handle"})
    server.wait_ready("model")
    assert server.predict("model").body == b"raw"


REFUSED: list[tuple[dict[str, bytes], str]] = [
    ({"../evil.py": b"x"}, "it leaves the archive by '..'"),
    ({"/evil.py": b"x"}, "it is an absolute path"),
    ({"evil": bytes(3 * 2**20)}, "more than 100 times its size"),
    ({"MAR-INF/MANIFEST.json": b"{"}, "Failed to parse MANIFEST.json"),
    ({"MAR-INF/MANIFEST.json": b'{"model": {"modelName": "x"}}'}, "handler is not defined"),
    ({"MAR-INF/MANIFEST.json": b'{"model": {"handler": "x"}}'}, "name is not defined"),
    ({"MANIFEST.json": b'{"Model": {}}'}, "Missing Service entry in MANIFEST.json"),
]


def test_what_cannot_be_served_is_refused_and_leaves_nothing(
    start: StartServer, noop: str, store: Path
) -> None:
    server = start(models=[noop])
    for members, message in REFUSED:
        location = tar_gz(store / "evil.tgz", members)
        answer = server.register(location)
        assert answer.status == 400
        assert answer.json["type"] == "InvalidModelException"
        assert message in answer.json["message"]
        assert not list(server.folder.rglob("evil*"))
        assert not list(server.folder.rglob("models/*"))
    server.wait_ready(noop)
    assert server.predict(noop).body == b"OK"

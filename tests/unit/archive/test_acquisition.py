import asyncio
import hashlib
import io
import logging
import os
import signal
import socket
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest

from mms_server.archive.acquisition import Archive, acquire
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import Manifest, parse_manifest
from mms_server.archive.policy import FetchPolicy
from mms_server.errors import DownloadModelError, InvalidModelError, MMSError, ModelNotFoundError

from .conftest import WebServer

ANY = FetchPolicy(allowed_urls=(".*",))
MANIFEST = b'{"model": {"modelName": "noop", "handler": "service:handle"}, "x": [null]}'


def mar(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", MANIFEST)
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Place:
    """A store and a working folder."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.workdir = folder / "made" / "workdir"
        self.store.mkdir()

    async def acquire(
        self, location: str, policy: FetchPolicy = ANY, limits: Limits | None = None
    ) -> Archive:
        return await acquire(
            location,
            store=self.store,
            workdir=self.workdir,
            policy=policy,
            limits=limits or Limits(),
        )

    def left(self) -> list[str]:
        return os.listdir(self.workdir) if self.workdir.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_true():
            await asyncio.sleep(0.01)


async def test_a_file_of_the_store_is_unpacked_and_released(place: Place) -> None:
    data = mar(service=b"x = 1")
    (place.store / "noop.mar").write_bytes(data)
    archive = await place.acquire("noop.mar")
    assert archive.location == "noop.mar"
    assert archive.is_owned
    assert archive.digest == hashlib.sha256(data).hexdigest()
    assert archive.folder.parent == place.workdir
    assert (archive.folder / "service").read_bytes() == b"x = 1"
    assert archive.manifest.model.model_name == "noop"
    assert archive.manifest.raw == {
        "model": {"modelName": "noop", "handler": "service:handle"},
        "x": [None],
    }
    await archive.release()
    await archive.release()
    assert place.left() == []
    assert (place.store / "noop.mar").read_bytes() == data


async def test_the_same_archive_twice_has_two_folders(place: Place) -> None:
    (place.store / "noop.mar").write_bytes(mar())
    first, second = await asyncio.gather(place.acquire("noop.mar"), place.acquire("/noop.mar/"))
    await first.release()
    assert (second.folder / "MAR-INF" / "MANIFEST.json").read_bytes() == MANIFEST
    assert len(place.left()) == 1


async def test_a_folder_of_the_store_is_used_in_place_and_kept(place: Place) -> None:
    (place.store / "plain").mkdir()
    archive = await place.acquire("plain")
    assert archive == Archive("plain", place.store / "plain", Manifest(), False, None)
    await archive.release()
    assert (place.store / "plain").is_dir()
    assert place.left() == []


def tar_gz(prefix: str, **files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in {"MAR-INF/MANIFEST.json": MANIFEST, **files}.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("prefix", ["", "./", "noop/"])
async def test_a_tar_of_the_store_or_a_url_is_unpacked(
    place: Place, web: WebServer, prefix: str
) -> None:
    data = tar_gz(prefix, service=b"x = 1")
    (place.store / "noop.tar.gz").write_bytes(data)
    for location in ("noop.tar.gz", web.serve("/model", data)):
        archive = await place.acquire(location)
        assert archive.is_owned
        assert archive.digest == hashlib.sha256(data).hexdigest()
        assert archive.manifest.model.model_name == "noop"
        assert sorted(os.listdir(archive.folder)) == ["MAR-INF", "service"]
        await archive.release()
    assert place.left() == []


async def test_a_model_of_0_x_may_lie_one_folder_below(place: Place) -> None:
    legacy = b'{"Model": {"Model-Name": "old", "Service": "old.py"}}'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("x/MANIFEST.json", legacy)
        opened.writestr("x/old.py", b"")
    (place.store / "old.model").write_bytes(buffer.getvalue())
    archive = await place.acquire("old.model")
    assert (archive.folder / "old.py").is_file()
    assert archive.manifest == parse_manifest(msgspec.json.decode(legacy), is_legacy=True)
    await archive.release()
    assert place.left() == []

    (place.store / "folder" / "x").mkdir(parents=True)
    (place.store / "folder" / "x" / "MANIFEST.json").write_bytes(legacy)
    archive = await place.acquire("folder")
    assert (archive.folder, archive.is_owned) == (place.store / "folder" / "x", False)
    assert archive.manifest.model.handler == "old.py"


async def test_a_url_is_fetched_and_only_the_model_stays(
    place: Place, web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    data = mar()
    url = web.redirect("/go", web.serve("/noop.mar", data))
    with caplog.at_level(logging.INFO):
        archive = await place.acquire(url)
    assert archive.digest == hashlib.sha256(data).hexdigest()
    assert place.left() == [archive.folder.name]
    assert f"{url}: redirected to {web.url('/noop.mar')}" in caplog.text


async def test_a_relative_workdir_gives_an_absolute_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.store / "noop.mar").write_bytes(mar())
    monkeypatch.chdir(tmp_path)
    place.workdir = Path("here")
    archive = await place.acquire("noop.mar")
    assert archive.folder.parent == tmp_path / "here"


async def test_a_module_in_the_current_folder_is_not_imported(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zipfile.py").write_text("raise SystemExit('hijacked')")
    (place.store / "noop.mar").write_bytes(mar())
    monkeypatch.chdir(tmp_path)
    assert (await place.acquire("noop.mar")).is_owned


@pytest.mark.parametrize(
    ("location", "error", "message"),
    [
        ("none", ModelNotFoundError, "Model not found in model store: none"),
        ("../x", ModelNotFoundError, "Relative path is not allowed in url: ../x"),
        ("http://h:aaaa", ModelNotFoundError, "Invalid model url: http://h:aaaa"),
        ("text.mar", InvalidModelError, "text.mar is not a zip archive"),
        ("bad.mar", InvalidModelError, "Failed to parse MANIFEST.json"),
        ("cut.tgz", InvalidModelError, "cut.tgz is not a gzipped tar archive, or is damaged"),
        ("http://127.0.0.1/x", DownloadModelError, "not public"),
    ],
)
async def test_errors_keep_their_class_and_leave_nothing(
    place: Place, location: str, error: type[MMSError], message: str
) -> None:
    (place.store / "text.mar").write_text("text")
    (place.store / "cut.tgz").write_bytes(tar_gz("")[:-9])
    bad = io.BytesIO()
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", b"{")
    (place.store / "bad.mar").write_bytes(bad.getvalue())
    with pytest.raises(MMSError) as caught:
        await place.acquire(location, FetchPolicy())
    assert type(caught.value) is error
    assert message in caught.value.message
    assert place.left() == []


async def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="Model store has not been configured"):
        await acquire("x", store=None, workdir=tmp_path, policy=ANY, limits=Limits())


async def test_a_fetched_archive_that_is_refused_leaves_nothing(
    place: Place, web: WebServer
) -> None:
    with pytest.raises(InvalidModelError, match="not a zip archive"):
        await place.acquire(web.serve("/m", b"text"))
    assert place.left() == []


def stall(web: WebServer) -> str:
    """Answer the path /m with a beginning, and nothing more; return its URL."""

    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        web.released.wait()

    web.answers["/m"] = answer
    return web.url("/m")


def has_begun(place: Place) -> bool:
    return any(place.workdir.glob("*.part"))


async def test_cancelling_ends_the_helper_and_removes_its_files(
    place: Place, web: WebServer
) -> None:
    task = asyncio.create_task(place.acquire(stall(web)))
    await until(lambda: has_begun(place))
    helpers = helpers_of(os.getpid())
    assert len(helpers) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.left() == []
    assert not is_running(helpers[0])


async def test_cancelling_twice_still_removes_its_files(place: Place, web: WebServer) -> None:
    task = asyncio.create_task(place.acquire(stall(web)))
    await until(lambda: has_begun(place))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.left() == []


async def test_cancelling_at_any_moment_leaves_nothing(place: Place) -> None:
    (place.store / "noop.mar").write_bytes(mar(big=bytes(2**20)))
    for delay_s in (0.0, 0.01, 0.03, 0.05, 0.07, 0.09, 0.11):
        task = asyncio.create_task(place.acquire("noop.mar"))
        done, _ = await asyncio.wait([task], timeout=delay_s)
        if done:
            await task.result().release()
        task.cancel()
        await asyncio.wait([task])
        assert place.left() == []


async def test_a_killed_helper_is_told(place: Place, web: WebServer) -> None:
    task = asyncio.create_task(place.acquire(stall(web)))
    await until(lambda: has_begun(place))
    os.kill(helpers_of(os.getpid())[0], signal.SIGKILL)
    with pytest.raises(MMSError, match="ended by SIGKILL") as caught:
        await task
    assert type(caught.value) is MMSError
    assert place.left() == []


async def test_a_total_timeout_holds_before_the_answer_too(place: Place, web: WebServer) -> None:
    def wait(_: bytes, connection: socket.socket) -> None:
        web.released.wait()

    web.answers["/m"] = wait
    with pytest.raises(DownloadModelError):
        await place.acquire(web.url("/m"), replace(ANY, total_timeout_s=0.3))
    assert place.left() == []


async def test_the_log_tells_what_was_too_slow(
    place: Place, web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    def begin(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        web.released.wait()

    web.answers["/m"] = begin
    caplog.set_level("INFO")
    with pytest.raises(DownloadModelError):
        await place.acquire(web.url("/m"), replace(ANY, total_timeout_s=1))
    assert caplog.messages[-1].endswith("the total timeout is over")
    assert place.left() == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_helper_is_confined(place: Place, web: WebServer) -> None:
    task = asyncio.create_task(place.acquire(stall(web), limits=Limits(cpu_s=77)))
    await until(lambda: has_begun(place))
    helper = helpers_of(os.getpid())[0]
    assert os.getpriority(os.PRIO_PROCESS, helper) == 19
    rows = limits_of(helper)
    assert rows["Max cpu time"] == ["77", "82"]
    assert rows["Max open files"] == ["64", "64"]
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max file size"] == [str(Limits().unpacked_bytes)] * 2
    assert rows["Max address space"] == [str(Limits().memory_bytes)] * 2
    task.cancel()
    await asyncio.wait([task])


async def test_the_processor_time_is_bounded(place: Place) -> None:
    with (place.store / "endless.mar").open("wb") as file:
        file.truncate(2**40)  # no bytes on the disk, hours of hashing
    with pytest.raises(InvalidModelError, match="takes more than 1 s"):
        await place.acquire("endless.mar", limits=Limits(cpu_s=1))


@pytest.mark.skipif(sys.platform != "linux", reason="only there is the address space limited")
async def test_the_memory_is_bounded(place: Place) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(60_000):
            archive.writestr(f"{n}", b"")
    (place.store / "many.mar").write_bytes(buffer.getvalue())
    limits = Limits(entries=10**6, memory_bytes=64 * 2**20)
    with pytest.raises(InvalidModelError, match="cannot be read in 67108864 bytes of memory"):
        await place.acquire("many.mar", limits=limits)
    assert place.left() == []


async def test_the_helper_dies_with_the_server(place: Place, web: WebServer) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from mms_server.archive.acquisition import acquire\n"
        "from mms_server.archive.limits import Limits\n"
        "from mms_server.archive.policy import FetchPolicy\n"
        "asyncio.run(acquire(sys.argv[1], store=None, workdir=pathlib.Path(sys.argv[2]),\n"
        "    policy=FetchPolicy(allowed_urls=('.*',)), limits=Limits()))\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stall(web), str(place.workdir)
    )
    try:
        await until(lambda: has_begun(place))
        helper = helpers_of(server.pid)[0]
    finally:
        server.kill()
        await server.wait()
    await until(lambda: not is_running(helper))
    assert place.left() == []


def helpers_of(parent: int) -> list[int]:
    children = psutil.Process(parent).children()
    return [child.pid for child in children if "mms_server.archive" in child.cmdline()]


def limits_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def is_running(pid: int) -> bool:
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status != psutil.STATUS_ZOMBIE

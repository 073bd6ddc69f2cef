"""What a worker process has and has not; with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mms_server.huge_pages import with_huge_pages
from mms_server.workers.runtime import make_runtime_folder, worker_environment
from support.workshop import FILE_LIMIT, Workshop

REPORT = """
import json, os, resource, signal, sys

def handle(data, context):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            fds[fd] = [os.readlink(f"/proc/self/fd/{fd}"), os.get_inheritable(int(fd))]
        except OSError:
            pass  # that of the listing itself
    return [json.dumps({
        "fds": fds,
        "first": sorted(os.listdir(sys.path[0])),
        "path": sys.path,
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "environ": dict(os.environ),
        "cwd": os.getcwd(),
        "leads": os.getpid() == os.getpgid(0) == os.getsid(0),
        "ignored": [name for name in ("SIGINT", "SIGTERM", "SIGHUP")
                    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN],
    })] * len(data or [])
"""


@contextlib.contextmanager
def _ignored(*numbers: signal.Signals) -> Iterator[None]:
    """Ignore signals meanwhile, as nohup has the server do."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
@pytest.mark.parametrize("preload", [False, True])
async def test_what_a_worker_holds(workshop: Workshop, *, preload: bool) -> None:
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    served = workshop.serve(REPORT, preload=preload)
    try:
        with _ignored(signal.SIGINT, signal.SIGHUP):
            await served.scale(2)
        seen: dict[str, Any] = json.loads(await served.predict())
    finally:
        os.close(inherited)
    fds = {int(fd): value for fd, value in seen["fds"].items()}
    kinds = {fd: link.split(":")[0] for fd, (link, _) in fds.items()}
    assert [kinds.pop(fd) for fd in range(3)] == ["/dev/null", "pipe", "pipe"]
    assert sorted(kinds.values()) == ["/memfd", "pipe", "socket"], "page, lifetime, link"
    assert not any(fds[fd][1] for fd in kinds), "the handler's programs do not get them"
    assert seen["first"] == ["mms"]
    assert not any("site-packages" in part for part in seen["path"][:2])
    assert seen["nofile"] == FILE_LIMIT
    assert seen["cwd"] == str(served.spec.folder)
    assert seen["leads"]
    assert seen["ignored"] == []
    assert set(seen["environ"]) - {"LC_CTYPE"} == set(served.spec.environment) - {"LC_CTYPE"}


@pytest.mark.parametrize("preload", [False, True])
async def test_a_model_may_have_files_named_like_modules(
    workshop: Workshop, *, preload: bool
) -> None:
    served = workshop.serve(
        "def handle(data, context):\n    return [{'fine': 1}] * len(data or [])\n", preload=preload
    )
    names = ["mms", "json", "socket", "struct", "logging", "select", "signal", "threading", "gc"]
    for name in [*names, "traceback", "array", "os", "time", "mmap", "typing", "re"]:
        (served.spec.folder / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")
    await served.scale(1)
    assert json.loads(await served.predict()) == {"fine": 1}


def test_the_environment_of_workers() -> None:
    environ = {
        "SECRET_KEY": "x",
        "MY_SECRET_KEY": "stays: the whole name must match",
        "OMP_NUM_THREADS": "8",
        "HOMEPAGE": "stays",
        "PYTHONSAFEPATH": "1",
        "MMS_FRONT_END": "another's",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0",
    }
    hidden = re.compile("SECRET_.*|HOME")
    assert worker_environment(environ, hidden, "mark", decode_input=True) == {
        "MY_SECRET_KEY": "stays: the whole name must match",
        "OMP_NUM_THREADS": "8",
        "HOMEPAGE": "stays",
        "MXNET_USE_OPERATOR_TUNING": "0",
        "MMS_DECODE_INPUT_REQUEST": "true",
        "PYTHONUNBUFFERED": "1",
        "MMS_FRONT_END": "mark",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0",
    }
    bare = worker_environment({}, None, "m", decode_input=False)
    assert (bare["OMP_NUM_THREADS"], bare["MMS_DECODE_INPUT_REQUEST"]) == ("1", "false")
    assert bare.get("GLIBC_TUNABLES") == with_huge_pages({}).get("GLIBC_TUNABLES")
    assert "SECRET_KEY" in environ, "the server keeps its own"


def test_the_runtime_folder_is_private_and_holds_only_mms(tmp_path: Path) -> None:
    folder = make_runtime_folder(tmp_path)
    assert [entry.name for entry in folder.iterdir()] == ["mms"]
    assert (folder / "mms" / "worker" / "main.py").is_file()
    assert folder.stat().st_mode & 0o777 == 0o700

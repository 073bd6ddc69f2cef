from __future__ import annotations

import os
from pathlib import Path

import pytest

from mms.context import Context
from mms.handlers.cores import choose_threads, usable_cores


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on 8 cores, and nothing said about threads."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def write(root: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return str(root)


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, 8),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "300000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/docker/1234\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",  # its own is not seen
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
    ],
)
def test_a_container_may_use_fewer_cores_than_the_machine_has(
    files: dict[str, str], expected: float, tmp_path: Path
) -> None:
    assert usable_cores(write(tmp_path, files)) == expected


def test_the_cores_of_this_machine_are_counted() -> None:
    assert 0 < usable_cores() <= (os.cpu_count() or 1)


def test_without_affinity_all_cores_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores(str(tmp_path)) == os.cpu_count()


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("configured", "variable", "workers", "expected"),
    [
        (3, "2", 1, 3),
        (None, "2", 1, 2),
        ("share", "2", 2, 4),
        (None, "", 2, 4),
        (None, "many", 3, 2),
        (None, "0", 99, 1),
    ],
)
def test_threads_are_what_is_said_or_the_share_of_the_worker(
    configured: object,
    variable: str,
    workers: int,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr("mms.handlers.cores.usable_cores", lambda: 8.0)
    context = Context("m", "/", None, 1, None, "1")
    context.workers = workers
    assert choose_threads(context, configured) == expected


@pytest.mark.parametrize("configured", [0, -1, True, "all", 1.5])
def test_threads_that_make_no_sense_are_refused(configured: object) -> None:
    with pytest.raises(ValueError, match="threads: expected a number from 1, or 'share'"):
        choose_threads(Context("m", "/", None, 1, None, "1"), configured)

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest

from mms_server.workers.page import Page
from mms_server.workers.process import Process, describe_exit, watch_exit


def start(code: str) -> subprocess.Popen[bytes]:
    """Start a child that leads no group of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "exit status 0"),
        (7, "exit status 7"),
        (-9, "killed by SIGKILL"),
        (-200, "by signal 200"),
    ],
)
def test_how_a_process_ended(status: int, text: str) -> None:
    assert text in describe_exit(status)


@pytest.mark.parametrize("has_pidfd", [True, False])
@pytest.mark.parametrize(("code", "status"), [("import sys; sys.exit(5)", 5), ("input()", -9)])
async def test_the_end_of_a_process_is_learned(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, *, has_pidfd: bool
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    child = start(code)
    ended = watch_exit(child)
    if status < 0:
        child.kill()
    async with asyncio.timeout(20):
        assert await ended == status
    for pipe in (child.stdin, child.stdout, child.stderr):
        assert pipe is not None
        pipe.close()


async def test_a_process_that_leads_no_group_yet_is_killed_all_the_same() -> None:
    """As one that a template has forked just now."""
    child = start("input()")
    link, other = socket.socketpair()
    assert child.stdout is not None
    assert child.stderr is not None
    process = Process(child.pid, link, Page.create(), child.stdout, child.stderr, watch_exit(child))
    process.kill()
    async with asyncio.timeout(20):
        assert await process.exit == -signal.SIGKILL
    process.kill()  # and again: it is gone
    for closable in (link, other, child.stdin, child.stdout, child.stderr, process.page):
        assert closable is not None
        closable.close()

"""The operator hears of it when there are no more files for connections."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mms_server.http.file_limit import FileLimit

LIMIT = 256


@contextmanager
def limited() -> Iterator[ExitStack]:
    """Lower the limit; what the stack holds is closed before it is raised again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, hard))
    try:
        with ExitStack() as files:
            yield files
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fill(files: ExitStack, left: int) -> None:
    """Open files until that many may still be opened."""
    opened = [os.open("/dev/null", os.O_RDONLY)]
    while opened[-1] < LIMIT - 1:
        opened.append(os.open("/dev/null", os.O_RDONLY))
    for descriptor in opened[len(opened) - left :]:
        os.close(descriptor)
    for descriptor in opened[: len(opened) - left]:
        files.callback(os.close, descriptor)


@pytest.mark.parametrize("left", [0, 4])
def test_nearly_the_last_file_is_a_warning_once(
    left: int, caplog: pytest.LogCaptureFixture
) -> None:
    limit = FileLimit()
    with limited() as files:
        fill(files, left)
        for _ in range(3):
            limit.check(LIMIT // 2)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "128 connections are open" in record.getMessage()
    assert "256 files" in record.getMessage()


def test_it_is_said_again_after_a_quiet_time(caplog: pytest.LogCaptureFixture) -> None:
    limit = FileLimit()
    with limited() as files:
        fill(files, 0)
        for connections in (LIMIT, 1, LIMIT):
            limit.check(connections)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(("connections", "left"), [(LIMIT // 2, 20), (1, 0)])
def test_room_that_is_left_is_no_warning(
    connections: int, left: int, caplog: pytest.LogCaptureFixture
) -> None:
    with limited() as files:
        fill(files, left)
        FileLimit().check(connections)
    assert caplog.records == []

"""The front end's handle on its guardian; see `guardian_main` for what that is for."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

from mms_server.workers.process import watch_exit
from mms_server.workers.runtime import MARK

logger = logging.getLogger("mms_server.workers")

_PROGRAM = Path(__file__).with_name("guardian_main.py")


class Guardian:
    """A small process that outlives the front end by a moment. Loop thread only.

    One that dies is replaced and told everything again.
    """

    def __init__(self, mark: str, temporary: Path) -> None:
        self._mark = mark
        self._temporary = temporary
        self._groups: set[int] = set()
        self._is_closing = False
        self._start()

    def add(self, group: int) -> None:
        """Have a process group killed when the front end ends."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Set it to work and wait until it has finished: nothing is left afterwards."""
        self._is_closing = True
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def _start(self) -> None:
        # -I -S: neither the environment nor site-packages; it starts fast and stays small.
        self._child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", str(_PROGRAM), f"{MARK}={self._mark}", self._temporary],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={},
        )
        watch_exit(self._child).add_done_callback(self._restart)
        for group in self._groups:
            self._tell(f"+{group}\n")

    def _restart(self, ended: asyncio.Future[int]) -> None:
        if not self._is_closing and not ended.cancelled():
            logger.warning("The guardian process ended (%s); starting another.", ended.result())
            assert self._child.stdin is not None
            self._child.stdin.close()
            self._start()

    def _tell(self, line: str) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(line.encode())
        except BrokenPipeError:
            return  # it has died: its successor is told everything

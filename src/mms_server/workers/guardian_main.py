"""The guardian's program: ends what a front end leaves behind, however that front end ended.

Run as a file by a bare interpreter, so standard library only. The kernel kills a worker when its
front end dies, but not what the worker's handler had started: a child of a stopped worker, say,
hears of nothing. The guardian is told of every worker's process group, waits for the end of its
standard input, which only the front end holds open, and then kills those groups, every process
that carries the front end's mark in its environment (Linux), and the temporary folder.
"""

import os
import shutil
import signal
import sys
import time

_PASSES = 20
"""A process that forks while it is being looked for is found by a later pass."""
_PAUSE_S = 0.02
"""Longer than an execve takes (not measured)."""


def kill_groups(groups: set[int]) -> None:
    """Kill process groups; those that are gone are no error."""
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def find_marked(mark: bytes) -> list[int]:
    """Find the processes that were started with this entry in their environment."""
    found = []
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return found


def kill_marked(mark: bytes) -> None:
    """Kill the marked processes, until two passes in a row find none.

    One is not enough: a process has no environment to read while it executes a program.
    """
    is_clean = False
    for _ in range(_PASSES):
        pids = find_marked(mark)
        if not pids and is_clean:
            return
        is_clean = not pids
        if is_clean:
            time.sleep(_PAUSE_S)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue


def main() -> None:
    """Keep the list of groups until standard input ends; then clean up."""
    mark, folder = sys.argv[1].encode(), sys.argv[2]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    kill_groups(groups)
    kill_marked(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

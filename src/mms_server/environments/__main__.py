"""The helper process: `python -m mms_server.environments`, started by `preparation`.

Reads an Order from standard input and writes Events to standard output. It leads a process group
of its own, which holds the installer and all that this starts; the front end kills the group when
it has had enough, and the helper itself does when the front end is gone.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from mms_server.environments import interpreters, requirements, store
from mms_server.environments.exchange import (
    Event,
    Failed,
    Installing,
    Order,
    Progress,
    Ready,
    Waiting,
)
from mms_server.environments.installer import Installation, choose, disk_full
from mms_server.errors import ModelEnvironmentError


def main() -> None:
    """Serve one order."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    threading.Thread(target=_watch, name="parent-watch", daemon=True).start()
    os.nice(10)
    try:
        _prepare(order)
    except ModelEnvironmentError as error:
        _send(Failed(error.message))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        _send(Failed(str(disk_full(Path(order.root)) if full else f"Cannot install: {error}.")))


def _prepare(order: Order) -> None:
    interpreter = interpreters.find(order.python, os.environ)
    if order.requirements is None:
        _send(Ready(interpreter.executable, None))
        return
    wanted = requirements.read(Path(order.model_folder), order.requirements)
    tool = choose(order.installer, os.environ)
    root = Path(order.root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / wanted.digest(interpreter, (tool.name,), order.arguments)
    store.hold(folder)  # until this process ends
    installation = Installation(
        folder, interpreter, wanted, tool, order.arguments, os.environ, _report
    )
    _make(installation, order)
    store.touch(folder)
    _send(Ready(str(store.python_of(folder)), str(folder)))
    while True:
        signal.pause()  # until the front end holds the environment itself, and ends this process


def _make(installation: Installation, order: Order) -> None:
    folder = installation.folder
    with store.building(folder, may_wait=False) as is_ours:
        if is_ours:
            _make_alone(installation, order)
            return
    _send(Waiting())
    with store.building(folder):
        _make_alone(installation, order)


def _make_alone(installation: Installation, order: Order) -> None:
    folder = installation.folder
    if store.is_complete(folder):
        return
    _send(Installing(str(folder)))
    try:
        store.begin(folder)
        installation.run()
        store.complete(folder)
    except BaseException:
        store.clear(folder)
        raise
    for removed in store.trim(folder.parent, order.max_bytes):
        _report(f"Removed the environment {removed.name}, which was not in use.")


def _watch() -> None:
    """End with the front end: only it holds the other end of standard input."""
    # Not sys.stdin: a thread that waits in its buffer could not be ended with the interpreter.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _report(text: str) -> None:
    _send(Progress(text))


def _send(event: Event) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

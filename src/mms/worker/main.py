"""Start of a worker process: take what the front end handed over at exec, then serve.

Run by the server in a private folder that holds only `mms`, which is therefore first on the path;
the rest of the runtime is imported before the model's folder goes on it.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import resource
import signal
import socket
import sys

import mms
from mms import allocation
from mms.worker import lifetime
from mms.worker.channel import Channel
from mms.worker.loop import WorkerLoop, map_page
from mms.worker.outbox import Outbox
from mms.worker.template import Template

_OPTIONS = ("link", "page", "lifetime", "parent", "nofile", "template")
"""Three descriptors, the front end's pid, a limit, and whether workers are to be forked from it."""


def main() -> None:
    """Run a worker, or with `--template 1` a process that workers are forked from."""
    link_fd, page_fd, lifetime_fd, parent_pid, nofile, is_template = _read_options(sys.argv[1:])
    if getattr(mms, "DISTRIBUTION", None) != "mms-server":
        sys.exit(
            f"The package mms at {mms.__file__} is not this server's. PyPI's multi-model-server "
            "and model-archiver install one of the same name: pip uninstall them."
        )
    allocation.keep_freed_memory()
    lifetime.die_with_parent(parent_pid)
    lifetime.keep_private([link_fd, page_fd, lifetime_fd])
    _restore_limits(nofile)
    _restore_signals()
    faulthandler.enable()
    # As Multi Model Server does: what a handler logs is seen, at the level INFO and above.
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    link = socket.socket(fileno=link_fd)
    if is_template:
        os.close(page_fd)  # it executes nothing, and its workers have pages of their own
        Template(link, lifetime_fd).run()
    else:
        lifetime.watch(lifetime_fd)
        page = map_page(page_fd)
        WorkerLoop().run(Channel(link, Outbox(page)), page)


def _read_options(argv: list[str]) -> list[int]:
    """Read `--name number` for all of `_OPTIONS`, in that order.

    Not by argparse, whose import takes a tenth of a worker's start.
    """
    if argv[::2] != [f"--{name}" for name in _OPTIONS]:
        sys.exit("python -m mms.worker is for the server to start: see multi-model-server --help.")
    return [int(number) for number in argv[1::2]]


def _restore_limits(nofile: int) -> None:
    """Give the handler the limit that the server was started with, before it raised its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, hard))


def _restore_signals() -> None:
    """Let the programs of a handler be interrupted, however the server was started.

    What ignores a signal hands that down at exec (POSIX.1-2017, exec); nohup does so with SIGHUP,
    and a shell without job control with SIGINT for what it puts in the background (ibid., Shell
    Command Language, 2.11).
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

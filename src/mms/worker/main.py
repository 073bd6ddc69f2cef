"""Start of a worker process: take what the front end handed over at exec, then serve.

Run by the server in a private folder that holds only `mms`, which is therefore first on the path;
the rest of the runtime is imported before the model's folder goes on it.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import resource
import socket
import sys
from typing import Any

import mms
from mms import allocation
from mms.worker import lifetime
from mms.worker.channel import Channel
from mms.worker.loop import WorkerLoop, map_page
from mms.worker.outbox import Outbox
from mms.worker.template import Template


def main() -> None:
    """Run a worker, or with `--template` a process that workers are forked from."""
    options = _parse(sys.argv[1:])
    if getattr(mms, "DISTRIBUTION", None) != "mms-server":
        sys.exit(
            f"The package mms at {mms.__file__} is not this server's. PyPI's multi-model-server "
            "and model-archiver install one of the same name: pip uninstall them."
        )
    allocation.keep_freed_memory()
    lifetime.die_with_parent(options.parent)
    lifetime.keep_private([options.link, options.page, options.lifetime])
    _restore_limits(options.nofile)
    faulthandler.enable()
    # As Multi Model Server does: what a handler logs is seen, at the level INFO and above.
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    link = socket.socket(fileno=options.link)
    if options.template:
        os.close(options.page)  # it executes nothing, and its workers have pages of their own
        Template(link, options.lifetime).run()
    else:
        lifetime.watch(options.lifetime)
        page = map_page(options.page)
        WorkerLoop().run(Channel(link, Outbox(page)), page)


def _parse(argv: list[str]) -> Any:
    parser = argparse.ArgumentParser(prog="mms.worker", description="Internal: see mms_server.")
    for name in ("link", "page", "lifetime", "parent", "nofile"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--template", action="store_true")
    return parser.parse_args(argv)


def _restore_limits(nofile: int) -> None:
    """Give the handler the limit that the server was started with, before it raised its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, hard))

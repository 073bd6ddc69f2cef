"""`mms`: the command of this project, with its sub-commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mms.version import __version__
from mms_server.cli import bench, check, demo, new, serve, zoo
from mms_server.errors import MMSError

_COMMANDS = {
    "serve": serve.run,
    "new": new.run,
    "check": check.run,
    "bench": bench.run,
    "zoo": zoo.run,
    "demo": demo.run,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="mms",
        description="A model server for trained neural networks.",
        epilog="Start and stop it in the background with multi-model-server; "
        "pack models with model-archiver.",
    )
    parser.add_argument("--version", action="version", version=f"mms-server {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    serve.add_parser(subparsers)
    new.add_parser(subparsers)
    check.add_parser(subparsers)
    bench.add_parser(subparsers)
    zoo.add_parser(subparsers)
    demo.add_parser(subparsers)
    arguments = parser.parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except MMSError as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

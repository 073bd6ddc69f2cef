"""`mms new`: a handler project to begin with."""

from __future__ import annotations

import argparse
from pathlib import Path

from mms_server.projects.generation import PACKAGES, generate


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "new",
        help="begin a handler of your own, with a test",
        description="Write a folder with a handler, an example request and a test that passes.",
        epilog="example: mms new my_model --engine onnx",
    )
    parser.add_argument("name", help="the model's name, and the folder's")
    parser.add_argument(
        "--engine",
        choices=sorted(PACKAGES),
        default="python",
        help="what runs it (default: python)",
    )
    parser.add_argument(
        "--export-path", metavar="DIR", type=Path, default=Path(), help="where to (default: .)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the project; returns the exit status. Raises MMSError."""
    project = generate(arguments.name, arguments.engine, arguments.export_path)
    print(f"{project}: see its README.md")
    return 0

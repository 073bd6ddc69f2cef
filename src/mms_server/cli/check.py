"""`mms check`: try a model out before it is served."""

from __future__ import annotations

import argparse
import logging
import mimetypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mms_server.archive.extraction import extract
from mms_server.archive.layout import lift_model, model_folder
from mms_server.archive.manifest import find_requirements, read_manifest
from mms_server.checking.contract import Finding, check
from mms_server.checking.environment import Wish, check_within
from mms_server.checking.probe import Body, Form, Request
from mms_server.config.loading import Options, load
from mms_server.config.schema import SETTINGS, Settings
from mms_server.environments.policy import Policy
from mms_server.errors import BadRequestError
from mms_server.server import archive_limits, environment_of_workers, environment_policy
from mms_server.workers.devices import Devices, count_gpus
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
    parser.add_argument(
        "--mms-config",
        metavar="FILE",
        type=Path,
        help="the server's configuration: whether requirements are installed, which Pythons a "
        "model may name, what its worker gets (default: ./config.properties)",
    )
    parser.add_argument(
        "--allow-environment",
        action="store_true",
        help="allow this model both: install its requirements, run the Python that it names",
    )


def run(arguments: argparse.Namespace) -> int:
    """Check a model; returns the exit status. Raises MMSError."""
    examples: list[Request] = [_read(path, arguments.content_type) for path in arguments.input]
    if arguments.field:
        examples.append(Form(dict(map(_read_field, arguments.field))))
    options = Options(config_file=arguments.mms_config)
    settings = load(options, os.environ, Path.cwd()).settings
    bad = 0
    with tempfile.TemporaryDirectory(prefix="mms-check-") as folder, _shown_progress():
        spec, wish = _open(arguments, settings, Path(folder))
        policy = _policy(arguments, settings, wish)
        gpu_id = Devices(count_gpus(settings.number_of_gpu)).next_gpu()

        def trial(spec: WorkerSpec) -> Iterator[Finding]:
            return check(spec, examples, arguments.batch_size, arguments.timeout, gpu_id)

        for finding in check_within(spec, wish, policy, trial):
            bad += finding.is_bad
            print(f"{'BAD' if finding.is_bad else 'ok '}  {finding.text}", flush=True)
    print(f"{bad} to mend." if bad else "Nothing is wrong.")
    return 1 if bad else 0


def _open(
    arguments: argparse.Namespace, settings: Settings, workdir: Path
) -> tuple[WorkerSpec, Wish]:
    """Find folder, manifest and handler as the server does. Raises MMSError."""
    path: Path = arguments.model.absolute()
    if not path.exists():
        raise BadRequestError(f"{arguments.model}: no such archive or folder.")
    if path.is_dir():
        folder = model_folder(path)
    else:
        folder = workdir / "model"
        extract(path, folder, archive_limits(settings))
        lift_model(folder)
    manifest = read_manifest(folder)
    named = arguments.handler or manifest.model.handler
    spec = WorkerSpec(
        model_name=manifest.model.model_name or path.stem,
        folder=folder,
        handler=named or settings.default_service_handler or _DEFAULT_HANDLER,
        manifest=manifest.raw,
        batch_size=max(arguments.batch_size, 1),
        decode_input=settings.decode_input_request,
        max_response_bytes=settings.max_response_size,
        handler_is_trusted=not named,
        runtime=manifest.runtime_or(None),
        environment=environment_of_workers(settings, "mms-check"),
    )
    return spec, Wish(manifest.model.python, find_requirements(folder, manifest))


def _policy(arguments: argparse.Namespace, settings: Settings, wish: Wish) -> Policy:
    """Allow what the server's configuration does, or all that this model asks for."""
    policy = environment_policy(settings)
    if not arguments.allow_environment:
        return policy
    try:
        pythons = SETTINGS["model_pythons"].parse(wish.python or "")
    except ValueError as exc:
        raise BadRequestError(
            f"The model asks for the interpreter {wish.python!r}, which no server allows: {exc}."
        ) from exc
    return replace(policy, allow_requirements=True, pythons=pythons)


@contextmanager
def _shown_progress() -> Iterator[None]:
    """Show how an installation goes on standard error; how it ends is a finding."""
    logger = logging.getLogger("mms_server.environments")
    shown = logging.StreamHandler()
    shown.addFilter(lambda record: record.levelno == logging.INFO)
    before = logger.level
    logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(shown)


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

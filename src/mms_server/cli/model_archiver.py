"""The command `model-archiver`: pack a model and its handler into a `.mar` file."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mms_server.archive.manifest import RUNTIMES
from mms_server.archive.packing import PackRequest, pack
from mms_server.errors import MMSError

_LOGGER = logging.getLogger(__name__)

_DESCRIPTION = """\
Pack a model and the code that serves it into <model-name>.mar, a zip file that the
model server loads. Packed is every file below the model path, except __pycache__,
__MACOSX and hidden directories, and files named MANIFEST.json or *.pyc, *.DS_Store,
*.mar. The same files always give the same archive."""

_EPILOG = """\
examples:
  Pack ./resnet, whose service.py has a function handle(data, context):
    model-archiver --model-name resnet --model-path ./resnet --handler service:handle

  Write it to the model store, in place of an older one:
    model-archiver --model-name resnet --model-path ./resnet --handler service:handle \\
        --export-path /srv/models --force

  Use a handler that is installed beside the worker, so that only weights are packed:
    model-archiver --model-name resnet --model-path ./resnet \\
        --handler mms.handlers.onnx_classifier

Then serve it:
    multi-model-server --model-store /srv/models --models resnet.mar

Nothing is printed on success; the exit status is 1 after an error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 1 after an error, which is logged."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s - %(message)s")
    request = PackRequest(
        model_name=arguments.model_name,
        model_path=arguments.model_path,
        handler=arguments.handler,
        runtime=arguments.runtime,
        export_path=arguments.export_path,
        is_forced=arguments.force,
    )
    try:
        output = pack(request)
    except MMSError as error:
        _LOGGER.error("%s", error.message)
        return 1
    _LOGGER.info("Successfully exported model %s to file %s", request.model_name, output)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="model-archiver",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model-name",
        required=True,
        help="name of the model and of the file; letters, digits, '_', '-' and '.', "
        "the first a letter or digit",
    )
    parser.add_argument(
        "--model-path", required=True, type=Path, help="directory with all files of the model"
    )
    parser.add_argument(
        "--handler",
        required=True,
        help="what serves the model: module[:function] or path/to/module.py[:function] below the "
        "model path, or the dotted name of a module that the worker can import",
    )
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="python",
        help="interpreter that runs the handler; 'python' is the one that runs the server "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--export-path",
        type=Path,
        default=Path(),
        help="existing directory to write the archive to (default: the current directory)",
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="overwrite the archive if it exists"
    )
    return parser

"""The command `model-archiver`: pack a model and its handler into an archive."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mms.version import __version__
from mms_server.archive.manifest import RUNTIMES
from mms_server.archive.packing import ARCHIVE_FORMATS, PackRequest, pack
from mms_server.errors import MMSError

_LOGGER = logging.getLogger(__name__)

_DESCRIPTION = """\
Pack a model and the code that serves it into an archive that the model server loads.
Packed is every file below the model path, except __pycache__, __MACOSX and hidden
directories, and files named MANIFEST.json or *.pyc, *.DS_Store, *.mar. The handler
is checked to be there. The same files always give the same archive."""

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

  Record what the handler needs to run:
    model-archiver --model-name resnet --model-path ./resnet --handler service:handle \\
        --python python3.9 --requirements requirements.txt

Then serve it:
    multi-model-server --model-store /srv/models --models resnet.mar

What was found and written goes to standard error if that is a terminal, or with
--verbose; else nothing is printed on success. The exit status is 1 after an error."""

_FORMAT_HELP = """\
default: a zip file, <model-name>.mar; tgz: <model-name>.tar.gz, which platforms like SageMaker
unpack themselves; no-archive: a directory <model-name>. The server loads all three
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 1 after an error, which is logged."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s - %(message)s")
    if arguments.verbose or sys.stderr.isatty():
        logging.getLogger("mms_server").setLevel(logging.INFO)
    request = _request(arguments)
    try:
        output = pack(request)
    except MMSError as error:
        _LOGGER.error("%s", error.message)
        return 1
    except KeyboardInterrupt:
        return 130
    _LOGGER.info("Successfully exported model %s to %s", request.model_name, output)
    return 0


def _request(arguments: argparse.Namespace) -> PackRequest:
    return PackRequest(
        model_name=arguments.model_name,
        model_path=arguments.model_path,
        handler=arguments.handler,
        runtime=arguments.runtime,
        export_path=arguments.export_path,
        archive_format=arguments.archive_format,
        is_forced=arguments.force,
        converts=arguments.convert,
        requirements=arguments.requirements,
        python=arguments.python,
        model_version=arguments.model_version,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="model-archiver",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_input(parser)
    _add_output(parser)
    _add_environment(parser)
    return parser


def _add_input(parser: argparse.ArgumentParser) -> None:
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
        "-c",
        "--convert",
        action="store_true",
        help="write the input's name and shape of the only .onnx file into the packed "
        "signature.json; the model itself is no longer converted to MXNet. Needs onnx",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--export-path",
        type=Path,
        default=Path(),
        help="existing directory to write the archive to (default: the current directory)",
    )
    parser.add_argument(
        "--archive-format", choices=ARCHIVE_FORMATS, default="default", help=_FORMAT_HELP
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="overwrite the archive if it exists"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say what was found and written"
    )
    parser.add_argument("--version", action="version", version=f"mms-server {__version__}")


def _add_environment(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recorded in the manifest")
    group.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="python",
        help="interpreter that runs the handler; 'python' is the one that runs the server "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--python",
        metavar="SPEC",
        help="interpreter that the handler needs, more exactly: python3.X, the path of an "
        "interpreter, or of a virtual environment",
    )
    group.add_argument(
        "--requirements",
        metavar="FILE",
        type=Path,
        help="packages that the handler needs, as for pip; packed as requirements.txt",
    )
    group.add_argument(
        "--model-version", metavar="VERSION", help="version of the model, as describe shows it"
    )


if __name__ == "__main__":
    sys.exit(main())

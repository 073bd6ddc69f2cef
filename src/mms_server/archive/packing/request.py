"""What is asked of `pack`, and what is refused before any file is looked at."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mms_server.archive.manifest import MANIFEST_PATH, ModelEntry, Runtime
from mms_server.errors import BadRequestError, ConflictError

_LOGGER = logging.getLogger(__name__)

REQUIREMENTS = "requirements.txt"

ArchiveFormat = Literal["default", "tgz", "no-archive"]
ARCHIVE_FORMATS: tuple[ArchiveFormat, ...] = get_args(ArchiveFormat)

_SUFFIXES: dict[ArchiveFormat, str] = {"default": ".mar", "tgz": ".tar.gz", "no-archive": ""}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    r"""What to pack: the options of `model-archiver`, under their names.

    Attributes:
        model_name: Of the model and of the output; `[A-Za-z0-9][A-Za-z0-9_\-.]*`.
        handler: `module[:function]` or `module.py[:function]`, relative to `model_path`, or the
            dotted name of a module that the worker can import.
        archive_format: "default" is `<name>.mar`, "tgz" `<name>.tar.gz`, "no-archive" a folder.
        is_forced: Overwrite an output that exists.
        converts: Take `data_name` and `data_shape` of `signature.json` from the ONNX model.
        requirements: A file of packages for pip, packed as `requirements.txt`.
        python: What runs the handler: a path, the folder of a virtual environment or `python3.X`.
        model_version: What `describe` shows as the model's version.
    """

    model_name: str
    model_path: Path
    handler: str
    runtime: Runtime = "python"
    export_path: Path = Path()
    archive_format: ArchiveFormat = "default"
    is_forced: bool = False
    converts: bool = False
    requirements: Path | None = None
    python: str | None = None
    model_version: str | None = None

    @property
    def output(self) -> Path:
        """The file or folder to write."""
        return self.export_path / f"{self.model_name}{_SUFFIXES[self.archive_format]}"

    @property
    def is_in_place(self) -> bool:
        """Whether the output is the model path itself, which only lacks the manifest."""
        return self.output.resolve() == self.model_path.resolve()

    @property
    def entry(self) -> ModelEntry:
        """The manifest's `model`."""
        return ModelEntry(
            self.model_name,
            self.handler,
            version=self.model_version,
            python=self.python,
            requirements=None if self.requirements is None else REQUIREMENTS,
        )


def check(request: PackRequest) -> None:
    """Refuse what cannot be; the order and the texts are those of model-archiver 1.0.

    Raises BadRequestError, and ConflictError if the output exists and may not be replaced.
    """
    if not _NAME.fullmatch(request.model_name):
        raise BadRequestError(
            "Model name contains special characters.\n"
            f"The allowed regular expression filter for model name is: ^{_NAME.pattern}$"
        )
    if not request.export_path.is_dir():
        raise BadRequestError(
            f"Given export-path {request.export_path} is not a directory. "
            "Point to a valid export-path directory."
        )
    if not request.model_path.is_dir():
        raise BadRequestError(
            f"Given model-path {request.model_path} is not a valid directory. "
            "Point to a valid model-path directory."
        )
    _check_environment(request)
    if request.output.exists():
        _check_overwriting(request)


def _check_environment(request: PackRequest) -> None:
    if request.requirements is not None and not request.requirements.is_file():
        raise BadRequestError(f"Given requirements {request.requirements} is not a file.")
    for option, value in (("python", request.python), ("model-version", request.model_version)):
        if value is not None and not (value.strip() and value.isprintable()):
            raise BadRequestError(f"Given {option} {value!r} is empty, or not one line of text.")


def _check_overwriting(request: PackRequest) -> None:
    output = request.output
    if not request.is_forced:
        raise ConflictError(
            f"{output} already exists.\n"
            "Please specify --force/-f option to overwrite the model archive output file.\n"
            "See -h/--help for more details."
        )
    if request.archive_format == "no-archive" and not request.is_in_place:
        _check_replacing(request)
    _LOGGER.warning("Overwriting %s ...", output)


def _check_replacing(request: PackRequest) -> None:
    """A folder is replaced whole, so it must be one that was written here."""
    output = request.output
    is_model = (output / MANIFEST_PATH).is_file()
    if not (is_model or (output.is_dir() and not any(output.iterdir()))):
        raise ConflictError(
            f"{output} is not replaced: it is no model, as it has no {MANIFEST_PATH}."
        )
    if request.model_path.resolve().is_relative_to(output.resolve()):
        raise ConflictError(f"{output} is not replaced: the model path is inside of it.")

"""What is left of `--convert`: `signature.json` is made to agree with the ONNX model.

model-archiver 1.0 turned the model into one of MXNet, which has reached its end of life; here it is
packed as it is. Unlike there, the file in the model path is not changed: only its copy is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mms_server.errors import BadRequestError, MMSError

_LOGGER = logging.getLogger(__name__)

_SIGNATURE = "signature.json"


def convert(files: Mapping[str, Path]) -> dict[str, bytes]:
    """Return what to pack in place of files of the model path, by name. Blocks.

    Needs the package `onnx` where there is a model and a signature. Raises BadRequestError for
    more than one model or a file that cannot be read as what it should be, MMSError without the
    package, OSError.
    """
    names = sorted(name for name in files if name.endswith(".onnx") and "/" not in name)
    if not names:
        return {}
    if len(names) > 1:
        raise BadRequestError(
            "model-archiver expects only one .onnx file in the folder. "
            f"Found {len(names)} files {names} in model-path."
        )
    _LOGGER.warning("%s is packed as it is: models are no longer converted to MXNet.", names[0])
    if _SIGNATURE not in files:
        return {}
    name, shape = _first_input(files[names[0]])
    _LOGGER.info("Input of %s for %s: %s %s", names[0], _SIGNATURE, name, shape)
    return {_SIGNATURE: _with_input(files[_SIGNATURE], name, shape)}


def _first_input(file: Path) -> tuple[str, list[int]]:
    """Read name and shape of the first input that is not a weight; 0 is any size."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MMSError(
            "ONNX package is not installed. Run command: pip install onnx to install it."
        ) from error
    try:
        graph = onnx.load(str(file), load_external_data=False).graph
    except DecodeError as error:
        raise BadRequestError(f"{file} is not an ONNX model: {error}.") from error
    weights = {weight.name for weight in graph.initializer}
    for entry in graph.input:
        if entry.name not in weights:
            sizes = entry.type.tensor_type.shape.dim
            return entry.name, [max(size.dim_value, 0) for size in sizes]
    raise BadRequestError(f"{file} is not an ONNX model that can be served: it has no input.")


def _with_input(file: Path, name: str, shape: list[int]) -> bytes:
    try:
        signature = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequestError(f"{file} is not valid: {error}.") from error
    inputs = signature.get("inputs")
    if not (isinstance(inputs, list) and inputs and isinstance(inputs[0], dict)):
        raise BadRequestError(f"{file} is not valid: it has no inputs.")
    inputs[0].update(data_name=name, data_shape=shape)
    return msgspec.json.format(msgspec.json.encode(signature), indent=2)

"""`MAR-INF/MANIFEST.json` 1.0: what an archive says of itself.

The format is that of Multi Model Server 1.1 (model-archiver 1.0): unknown fields are ignored,
and a folder without a manifest is a model whose name and handler come from elsewhere.
"""

from __future__ import annotations

import codecs
import errno
from pathlib import Path
from typing import Literal, get_args

import msgspec

from mms_server.errors import InvalidModelError

MANIFEST_PATH = "MAR-INF/MANIFEST.json"
MANIFEST_LIMIT_BYTES = 256 * 1024
"""The event loop parses a manifest again when it arrives from the helper; more would stall it."""

Runtime = Literal["python", "python2", "python3"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)


class ModelEntry(msgspec.Struct, frozen=True, rename="camel"):
    """The manifest's `model`; what is absent may be supplied by the request or the configuration.

    `version` is what the model's author calls it; some tools write it as a number.
    """

    model_name: str | None = None
    handler: str | None = None
    description: str | None = None
    version: str | int | float | None = msgspec.field(default=None, name="modelVersion")
    extensions: dict[str, object] = {}


class EngineEntry(msgspec.Struct, frozen=True, rename="camel"):
    """The manifest's `engine`: a remark, since workers run whatever the handler imports."""

    engine_name: str
    engine_version: str | int | float | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What the server reads of a manifest.

    `raw` is the whole parsed JSON, as handlers see it in `context.manifest`; None if there is
    no manifest. `runtime` is None where it is none that there is: the registration must name one.
    """

    runtime: Runtime | None = "python"
    model: ModelEntry = ModelEntry()
    engine: EngineEntry | None = None
    raw: dict[str, object] | None = None


def parse_manifest(raw: dict[str, object]) -> Manifest:
    """Check a manifest that was JSON; a field that is null counts as absent, but for `runtime`.

    Raises InvalidModelError for an engine without a name, a field of another type than 1.0 gives
    it.
    """
    known = {key: _without_nulls(raw[key]) for key in ("runtime", "model", "engine") if key in raw}
    known = {key: value for key, value in known.items() if value is not None}
    if raw.get("runtime", "python") not in RUNTIMES:
        known["runtime"] = None
    engine = known.get("engine")
    if isinstance(engine, dict) and not engine.get("engineName"):
        raise InvalidModelError("engineName is required in <engine>.")
    try:
        manifest = msgspec.convert(known, Manifest)
    except msgspec.ValidationError as error:
        raise InvalidModelError(f"{MANIFEST_PATH} is not valid: {error}.") from error
    return msgspec.structs.replace(manifest, raw=raw)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an unpacked model; without one the manifest is empty. Blocks.

    Raises InvalidModelError if it cannot be read, is not a JSON object, is larger than
    `MANIFEST_LIMIT_BYTES`, or is refused by `parse_manifest`.
    """
    try:
        with (folder / MANIFEST_PATH).open("rb") as file:
            data = file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return Manifest()
        raise _unparsable(error.strerror or str(error)) from error
    if len(data) > MANIFEST_LIMIT_BYTES:
        raise _unparsable(f"it is larger than {MANIFEST_LIMIT_BYTES} bytes")
    return parse_manifest(_decode(data))


def render_manifest(model_name: str, handler: str, runtime: Runtime) -> bytes:
    """Write the manifest of a new archive: JSON indented by two, fields as model-archiver 1.0."""
    document = {
        "runtime": runtime,
        "model": {"modelName": model_name, "handler": handler},
        "modelServerVersion": "1.0",
        "implementationVersion": "1.0",
        "specificationVersion": "1.0",
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _decode(data: bytes) -> dict[str, object]:
    # Notepad writes a byte order mark, and MMS's parser skips it.
    try:
        return msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8), type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unparsable(str(error)) from error


def _unparsable(reason: str) -> InvalidModelError:
    return InvalidModelError(f"Failed to parse MANIFEST.json: {MANIFEST_PATH}: {reason}.")


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items() if item is not None}
    return value


def _as_text(value: object) -> object:
    """Take a number for the text that it is written as, as MMS's parser does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value

"""`MAR-INF/MANIFEST.json` 1.0, or the one of 0.x: what an archive says of itself.

The format is that of Multi Model Server 1.1 (model-archiver 1.0): unknown fields are ignored,
and a folder without a manifest is a model whose name and handler come from elsewhere. Two fields,
`model.python` and `model.requirements`, are this server's own; others ignore them.
"""

from __future__ import annotations

import codecs
import errno
from pathlib import Path
from typing import Literal, get_args

import msgspec

from mms_server.archive.legacy import LEGACY_MANIFEST_PATH, migrate
from mms_server.errors import InvalidModelError

MANIFEST_PATH = "MAR-INF/MANIFEST.json"
MANIFEST_LIMIT_BYTES = 256 * 1024
"""The event loop parses a manifest again when it arrives from the helper; more would stall it."""

DEFAULT_REQUIREMENTS = "requirements.txt"
"""The file of packages that a model asks for when its manifest names none."""

Runtime = Literal["python", "python2", "python3"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)


class ModelEntry(msgspec.Struct, frozen=True, rename="camel"):
    """The manifest's `model`; what is absent may be supplied by the request or the configuration.

    `version` is what the model's author calls it; some tools write it as a number. `python` is the
    interpreter that the model wants: a path, the folder of a virtual environment or `python3.X`.
    `requirements` is the path, inside the archive, of a file of packages for pip.
    """

    model_name: str | None = None
    handler: str | None = None
    description: str | None = None
    version: str | int | float | None = msgspec.field(default=None, name="modelVersion")
    extensions: dict[str, object] = {}
    python: str | None = None
    requirements: str | None = None


class EngineEntry(msgspec.Struct, frozen=True, rename="camel"):
    """The manifest's `engine`: a remark, since workers run whatever the handler imports."""

    engine_name: str
    engine_version: str | int | float | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What the server reads of a manifest.

    `raw` is the whole parsed JSON, as handlers see it in `context.manifest`; None if there is
    no manifest. `is_legacy` says that it is one of 0.x. `runtime` is None where it is none that
    there is: the registration must name one then.
    """

    runtime: Runtime | None = "python"
    model: ModelEntry = ModelEntry()
    engine: EngineEntry | None = None
    raw: dict[str, object] | None = None
    is_legacy: bool = False

    def runtime_or(self, requested: str | None) -> str:
        """Return the runtime that was requested, else the manifest's. Raises InvalidModelError."""
        runtime = requested or self.runtime
        if runtime is None:
            raise InvalidModelError("Runtime is not defined or invalid.")
        return runtime


def parse_manifest(raw: dict[str, object], *, is_legacy: bool = False) -> Manifest:
    """Check a manifest that was JSON; a field that is null counts as absent, but for `runtime`.

    Raises InvalidModelError for an engine without a name, a field of another type than 1.0 gives
    it, and for one of 0.x that names no service.
    """
    whole = migrate(raw) if is_legacy else raw
    known = {key: _without_nulls(whole.get(key)) for key in ("runtime", "model", "engine")}
    known = {key: value for key, value in known.items() if value is not None}
    if whole.get("runtime", "python") not in RUNTIMES:
        known["runtime"] = None
    model, engine = known.get("model"), known.get("engine")
    if isinstance(model, dict) and type(model.get("modelName")) in (int, float):
        model["modelName"] = str(model["modelName"])  # as MMS's parser reads a number
    if isinstance(engine, dict) and not engine.get("engineName"):
        raise InvalidModelError("engineName is required in <engine>.")
    try:
        manifest = msgspec.convert(known, Manifest)
    except msgspec.ValidationError as error:
        raise InvalidModelError(f"{MANIFEST_PATH} is not valid: {error}.") from error
    return msgspec.structs.replace(manifest, raw=raw, is_legacy=is_legacy)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an unpacked model; without one the manifest is empty. Blocks.

    That of 0.x counts only where there is no other. Raises InvalidModelError if it cannot be
    read, is not a JSON object, is larger than `MANIFEST_LIMIT_BYTES`, or is refused by
    `parse_manifest`.
    """
    for path in (MANIFEST_PATH, LEGACY_MANIFEST_PATH):
        data = _read(folder, path)
        if data is not None:
            return parse_manifest(_decode(data, path), is_legacy=path == LEGACY_MANIFEST_PATH)
    return Manifest()


def find_requirements(folder: Path, manifest: Manifest) -> str | None:
    """Name the file of packages that an unpacked model asks for, if it asks for any. Blocks."""
    if manifest.model.requirements is not None:
        return manifest.model.requirements
    return DEFAULT_REQUIREMENTS if (folder / DEFAULT_REQUIREMENTS).is_file() else None


def render_manifest(model: ModelEntry, runtime: Runtime) -> bytes:
    """Write the manifest of a new archive: JSON indented by two, fields as model-archiver 1.0.

    What the model's entry leaves at its default is not written.
    """
    document = {
        "runtime": runtime,
        "model": _without_defaults(model),
        "modelServerVersion": "1.0",
        "implementationVersion": "1.0",
        "specificationVersion": "1.0",
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _read(folder: Path, path: str) -> bytes | None:
    try:
        with (folder / path).open("rb") as file:
            data = file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise _unparsable(path, error.strerror or str(error)) from error
    if len(data) > MANIFEST_LIMIT_BYTES:
        raise _unparsable(path, f"it is larger than {MANIFEST_LIMIT_BYTES} bytes")
    return data


def _decode(data: bytes, path: str) -> dict[str, object]:
    # Notepad writes a byte order mark, and MMS's parser skips it.
    try:
        return msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8), type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unparsable(path, str(error)) from error


def _unparsable(path: str, reason: str) -> InvalidModelError:
    return InvalidModelError(f"Failed to parse MANIFEST.json: {path}: {reason}.")


def _without_defaults(model: ModelEntry) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(model)
    return {name: value for name, value in fields.items() if value not in (None, {})}


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None}
    return value

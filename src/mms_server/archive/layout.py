"""Where in a folder the model is: at its root, or one folder below.

`tgz` archives of model-archiver hold everything below `<name>/`, archives of Multi Model Server 0.x
may, and so does what people make by zipping a folder. Blocks.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from mms_server.archive.legacy import LEGACY_MANIFEST_PATH
from mms_server.archive.manifest import MANIFEST_PATH

_BESIDE = ("__MACOSX",)  # what macOS adds to its archives; hidden entries do not count either


def model_folder(folder: Path) -> Path:
    """Find the model in a folder of the store: one of 0.x may be one folder below."""
    return _only_folder_with(folder, (LEGACY_MANIFEST_PATH,)) or folder


def lift_model(folder: Path) -> None:
    """Move a model that was unpacked one folder below up to the root; what was beside it goes."""
    inner = _only_folder_with(folder, (MANIFEST_PATH, LEGACY_MANIFEST_PATH))
    if inner is None:
        return
    # Set apart first: what is in it may have its name.
    apart = inner.rename(folder / f".{secrets.token_hex(8)}")
    for other in folder.iterdir():
        if other != apart:
            _remove(other)
    for item in apart.iterdir():
        item.rename(folder / item.name)
    apart.rmdir()


def _only_folder_with(folder: Path, manifests: tuple[str, ...]) -> Path | None:
    if any((folder / path).is_file() for path in (MANIFEST_PATH, LEGACY_MANIFEST_PATH)):
        return None
    entries = [path for path in folder.iterdir() if _counts(path)]
    if len(entries) != 1 or not any((entries[0] / path).is_file() for path in manifests):
        return None
    return entries[0]


def _counts(path: Path) -> bool:
    return path.name not in _BESIDE and not path.name.startswith(".")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()

"""From an entry of the catalogue to a `.mar` file."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from mms_server.archive.packing import PackRequest, pack
from mms_server.zoo.cache import cache_folder, write_atomically
from mms_server.zoo.catalogue import Entry, find

_DIGEST_LETTERS = 16


def build(name: str, destination: Path) -> Path:
    """Put `<name>.mar` into a folder, made if need be; returns its path.

    Blocks; may use the network. An archive that the same code has built before is copied from the
    cache. Raises BadRequestError for an unknown name, DownloadModelError, and MMSError when
    packages to build with are missing or a file cannot be written.
    """
    entry = find(name)
    kept = cache_folder() / "archives" / _digest_of_package() / f"{name}.mar"
    if not kept.is_file():
        write_atomically(kept, _build(entry))
    target = destination / kept.name
    write_atomically(target, kept.read_bytes())
    return target


def _build(entry: Entry) -> bytes:
    print(f"Building {entry.name}.mar ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="mms-zoo-") as folder:
        model = Path(folder) / "model"
        model.mkdir()
        for name, content in entry.files().items():
            (model / name).write_bytes(content)
        request = PackRequest(
            model_name=entry.name,
            model_path=model,
            handler=entry.handler,
            export_path=Path(folder),
        )
        return pack(request).read_bytes()


def _digest_of_package() -> str:
    """Name what archives are made by, so that a change of it makes them anew."""
    digest = hashlib.sha256()
    _add(digest, resources.files("mms_server.zoo"))
    return digest.hexdigest()[:_DIGEST_LETTERS]


def _add(digest: hashlib._Hash, folder: Traversable) -> None:
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        if item.is_dir() and item.name != "__pycache__":
            _add(digest, item)
        elif item.is_file():
            digest.update(item.name.encode() + b"\0" + item.read_bytes())

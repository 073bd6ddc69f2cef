"""From an entry of the catalogue to a `.mar` file."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from mms.version import __version__
from mms_server.archive.packing import PackRequest, pack
from mms_server.zoo.catalogue import Entry, find
from mms_server.zoo.wheels import cache_folder


def build(name: str, destination: Path) -> Path:
    """Put the archive of a model into a folder; returns its path. Blocks, may use the network.

    Raises BadRequestError for an unknown name, DownloadModelError, and MMSError when packages to
    build with are missing. An archive that was built before is copied from the cache.
    """
    entry = find(name)
    kept = cache_folder() / "archives" / __version__ / f"{name}.mar"
    if not kept.is_file():
        _build(entry, kept)
    destination.mkdir(parents=True, exist_ok=True)
    target = destination / kept.name
    with tempfile.NamedTemporaryFile(dir=destination, delete=False) as file:
        file.write(kept.read_bytes())
    Path(file.name).replace(target)
    target.chmod(0o644)
    return target


def _build(entry: Entry, kept: Path) -> None:
    print(f"Building {entry.name}.mar ...", file=sys.stderr, flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        model = Path(folder) / "model"
        model.mkdir()
        for name, content in entry.files().items():
            (model / name).write_bytes(content)
        packed = pack(PackRequest(entry.name, model, entry.handler, export_path=Path(folder)))
        shutil.move(packed, kept)

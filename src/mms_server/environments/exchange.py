"""What the front end and its helper say to each other: a JSON line there, JSON lines back."""

from __future__ import annotations

import msgspec


class Order(msgspec.Struct, frozen=True):
    """One environment to be found or made.

    `python` is an interpreter, a command to look up, or the folder of an environment, and has been
    permitted. `requirements` is a file in `model_folder`; without one the interpreter is only
    checked. All programs get the helper's own environment variables.
    """

    python: str
    requirements: str | None
    model_folder: str
    root: str
    installer: str
    arguments: tuple[str, ...]
    max_bytes: int


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """Somebody else makes the same environment just now."""


class Installing(msgspec.Struct, frozen=True, tag=True):
    """The work begins, in this folder; the time for it runs from here."""

    folder: str


class Progress(msgspec.Struct, frozen=True, tag=True):
    """A line for the log and for whoever asks how far it is."""

    text: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Done. `folder` is what must be held while `python` is in use; None if nothing was made.

    The helper holds it, too, until it is ended.
    """

    python: str
    folder: str | None


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Not done, and nothing is left of it."""

    message: str


Event = Waiting | Installing | Progress | Ready | Failed

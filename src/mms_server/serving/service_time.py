"""How long a batch takes, as measured by the workers."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 1 / 8
"""Of the newest sample. A step in service time is 93 % known after 20 batches."""


class ServiceTime:
    """A moving average of the time that one batch keeps a worker busy, in seconds.

    None until the first batch is done.
    """

    __slots__ = ("batch_s",)

    def __init__(self) -> None:
        self.batch_s: float | None = None

    def add(self, busy_s: float) -> None:
        """Take the measurement of one batch."""
        known = self.batch_s
        self.batch_s = busy_s if known is None else known + (busy_s - known) * _WEIGHT

"""How many jobs may run a second time after a batch killed its worker."""

from __future__ import annotations

SHARE = 0.1
"""Of a model's recent requests."""
_FLOOR = 10
_CEILING = 1000


class RetryBudget:
    """A bucket that each accepted request fills by a tenth and each retry empties by one.

    It begins with one batch's worth, so that the first poisonous request of a quiet model does
    not take others with it, and holds at most a thousand, so that an hour of peace does not pay
    for a storm. After gRPC's retry throttling (grpc/proposal A6).
    """

    __slots__ = ("_credit",)

    def __init__(self, batch_size: int) -> None:
        self._credit = float(max(_FLOOR, batch_size))

    def earn(self) -> None:
        """Note an accepted request."""
        if self._credit < _CEILING:
            self._credit += SHARE

    def spend(self) -> bool:
        """Ask for one retry."""
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

"""The books of one model version, which balance at every instant.

- received = refused + accepted
- accepted = answered + abandoned + pending
"""

from __future__ import annotations


class Accounting:
    """Counts of requests since the model was registered.

    `pending` is not kept here: it is counted from the queue and the workers' batches, so that the
    second equation can be wrong, and a test can find it wrong. `expired`, `retried` and
    `requeued` say more about jobs that the equations already count.
    """

    __slots__ = (
        "abandoned",
        "accepted",
        "answered",
        "expired",
        "received",
        "refused",
        "requeued",
        "retried",
    )

    def __init__(self) -> None:
        self.received = 0
        self.refused = 0
        self.accepted = 0
        self.answered = 0
        self.abandoned = 0
        self.expired = 0
        self.retried = 0
        self.requeued = 0

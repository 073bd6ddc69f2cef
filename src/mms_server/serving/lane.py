"""The work that one worker holds, and how much of it may wait there.

A round trip over the link costs more than a quick prediction, so a worker may hold work ahead of
the batch it executes. What waits at one worker cannot go to another, so the slower the model, the
less may wait: 2 ms of measured work, or one batch, or nothing. Nothing either behind a batch that
already takes longer than measured. While another worker is idle, only what is done before that one
would be awake, and only when as many work as there are cores.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol

from mms import wire
from mms_server.serving.batch import Batch
from mms_server.serving.job import Job

CORES: Final = os.cpu_count() or 1
AHEAD_S: Final = 0.002
ONE_AHEAD_S: Final = 0.020
AHEAD_BYTES: Final = 256 * 1024
WAKE_S: Final = 0.00025
"""What it costs to wake one process more than there are cores: two switches, and cold caches. With
64 workers on two cores a handler that does nothing took 200 us of processor time, with two 30."""


class Outlet(Protocol):
    """The way to a worker (`mms_server.workers.link.Link`)."""

    takes_work: bool
    """Whether batches may be sent."""

    def send_batch(self, buffers: Sequence[wire.Buffer]) -> None:
        """Send one batch, encoded."""

    def batch_done(self) -> None:
        """Hear that a batch has had its last result."""


class Backend(Protocol):
    """A worker as the core sees it (`mms_server.workers.worker.Worker`)."""

    load_s: float

    @property
    def link(self) -> Outlet:
        """The way to it, while it is ready."""

    @property
    def label(self) -> str:
        """Its name in logs."""

    @property
    def short_label(self) -> str:
        """Its name in metrics."""

    def withdraw(self, number: int) -> int:
        """Take back the batches up to a number; returns that of the last one begun all the same."""

    def read_unsent(self) -> list[wire.Frame]:
        """Read the frames that wait at the worker to be sent, oldest first. Raises WireError."""

    def kill(self) -> None:
        """End the process at once."""


class Lane:
    """One ready worker's batches, oldest first: the head is being executed, the rest waits."""

    __slots__ = ("batches", "done", "head_since", "link", "size_bytes", "worked_s", "worker")

    def __init__(self, worker: Backend) -> None:
        self.worker = worker
        self.link = worker.link
        self.batches: list[Batch] = []
        self.done = 0
        """The number of the last batch that is done."""
        self.size_bytes = 0
        self.head_since = 0.0
        self.worked_s = 0.0
        """How long it took for the batches that are done, without the time between them."""

    @property
    def is_idle(self) -> bool:
        """Whether the worker has nothing to do."""
        return not self.batches

    def has_room(self, batch_s: float | None, now: float) -> bool:
        """Say whether one more batch may wait here, each taking `batch_s` by measurement."""
        if not self.batches:
            return True
        if batch_s is None or batch_s > ONE_AHEAD_S or self.size_bytes >= AHEAD_BYTES:
            return False
        if now - self.head_since > ONE_AHEAD_S:
            return False
        ahead = len(self.batches) - 1
        return ahead < 1 or (ahead + 1) * batch_s <= AHEAD_S

    def ends_soon(self, batch_s: float | None) -> bool:
        """Say whether all that is here would be done within `WAKE_S`."""
        return batch_s is not None and len(self.batches) * batch_s <= WAKE_S

    def add(self, batch: Batch, now: float) -> None:
        """Note a batch as sent."""
        if not self.batches:
            self.head_since = now
        self.batches.append(batch)
        self.size_bytes += batch.size_bytes

    def pop_head(self, now: float) -> None:
        """Note the head as done; the next one is being executed from now."""
        batch = self.batches.pop(0)
        self.done = batch.number
        self.size_bytes -= batch.size_bytes
        self.worked_s += now - self.head_since
        self.head_since = now

    def jobs_ahead(self) -> list[Job]:
        """List the pending jobs that wait here behind the head."""
        ahead = islice(self.batches, 1, None)
        return [job for batch in ahead for job in batch.jobs if not job.is_settled]

    def withdraw_expired(self, now: float) -> list[Job]:
        """Take back the batches next in line of which no job can begin in time any more.

        Returns their jobs, which the worker will not run. Batches that wait behind one that is
        still in time stay: a worker can only be told where to go on.
        """
        first = last = 0
        jobs: list[Job] = []
        for batch in islice(self.batches, 1, None):
            pending = [job for job in batch.jobs if not job.is_settled]
            if any(job.deadline > now for job in pending):
                break
            first, last = first or batch.number, batch.number
            jobs += pending
        # What the worker has begun meanwhile was in time, or comes back as expired.
        if not jobs or self.worker.withdraw(last) >= first:
            return []
        return jobs


def choose_lane(
    lanes: dict[Backend, Lane], batch_s: float | None, now: float, cores: int = CORES
) -> Lane | None:
    """Choose an idle worker's lane, else the least busy one if a batch may wait there.

    The least busy one even while others are idle, when there are enough for all `cores` and what
    waits there is quickly done.
    """
    best = idle = None
    busy = 0
    for lane in lanes.values():
        if not lane.link.takes_work:
            continue
        if not lane.batches:
            idle = lane
            break
        busy += 1
        if best is None or len(lane.batches) < len(best.batches):
            best = lane
    if best is None or (idle is not None and (busy < cores or not best.ends_soon(batch_s))):
        return idle
    return best if best.has_room(batch_s, now) else idle

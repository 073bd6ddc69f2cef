"""The jobs of one model version that no worker has yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from mms_server.serving.job import Job


class JobQueue:
    """First in, first out; a job can also leave from the middle, in constant time.

    Jobs that come back from a dead worker go to the head, in their old order.
    """

    __slots__ = ("_jobs", "size_bytes")

    def __init__(self) -> None:
        self._jobs: OrderedDict[Job, None] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def head(self) -> Job:
        """The oldest job; the queue must not be empty."""
        return next(iter(self._jobs))

    def append(self, job: Job) -> None:
        """Add a job at the end."""
        self._jobs[job] = None
        self.size_bytes += job.size_bytes

    def push_back(self, jobs: Iterable[Job]) -> None:
        """Put jobs before all others, in the order given."""
        for job in reversed(list(jobs)):
            self.append(job)
            self._jobs.move_to_end(job, last=False)

    def pop(self) -> Job:
        """Take the oldest job; the queue must not be empty."""
        job, _ = self._jobs.popitem(last=False)
        self.size_bytes -= job.size_bytes
        return job

    def discard(self, job: Job) -> bool:
        """Take out a job wherever it stands; says whether it was there."""
        if job in self._jobs:
            del self._jobs[job]
            self.size_bytes -= job.size_bytes
            return True
        return False

    def pop_expired(self, now: float) -> list[Job]:
        """Take out every job whose deadline has passed, oldest first."""
        expired = [job for job in self._jobs if job.deadline <= now]
        for job in expired:
            self.discard(job)
        return expired

    def next_deadline(self) -> float | None:
        """Find the earliest deadline."""
        return min((job.deadline for job in self._jobs), default=None)

    def pop_all(self) -> list[Job]:
        """Take out every job."""
        jobs = list(self._jobs)
        self._jobs.clear()
        self.size_bytes = 0
        return jobs

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mms_server.serving.job import Job
from mms_server.serving.queue import JobQueue
from support.jobs import job_head
from support.simulation import RecordedSink

DEADLINES = st.floats(0, 100)


def job(deadline: float = 0.0, size_bytes: int = 1) -> Job:
    made = Job(b"", job_head(size_bytes), [], RecordedSink())
    made.deadline = deadline
    return made


class QueueMachine(RuleBasedStateMachine):
    """Compared with a list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = JobQueue()
        self.model: list[Job] = []
        self.taken: list[Job] = []

    @rule(deadline=DEADLINES, size_bytes=st.integers(0, 99))
    def append(self, deadline: float, size_bytes: int) -> None:
        new = job(deadline, size_bytes)
        self.queue.append(new)
        self.model.append(new)

    @rule()
    def pop(self) -> None:
        if self.model:
            self.taken.append(self.queue.pop())
            assert self.taken[-1] is self.model.pop(0)

    @rule(count=st.integers(0, 3))
    def push_back(self, count: int) -> None:
        back, self.taken = self.taken[:count], self.taken[count:]
        self.queue.push_back(back)
        self.model = back + self.model

    @rule(at=st.integers(0, 9))
    def discard(self, at: int) -> None:
        if at < len(self.model):
            gone = self.model.pop(at)
            assert self.queue.discard(gone)
            assert not self.queue.discard(gone)

    @rule(now=DEADLINES)
    def pop_expired(self, now: float) -> None:
        assert self.queue.pop_expired(now) == [j for j in self.model if j.deadline <= now]
        self.model = [j for j in self.model if j.deadline > now]

    @rule()
    def pop_all(self) -> None:
        assert self.queue.pop_all() == self.model
        self.model = []

    @invariant()
    def is_like_the_list(self) -> None:
        assert len(self.queue) == len(self.model)
        assert self.queue.size_bytes == sum(j.size_bytes for j in self.model)
        assert self.queue.next_deadline() == min((j.deadline for j in self.model), default=None)
        if self.model:
            assert self.queue.head is self.model[0]


TestQueue = QueueMachine.TestCase

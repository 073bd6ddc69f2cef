"""A dispatcher in a world whose clock and workers the test moves by hand; no process, no wait."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

from mms import wire
from mms_server.errors import MMSError
from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.job import Job
from mms_server.serving.lane import Backend
from mms_server.serving.policy import Policy
from mms_server.workers.frame_reader import FrameReader
from support.jobs import make_job
from support.sinks import Answer


class Clock:
    """The part of an event loop that the core uses; time moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        loop = cast(asyncio.AbstractEventLoop, self)
        handle = asyncio.TimerHandle(when, callback, args, loop)
        heapq.heappush(self._timers, (when, next(self._order), handle, lambda: callback(*args)))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args)

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Called by the handle; it is skipped when its time comes."""

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due happen at its time."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, handle, run = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not handle.cancelled():
                run()
        self.now = end


class RecordedSink:
    """Keeps what a job was told; a second word is an error."""

    def __init__(self) -> None:
        self.said: Answer | MMSError | None = None
        self.then: Callable[[], None] | None = None

    def answer(self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]) -> None:
        self._hear(Answer(status, phrase, fields, body))

    def fail(self, error: MMSError) -> None:
        self._hear(error)

    def _hear(self, said: Answer | MMSError) -> None:
        assert self.said is None, "answered twice"
        self.said = said
        if self.then is not None:
            self.then()


class Sent:
    """A batch as a worker has received it."""

    def __init__(self, frame: wire.Frame) -> None:
        self.number = frame.batch
        body = bytearray(b"".join(frame.body))
        self.jobs = wire.decode_predict(frame.position, frame.meta, body)
        self.ids = [int(job.request_id) for job in self.jobs]


class StandIn:
    """A worker that does what it is told: the process behind it is the test."""

    def __init__(self, world: World, label: str) -> None:
        self.label = label
        self.takes_work = True
        self.link = self
        self.waiting: deque[Sent] = deque()
        self.executing: Sent | None = None
        self.begun = self.withdrawn = 0
        self.killed = False
        self._world = world
        self._reader = FrameReader()
        self._outbox: list[bytes] = []

    # What the dispatcher sees of it.

    def send_batch(self, buffers: Sequence[wire.Buffer]) -> None:
        assert self.takes_work
        for frame in self._reader.feed(b"".join(buffers)):
            self._world.note_sent(self, Sent(frame))

    def batch_done(self) -> None:
        self._world.batches_done += 1

    def kill(self) -> None:
        self.takes_work = False
        self.killed = True

    def withdraw(self, number: int) -> int:
        self.withdrawn = number
        return self.begun

    def read_unsent(self) -> list[wire.Frame]:
        return [frame for data in self._outbox for frame in FrameReader().feed(data)]

    # What the test does with it.

    @property
    def is_idle(self) -> bool:
        return self.executing is None and not self.waiting and not self._outbox

    def begin(self) -> None:
        """Begin the next batch, or answer it as expired if it was withdrawn."""
        sent = self.waiting.popleft()
        self.begun = sent.number
        if sent.number <= self.withdrawn:
            self._reply(sent, wire.EXPIRED, 0.0)
            return
        self.executing = sent
        for job_id in sent.ids:
            self._world.note_begun(job_id, len(sent.ids))

    def finish(self, busy_s: float = 0.001, outcome: int = wire.ANSWERED) -> None:
        """End the batch that is being executed; its results are to be sent, or on their way."""
        assert self.executing is not None
        self._reply(self.executing, outcome, busy_s)
        self.executing = None

    def _reply(self, sent: Sent, outcome: int, busy_s: float) -> None:
        last = len(sent.ids) - 1
        for at in range(last + 1):
            body = b"text" if outcome else b"%d" % sent.ids[at]
            head = wire.encode_result_head(
                sent.number, at, outcome, 200, b"", b"", int(busy_s * 1e6), at == last, len(body)
            )
            self._outbox.append(head + body)

    def deliver(self, frames: int | None = None) -> None:
        """Hand over what it has sent, or only the first frames of it."""
        outbox, self._outbox = self._outbox, []
        for data in outbox[:frames]:
            for frame in FrameReader().feed(data):
                self._world.dispatcher.worker_result(cast(Backend, self), frame)
        if frames is not None:
            self._outbox = outbox[frames:]

    def work(self, busy_s: float = 0.001) -> None:
        """Execute one batch from begin to answer, in that time."""
        if self.executing is None:
            self.begin()
        self._world.clock.advance(busy_s)
        if self.executing is not None:
            self.finish(busy_s)
        self.deliver()

    def die(self, *, sends: bool = True) -> None:
        """End; what it had answered arrives first, or is found where it was to be sent from."""
        self.takes_work = False
        if sends:
            self.deliver()
        self._world.workers.remove(self)
        self._world.dispatcher.worker_gone(cast(Backend, self), self.begun)


class World:
    """A dispatcher, its clock, its workers and its clients."""

    def __init__(self, policy: Policy | None = None, *, workers: int = 0) -> None:
        self.clock = Clock()
        self.policy = policy or Policy()
        self.has_workers = True
        self.workers: list[StandIn] = []
        self.jobs: list[Job] = []
        self.sinks: list[RecordedSink] = []
        self.sent: list[tuple[float, Sent]] = []
        self.begun: dict[int, list[int]] = {}
        """By job: the sizes of the batches in which it was begun."""
        self.begun_at: dict[int, float] = {}
        self.batches_done = 0
        self.on_sent: Callable[[StandIn, Sent], None] | None = None
        asyncio._set_running_loop(cast(asyncio.AbstractEventLoop, self.clock))
        try:
            self.dispatcher = Dispatcher("m", self.policy, lambda: self.has_workers)
        finally:
            asyncio._set_running_loop(None)
        for _ in range(workers):
            self.add_worker()

    def add_worker(self) -> StandIn:
        worker = StandIn(self, f"W-{len(self.workers)}-m")
        self.workers.append(worker)
        self.dispatcher.worker_ready(cast(Backend, worker))
        return worker

    def submit(
        self, timeout_s: float | None = None, size_bytes: int = 1, sink: RecordedSink | None = None
    ) -> int:
        """Send one request; returns its number."""
        number = len(self.jobs)
        self.sinks.append(sink or RecordedSink())
        job = make_job(b"%d" % number, [b"x" * size_bytes], self.sinks[-1])
        self.jobs.append(job)
        self.dispatcher.submit(job, timeout_s)
        return number

    def said(self, number: int) -> Answer | MMSError | None:
        return self.sinks[number].said

    def answered(self, number: int) -> bool:
        """Whether the job has its own answer."""
        said = self.said(number)
        return isinstance(said, Answer) and b"".join(said.body) == b"%d" % number

    def note_sent(self, worker: StandIn, sent: Sent) -> None:
        worker.waiting.append(sent)
        self.sent.append((self.clock.now, sent))
        if self.on_sent is not None:
            self.on_sent(worker, sent)

    def note_begun(self, job_id: int, batch_jobs: int) -> None:
        self.begun.setdefault(job_id, []).append(batch_jobs)
        self.begun_at.setdefault(job_id, self.clock.now)

    def check_books(self) -> None:
        """Assert that both equations hold now."""
        books = self.dispatcher.accounting
        assert books.received == len(self.jobs)
        assert books.received == books.refused + books.accepted
        pending = self.dispatcher.count_pending()
        assert books.accepted == books.answered + books.abandoned + pending
        assert pending == sum(not job.is_settled for job in self.jobs)
        assert books.answered + books.refused == sum(sink.said is not None for sink in self.sinks)

"""Brings jobs and workers of one model version together.

Event-driven, without a task, thread or poll: a job's arrival, a batch's end, a worker's coming or
going and its timers are all that moves it, and each decides everything it can at once in `_pump`.

A job is in exactly one place: the queue, or a batch in a worker's lane, until it is settled:

    submit -> refused
           -> queue -> lane -> answered
                ^        |  -> failed: its worker died executing it, or took too long
                +--------+     (a batch not begun, or a member of a batch that gets another try)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mms import wire
from mms_server.errors import BadRequestError, MMSError, WorkerError
from mms_server.metrics.lines import encode_name
from mms_server.metrics.metrics_log import MetricsLog
from mms_server.serving.accounting import Accounting
from mms_server.serving.admission import Admission
from mms_server.serving.alarm import Alarm
from mms_server.serving.batch import Batch
from mms_server.serving.head_watch import HeadWatch
from mms_server.serving.job import HandlerError, Job
from mms_server.serving.lane import Backend, Lane, choose_lane
from mms_server.serving.policy import Policy
from mms_server.serving.queue import JobQueue
from mms_server.serving.retries import RetryBudget
from mms_server.serving.service_time import ServiceTime, TurnTime

logger = logging.getLogger("mms_server.serving")

_EXPIRY_PAUSE_S = 0.01
"""Jobs that expire within this time are looked for together: a scan costs the queue's length."""


class Dispatcher:
    """Queue, batches and lanes of one model version. Loop thread only.

    `has_workers` tells whether there is, or soon will be, any worker; jobs wait for one that is
    being restarted, but not for one that nobody asked for.
    """

    def __init__(
        self,
        model_name: str,
        policy: Policy,
        has_workers: Callable[[], bool],
        metrics: MetricsLog | None = None,
    ) -> None:
        self.accounting = Accounting()
        self.service_time = ServiceTime()
        self._turn_time = TurnTime(self.service_time)
        self.on_wait: Callable[[], None] | None = None
        """Called whenever a job has to wait for a worker, or is refused for want of one."""
        self._model_name = encode_name(model_name)
        self._metrics = metrics
        self._policy = policy
        self._batch_size = policy.batch_size
        self._admission = Admission(model_name, policy)
        self._has_workers = has_workers
        self._time = asyncio.get_running_loop().time
        self._queue = JobQueue()
        self._lanes: dict[Backend, Lane] = {}
        self._last_number = 0
        self._retries = RetryBudget(policy.batch_size)
        self._sent_jobs = 0
        self._worked_before_s = 0.0
        self._timeout_s = policy.startup_timeout_s
        self._closed_by: MMSError | None = None
        self._expiry = Alarm(self._on_expiry)
        self._batch_due = Alarm(self._on_batch_due)
        self._head_watch = HeadWatch(
            self._lanes, policy.response_timeout_s, self._fetch_answers, self._lapse
        )

    # What the books and the operator see.

    def count_pending(self) -> int:
        """Count, job by job, what is accepted and not settled."""
        sent = (job for lane in self._lanes.values() for b in lane.batches for job in b.jobs)
        return len(self._queue) + sum(not job.is_settled for job in sent)

    @property
    def queued_jobs(self) -> int:
        """How many jobs wait to begin: in the queue, or sent ahead to a busy worker."""
        lanes = self._lanes.values()
        executing = sum(len(lane.batches[0].jobs) for lane in lanes if lane.batches)
        return len(self._queue) + self._sent_jobs - executing

    @property
    def waiting_batches(self) -> int:
        """How many batches the queue would fill."""
        return -(-len(self._queue) // self._batch_size)

    def oldest_wait_s(self, now: float) -> float:
        """How long the oldest job in the queue has waited; 0 where a worker could take it."""
        idle = any(lane.is_idle and lane.link.takes_work for lane in self._lanes.values())
        return 0.0 if idle or not self._queue else now - self._queue.head.arrived

    def worked_s(self, now: float) -> float:
        """For how long workers have worked, all of them together, since the model is served."""
        lanes = self._lanes.values()
        executing = sum(now - lane.head_since for lane in lanes if lane.batches)
        return self._worked_before_s + sum(lane.worked_s for lane in lanes) + executing

    # From outside: the dialects.

    def submit(self, job: Job, timeout_s: float | None = None) -> None:
        """Take a job, or refuse it; its sink hears of it, perhaps within this call.

        `timeout_s` is the job's own queue timeout, in place of the model's.
        """
        accounting = self.accounting
        accounting.received += 1
        job.arrived = now = self._time()
        if timeout_s is None:
            timeout_s = self._timeout_s
        job.deadline = now + timeout_s
        if self._batch_size == 1 and not self._queue and self._closed_by is None:
            lane = choose_lane(self._lanes, self.service_time.batch_s, now)
            if lane is not None:  # it begins within milliseconds: there is no wait to predict
                accounting.accepted += 1
                self._send(lane, [job], now)
                return
        refusal = self._refuse(timeout_s)
        if refusal is not None:
            accounting.refused += 1
            job.is_settled = True
            self._fail_sink(job, refusal)
            if self.on_wait is not None:
                self.on_wait()
            return
        accounting.accepted += 1
        self._retries.earn()
        self._queue.append(job)
        self._pump(now)
        if self._queue:
            self._expiry.set(job.deadline)
            if self.on_wait is not None:
                self.on_wait()

    def abandon(self, job: Job) -> None:
        """Forget a job whose client has gone; one that is being executed runs to its end."""
        if not job.is_settled:
            job.is_settled = True
            self.accounting.abandoned += 1
            self._queue.discard(job)
            job.values = []

    def close(self, reason: MMSError) -> None:
        """Take no more jobs and answer those that have not been sent to a worker."""
        self._closed_by = reason
        for job in self._queue.pop_all():
            self._fail(job, reason)

    # From the other side: the workers (`mms_server.workers.worker.Owner`).

    def worker_ready(self, worker: Backend) -> None:
        """Open a lane."""
        self._timeout_s = self._policy.queue_timeout_s
        self._lanes[worker] = Lane(worker)
        if self._metrics is not None:
            self._metrics.model_loaded(worker.short_label, worker.load_s)
        self._pump(self._time())

    def worker_result(self, worker: Backend, frame: wire.Frame) -> None:
        """Settle one job; after its batch's last one, the lane moves on. Raises WireError."""
        lane = self._lanes.get(worker)
        if lane is None or not lane.batches or lane.batches[0].number != frame.batch:
            if lane is None or frame.batch > lane.done:  # else it was fetched before it came
                logger.error("%s sent a result of a batch that is not its first", worker.label)
            return
        batch = lane.batches[0]
        outcome, status, phrase, fields, busy_us, is_last = wire.decode_result(frame.meta)
        if frame.position >= len(batch.jobs):
            raise wire.WireError(f"a result of job {frame.position} of {len(batch.jobs)}")
        job = batch.jobs[frame.position]
        if not job.is_settled:
            self._settle(job, outcome, status, phrase, fields, frame.body)
        if is_last:
            now = self._time()
            turn_s = now - lane.head_since
            lane.pop_head(now)
            self._sent_jobs -= len(batch.jobs)
            if outcome != wire.EXPIRED:  # which is quick, and says nothing of the model
                self.service_time.add(busy_us * 1e-6)
                self._turn_time.add(turn_s)
            if self._metrics is not None and outcome == wire.ANSWERED:
                ids = [job.request_id for job in batch.jobs]
                self._metrics.batch_done(self._model_name, ids, busy_us)
            lane.link.batch_done()
            if self._queue:
                self._pump(now)

    def worker_metrics(self, worker: Backend, text: str) -> None:
        """Write the metrics that a handler added to the log of this model's metrics."""
        if self._metrics is not None:
            self._metrics.from_worker(worker.label, text)

    def worker_gone(self, worker: Backend, begun: int) -> None:
        """Close a lane: what had begun has failed, what had not goes back to the queue's head."""
        lane = self._lanes.get(worker)
        if lane is None:
            return
        self._fetch_answers(lane)
        del self._lanes[worker]
        self._worked_before_s += lane.worked_s
        back: list[Job] = []
        for batch in lane.batches:
            self._sent_jobs -= len(batch.jobs)
            jobs = [job for job in batch.jobs if not job.is_settled]
            if batch.number > begun:
                self.accounting.requeued += len(jobs)
                back += jobs
            else:
                back += self._bury(batch, jobs)
        if self._closed_by is not None:
            for job in back:
                self._fail(job, self._closed_by)
            return
        self._queue.push_back(back)
        for job in back:
            self._expiry.set(job.deadline)
        self._pump(self._time())

    def _bury(self, batch: Batch, jobs: list[Job]) -> list[Job]:
        """Fail the jobs of a batch that died with its worker; return those that may try again.

        Alone, and only out of a batch of more than one: somebody else's input may have done it.
        """
        survivors = []
        may_retry = self._policy.retry_batches and len(batch.jobs) > 1 and not batch.has_lapsed
        for job in jobs:
            if may_retry and not job.is_retry and self._retries.spend():
                job.is_retry = True
                self.accounting.retried += 1
                survivors.append(job)
            else:
                self._fail(job, WorkerError("Worker died."))
        return survivors

    # Decisions.

    def _refuse(self, timeout_s: float) -> MMSError | None:
        if self._closed_by is not None:
            return self._closed_by
        backlog = len(self._queue) + self._sent_jobs
        if not self._lanes and not self._has_workers():
            return self._admission.no_worker()
        wait_s = self._admission.predict_wait_s(backlog, len(self._lanes), self._turn_time.batch_s)
        return self._admission.refuse(self.queued_jobs, self._queue.size_bytes, wait_s, timeout_s)

    def _pump(self, now: float) -> None:
        """Send as many batches as may go now."""
        while self._queue:
            lane = choose_lane(self._lanes, self.service_time.batch_s, now)
            if lane is None or not self._is_batch_due(now):
                return
            jobs, expired = self._take_batch(now)
            if not expired:
                self._send(lane, jobs, now)
                continue
            self._queue.push_back(jobs)  # without those, the batch may not be due
            for job in expired:
                self._expire(job)

    def _is_batch_due(self, now: float) -> bool:
        """Say whether the head of the queue may go: in a full batch, alone, or after its delay."""
        head = self._queue.head
        if self._batch_size == 1 or head.is_retry or len(self._queue) >= self._batch_size:
            return True
        due = head.arrived + self._policy.max_batch_delay_s
        if now >= due:
            return True
        self._batch_due.set(due)
        return False

    def _on_batch_due(self) -> None:
        # Timers fire up to their resolution early: what was due then is due now.
        self._pump(self._time() + 0.001)

    def _take_batch(self, now: float) -> tuple[list[Job], list[Job]]:
        """Take the jobs of the next batch, and those between them that are too late for it."""
        jobs: list[Job] = []
        expired: list[Job] = []
        while self._queue and len(jobs) < self._batch_size:
            if jobs and self._queue.head.is_retry:
                break
            job = self._queue.pop()
            if job.deadline <= now:
                expired.append(job)
                continue
            jobs.append(job)
            if job.is_retry:
                break
        return jobs, expired

    def _send(self, lane: Lane, jobs: list[Job], now: float) -> None:
        self._last_number += 1
        batch = Batch(self._last_number, jobs)
        lane.add(batch, now)
        self._sent_jobs += len(jobs)
        lane.link.send_batch(batch.encode(now))
        if len(lane.batches) > 1:
            self._expiry.set(batch.deadline)
        self._head_watch.begin(lane)

    # Endings.

    def _settle(
        self,
        job: Job,
        outcome: int,
        status: int,
        phrase: bytes,
        fields: bytes,
        body: list[wire.Buffer],
    ) -> None:
        if outcome == wire.ANSWERED:
            job.is_settled = True
            self.accounting.answered += 1
            try:
                job.sink.answer(status, phrase, fields, body)
            except Exception:  # as in `_fail_sink`
                logger.exception("An answer could not be delivered")
        elif outcome == wire.EXPIRED:
            self._expire(job)
        else:
            text = b"".join(body).decode("utf-8", "replace")
            refused = outcome == wire.REFUSED
            self._fail(job, BadRequestError(text) if refused else HandlerError(status, text))

    def _expire(self, job: Job) -> None:
        self.accounting.expired += 1
        self._fail(job, self._admission.expired(self._time() - job.arrived))

    def _fail(self, job: Job, error: MMSError) -> None:
        if not job.is_settled:
            job.is_settled = True
            self.accounting.answered += 1
            self._fail_sink(job, error)

    def _fail_sink(self, job: Job, error: MMSError) -> None:
        try:
            job.sink.fail(error)
        except Exception:  # a defect in one dialect must not take others' work with it
            logger.exception("An error could not be delivered")

    # The two clocks: one is an alarm that is set again when it rings, the other the head watch's.

    def _on_expiry(self) -> None:
        now = self._time()
        expired = self._queue.pop_expired(now)
        for lane in self._lanes.values():
            expired += lane.withdraw_expired(now)
        following = [job.deadline for lane in self._lanes.values() for job in lane.jobs_ahead()]
        in_queue = self._queue.next_deadline()
        if in_queue is not None:
            following.append(in_queue)
        following = [deadline for deadline in following if deadline > now]
        if following:
            self._expiry.set(max(min(following), now + _EXPIRY_PAUSE_S))
        for job in expired:
            self._expire(job)

    def _fetch_answers(self, lane: Lane) -> None:
        """Settle what the worker has answered and not sent; what of it is on its way stays so."""
        try:
            for frame in lane.worker.read_unsent():
                if lane.batches and lane.batches[0].number == frame.batch:
                    self.worker_result(lane.worker, frame)
        except wire.WireError as exc:
            logger.error("%s The answers that it has not sent: %s", lane.worker.label, exc)

    def _lapse(self, lane: Lane) -> None:
        """Give up on a worker that does not answer: fail its head now, and end the process."""
        batch = lane.batches[0]
        batch.has_lapsed = True
        logger.error(
            "%s Backend worker error: no answer within response_timeout, %g s; killed.",
            lane.worker.label,
            self._policy.response_timeout_s,
        )
        lane.worker.kill()
        for job in batch.jobs:
            self._fail(job, WorkerError("Worker died."))

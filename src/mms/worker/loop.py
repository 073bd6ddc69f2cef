"""The worker's loop: a frame in, the handler called, its answers out."""

from __future__ import annotations

import functools
import logging
import mmap
import os
import sys
import time
import traceback
from typing import Any, Final

import mms
from mms import wire
from mms.context import Context, RequestProcessor
from mms.metrics.metric import LINE_PREFIX
from mms.worker import loader
from mms.worker.channel import Buffer, Channel, Message
from mms.worker.inputs import InputError, build_headers, build_input
from mms.worker.outputs import (
    DEFAULT_HEAD,
    Failure,
    OutputError,
    check_outputs,
    encode_output,
    failure_of,
    response_head,
)

logger = logging.getLogger(__name__)

HTTP_OK: Final = 200

_LARGE_BYTES: Final = 64 * 1024


class Reply:
    """What one job is answered; the body is bytes ready to send."""

    __slots__ = ("body", "fields", "outcome", "phrase", "status")

    def __init__(
        self, outcome: int, status: int, phrase: bytes, fields: bytes, body: bytes | memoryview
    ) -> None:
        self.outcome = outcome
        self.status = status
        self.phrase = phrase
        self.fields = fields
        self.body = body


class WorkerLoop:
    """Loads one model, then handles batches in the order in which they come. One thread."""

    def __init__(self) -> None:
        self._entry: loader.Entry | None = None
        self._context: Context | None = None
        self._handler = ""
        self._decodes = True
        self._max_response_bytes = 0

    def hello(self) -> bytes:
        """Encode the first frame of this process."""
        return wire.encode_json(
            wire.HELLO,
            {
                "pid": os.getpid(),
                "python": sys.version.split()[0],
                "version": mms.__version__,
            },
        )

    def run(self, channel: Channel, page: memoryview) -> None:
        """Serve until DRAIN, or until the front end closes the link.

        `page` holds 64-bit words: see `wire.PAGE_BEGUN`.
        """
        try:
            channel.send([self.hello()])
            while True:
                message = channel.receive()
                if message.kind == wire.PREDICT:
                    page[wire.PAGE_BEGUN] = message.batch
                    is_withdrawn = message.batch <= page[wire.PAGE_WITHDRAWN]
                    self._predict(channel, message, is_withdrawn=is_withdrawn)
                elif message.kind == wire.LOAD:
                    loaded = wire.encode_json(wire.LOADED, self.load(message.meta))
                    channel.send([loaded, *self._metrics()])
                elif message.kind == wire.DRAIN:
                    channel.send([wire.encode(wire.BYE)])
                    return
                del message  # its body is not to be there still when the next one comes
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the front end let go of this worker

    def load(self, meta: bytes) -> dict[str, Any]:
        """Load the model that a LOAD names; a forked worker has it already. Returns the LOADED."""
        request = wire.decode_json(meta)
        self._handler = request["handler"]
        self._decodes = request["decode_input"]
        self._max_response_bytes = request["max_response_bytes"]
        context = Context(
            request["model_name"],
            request["model_dir"],
            request["manifest"],
            request["batch_size"],
            request["gpu_id"],
            mms.__version__,
        )
        context.workers = request.get("workers", 1)
        try:
            if self._entry is None:
                os.chdir(request["model_dir"])
                is_trusted = request.get("handler_is_trusted", False)
                target = loader.parse_handler(self._handler, may_be_absolute=is_trusted)
                _extend_path(target, request["model_dir"])
                self._entry = loader.load(
                    self._handler, request["model_dir"], may_be_absolute=is_trusted
                )
                self._entry.initialize(context)
                self._context = context
            elif self._context is not None:
                self._context.system_properties.update(context.system_properties)
        except (Exception, SystemExit) as exc:
            logger.exception("Load of model %s failed", request["model_name"])
            return {"error": _describe(exc, self._handler)}
        return {"error": None}

    def _predict(self, channel: Channel, message: Message, *, is_withdrawn: bool) -> None:
        started = time.perf_counter()
        count = message.position
        is_large = len(message.body) >= _LARGE_BYTES
        replies: list[Reply | None] = [None] * count
        runnable: list[int] = []
        inputs: list[dict[str, Any]] = []
        jobs = wire.decode_predict(count, message.meta, message.body)
        waited_ms = (started - message.received_at) * 1000
        message.body = bytearray()  # where it was divided, the jobs have copies
        for position, job in enumerate(jobs):
            if is_withdrawn or waited_ms > job.remaining_ms:
                replies[position] = Reply(wire.EXPIRED, 503, b"", b"", b"")
                continue
            try:
                inputs.append(build_input(job.parameters, decode=self._decodes))
                runnable.append(position)
            except InputError as exc:
                replies[position] = Reply(wire.REFUSED, 400, b"", b"", str(exc).encode())
        if runnable:
            answers = self._handle([jobs[position] for position in runnable], inputs)
            for position, answer in zip(runnable, answers):
                replies[position] = answer
        busy_s = time.perf_counter() - started
        self._send(channel, message.batch, replies, busy_s)
        if is_large:
            for job in jobs:
                job.let_go()  # the context refers to it until the next batch

    def _handle(self, jobs: list[wire.JobMessage], inputs: list[dict[str, Any]]) -> list[Reply]:
        """Call the handler on one batch, answer each of its jobs."""
        context = self._context
        assert context is not None  # LOADED comes before PREDICT
        assert self._entry is not None
        processors = [RequestProcessor(functools.partial(_headers_of, job)) for job in jobs]
        context.begin_batch({i: job.request_id for i, job in enumerate(jobs)}, processors)
        try:
            outputs = self._entry.handle(inputs, context)
            if type(outputs) is not list or len(outputs) != len(
                jobs
            ):  # what is wrong is said there
                outputs = check_outputs(outputs, len(jobs))
        except OutputError as exc:
            logger.error("Handler %s: %s", self._handler, exc)
            reply = _failed(exc.code, exc.message)
            return [reply] * len(jobs)
        except Exception as failure:
            ids = ", ".join(job.request_id for job in jobs)
            logger.exception("Handler %s failed on request %s", self._handler, ids)
            return [_answer_failure(failure_of(failure))] * len(jobs)
        return [self._answer(processors[i], outputs[i]) for i in range(len(jobs))]

    def _answer(self, processor: RequestProcessor, output: object) -> Reply:
        try:
            # What most handlers do is seen here, which is compiled; what sees to the rest is not.
            head = DEFAULT_HEAD if processor.is_untouched else response_head(processor)
            body = output if type(output) is bytes else encode_output(output)
        except OutputError as exc:
            logger.error("Handler %s: %s", self._handler, exc)
            return _failed(exc.code, exc.message)
        except Exception as raised:  # by an output that is looked at
            logger.exception("Handler %s returned what cannot be encoded", self._handler)
            failure = failure_of(raised)
            return _failed(failure.code, failure.message)
        if len(body) > self._max_response_bytes:
            logger.error("Handler %s: a response of %d bytes", self._handler, len(body))
            return _failed(
                500,
                f"The response of {len(body)} bytes exceeds max_response_size, "
                f"{self._max_response_bytes} bytes.",
            )
        if head is DEFAULT_HEAD:
            return Reply(wire.ANSWERED, HTTP_OK, b"", b"", body)
        if not head.headers:
            return Reply(wire.ANSWERED, head.status, head.phrase.encode("latin-1"), b"", body)
        fields = wire.join_fields(
            [text.encode("latin-1") for header in head.headers for text in header]
        )
        return Reply(wire.ANSWERED, head.status, head.phrase.encode("latin-1"), fields, body)

    def _send(
        self, channel: Channel, batch: int, replies: list[Reply | None], busy_s: float
    ) -> None:
        last = len(replies) - 1
        busy_us = min(int(busy_s * 1e6), 0xFFFFFFFF)
        frames: list[Buffer] = []
        for position, reply in enumerate(replies):
            assert reply is not None
            head = wire.encode_result_head(
                batch,
                position,
                reply.outcome,
                reply.status,
                reply.phrase,
                reply.fields,
                busy_us,
                position == last,
                len(reply.body),
            )
            frames.append(head)
            frames.append(reply.body)
        frames += self._metrics()
        channel.answer(frames, busy_s)

    def forget_metrics(self) -> None:
        """Drop what the load has measured: a worker that was forked has it, and sends it."""
        if self._context is not None:
            self._context.metrics = None

    def _metrics(self) -> list[Buffer]:
        """Encode what the handler has measured since the last time, if anything."""
        store = self._context.used_metrics if self._context is not None else None
        if store is None or not store.store:
            return []
        lines = "\n".join(f"{LINE_PREFIX}{metric}" for metric in store.store)
        return [wire.encode(wire.METRICS, lines.encode("utf-8", "replace"))]


def map_page(fd: int) -> memoryview:
    """Map the page shared with the front end, as 64-bit words; the descriptor is used up."""
    page = mmap.mmap(fd, wire.PAGE_BYTES)
    os.close(fd)
    return memoryview(page).cast("Q")


def _extend_path(target: loader.Target, model_dir: str) -> None:
    """Put the model's folder on the path; the private folder that holds `mms` stays first."""
    runtime_dir, *others = sys.path
    inherited = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    rest = [part for part in others if part not in inherited]
    sys.path[:] = loader.search_path(target, model_dir, runtime_dir, inherited, rest)


def _headers_of(job: wire.JobMessage) -> dict[str, Any]:
    return build_headers(job.parameters, wire.split_fields(job.fields))


def _failed(status: int, message: str) -> Reply:
    return Reply(wire.FAILED, status, b"", b"", message.encode("utf-8", "replace"))


def _answer_failure(failure: Failure) -> Reply:
    """Answer an exception; with the code 200 it counts as an answer, as in Multi Model Server."""
    if failure.code == HTTP_OK:
        return Reply(wire.ANSWERED, HTTP_OK, b"", b"", b"error")
    return _failed(failure.code, failure.message)


def _describe(exc: BaseException, handler: str) -> dict[str, str]:
    """Tell the front end why a load failed: an error's kind and text, and its traceback."""
    is_memory = isinstance(exc, MemoryError)
    text = str(exc) or type(exc).__name__
    if isinstance(exc, SystemExit):
        text = f"the handler called sys.exit({exc.code!r})"
    elif isinstance(exc, ModuleNotFoundError) and exc.name:  # imported where it was needed
        text = f"handler {handler!r}: it imports {loader.describe_missing(exc.name)}"
    elif not isinstance(exc, loader.LoadError):
        text = f"{type(exc).__name__}: {exc}"
    return {
        "kind": "memory" if is_memory else "load",
        "text": text,
        "traceback": "".join(traceback.format_exception(type(exc), exc, exc.__traceback__)),
        "python": sys.executable,
    }

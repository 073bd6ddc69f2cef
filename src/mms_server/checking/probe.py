"""One worker process, asked by hand: the worker's own program, loader and frames, no server."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from mms import wire
from mms_server.errors import MMSError, WorkerError
from mms_server.workers.frame_reader import FrameReader
from mms_server.workers.page import Page
from mms_server.workers.process import describe_exit, kill_group, worker_command
from mms_server.workers.runtime import make_runtime_folder
from mms_server.workers.spec import WorkerSpec

_CHUNK_BYTES = 1024 * 1024
_NO_WORD = "it said nothing"


@dataclass(frozen=True, slots=True)
class Body:
    """A request as `-T` or `-d` sends it: a body and its type, which may be unknown ("")."""

    content: bytes
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A request as `-F` sends it: bodies by the names of the form's fields."""

    fields: Mapping[str, Body]


Request = Body | Form


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client would get; `headers` has lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """How a load went: `error` is "" or what the operator would see, with the traceback."""

    seconds: float
    error: str = ""


class Probe:
    """Starts a worker for a model; used as a context manager, which ends it.

    Every call blocks, for `timeout_s` at most.
    """

    def __init__(self, spec: WorkerSpec, timeout_s: float) -> None:
        self._spec = spec
        self._timeout_s = timeout_s
        self._reader = FrameReader()
        self._frames: list[wire.Frame] = []
        self._batch = 0
        self._seen_bytes = 0

    def __enter__(self) -> Probe:
        """Start the process. Raises WorkerError when it cannot be executed."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mms-check-")))
            self._log = folder / "worker.log"
            page = stack.enter_context(closing(Page.create()))
            self._link, theirs = map(stack.enter_context, socket.socketpair())
            self._link.settimeout(self._timeout_s)
            lifetime, life = os.pipe()
            stack.callback(os.close, life)
            try:
                self._process = self._start(folder, (theirs.fileno(), page.fd, lifetime))
            except OSError as exc:
                raise WorkerError(
                    f"A worker cannot be started with {self._spec.python}: {exc}"
                ) from exc
            finally:
                theirs.close()
                os.close(lifetime)
            stack.callback(self._end)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process and whatever it has started."""
        self._resources.close()

    def _start(self, folder: Path, fds: tuple[int, int, int]) -> subprocess.Popen[bytes]:
        nofile, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        command = worker_command(self._spec.python, fds, nofile)
        with self._log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - the manifest's own interpreter
                command,
                cwd=make_runtime_folder(folder),
                env=self._spec.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
            )

    def _end(self) -> None:
        kill_group(self._process.pid)
        self._process.wait()

    def load(self, gpu_id: int | None = None) -> Loaded:
        """Load the model, on a GPU if one is given.

        Raises WorkerError when the process ends or does not answer.
        """
        started = time.monotonic()
        self._receive(wire.HELLO)
        self._send(wire.encode_json(wire.LOAD, self._spec.load_message(gpu_id)))
        error = wire.decode_json(self._receive(wire.LOADED).meta)["error"]
        text = f"{error['text']}\n{error['traceback']}" if error else ""
        return Loaded(time.monotonic() - started, text)

    def predict(self, requests: Sequence[Request]) -> tuple[list[Reply], float]:
        """Send a batch: what each client would get, and how long the worker was busy, in seconds.

        Raises WorkerError when the process ends or does not answer.
        """
        self._batch += 1
        forms = [each.fields if isinstance(each, Form) else {"body": each} for each in requests]
        jobs = [_encode(b"check-%d" % place, fields) for place, fields in enumerate(forms)]
        content = b"".join(body.content for fields in forms for body in fields.values())
        self._send(wire.encode_predict_head(self._batch, jobs, len(content)) + content)
        replies: dict[int, Reply] = {}
        busy_us = 0
        while len(replies) < len(requests):
            frame = self._receive(wire.RESULT)
            _, status, _, block, busy_us, _ = wire.decode_result(frame.meta)
            headers = {name.lower(): value for name, value in wire.split_fields(block)}
            replies[frame.position] = Reply(status, b"".join(frame.body), headers)
        return [replies[place] for place in range(len(requests))], busy_us / 1e6

    def resident_bytes(self) -> int | None:
        """Read how much memory the worker holds; None where the platform does not tell so."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return None
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else None

    def last_word(self) -> str:
        """Tell the last line that the worker has written since this was last asked."""
        with self._log.open("rb") as log:
            log.seek(self._seen_bytes)
            text = log.read()
        self._seen_bytes += len(text)
        lines = text.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else _NO_WORD

    def _send(self, data: bytes) -> None:
        try:
            self._link.sendall(data)
        except TimeoutError as exc:
            raise self._silence() from exc
        except OSError as exc:
            raise self._death() from exc

    def _receive(self, kind: int) -> wire.Frame:
        """Wait for a frame of a kind; those of other kinds are passed over."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.kind == kind:
                    return frame
            try:
                data = self._link.recv(_CHUNK_BYTES)
            except TimeoutError as exc:
                raise self._silence() from exc
            except ConnectionError as exc:
                raise self._death() from exc
            if not data:
                raise self._death()
            self._frames += self._reader.feed(data)

    def _silence(self) -> MMSError:
        return WorkerError(f"The worker did not answer within {self._timeout_s:g} s.")

    def _death(self) -> MMSError:
        try:
            status = self._process.wait(timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            status = self._process.wait()
        return WorkerError(f"The worker died: {describe_exit(status)}; {self.last_word()}")


def _encode(request_id: bytes, fields: Mapping[str, Body]) -> bytes:
    parameters = [
        wire.encode_parameter(name.encode(), body.content_type.encode("latin-1"), len(body.content))
        for name, body in fields.items()
    ]
    value_bytes = sum(len(body.content) for body in fields.values())
    return wire.JobHead(b"", parameters, value_bytes).encode(request_id, wire.NO_DEADLINE)

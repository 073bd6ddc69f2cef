"""A client that sends exactly the bytes of a step, and sees what becomes of the connection."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from parity.answer import Answer, make_answer
from parity.case import Case, LogLines, Step, Together
from parity.logs import read_log
from parity.places import fill, fill_text

ANSWER_LIMIT_S = 12.0
"""After this time there will be no answer: Multi Model Server sometimes gives none."""
_CONTINUE = 100
_WITHOUT_CONTENT = (204, 304)
_UNTIL_LIMIT_S = 60.0
_END_LIMIT_S = 1.0
_PROBE = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Client:
    """Runs the steps of cases against one server; `places` fills in their placeholders."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def run(self, case: Case) -> list[Answer]:
        """Return every answer of a case; connections are closed at its end."""
        with contextlib.ExitStack() as stack:
            requests = [step for step in case.flat_steps() if isinstance(step, Step)]
            conversation = _Conversation(self._places, stack, requests)
            answers: list[Answer] = []
            for step in case.steps:
                if isinstance(step, Together):
                    with ThreadPoolExecutor(len(step.steps)) as pool:
                        together = list(pool.map(conversation.take, step.steps))
                    if step.by_status:
                        together.sort(key=lambda answer: answer.status)
                    answers.extend(together)
                elif isinstance(step, LogLines):
                    answers.append(read_log(step, self._places))
                else:
                    answers.append(conversation.take(step))
            return answers


class _Conversation:
    """The connections of one case."""

    def __init__(
        self, places: Mapping[str, str], stack: contextlib.ExitStack, steps: list[Step]
    ) -> None:
        self._places = places
        self._stack = stack
        self._named: dict[str, _Connection] = {}
        self._last = {step.connection: step for step in steps}

    def take(self, step: Step) -> Answer:
        deadline = time.monotonic() + _UNTIL_LIMIT_S
        until = fill_text(step.until, self._places)
        answer = self._take_once(step)
        while until not in answer.body and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self._take_once(step)
        return answer

    def _take_once(self, step: Step) -> Answer:
        connection = self._named.get(step.connection) if step.connection else None
        if connection is None:
            connection = _Connection(int(self._places[step.listener]), self._places)
            self._stack.enter_context(connection)
            if step.connection:
                self._named[step.connection] = connection
        is_last = not step.connection or self._last[step.connection] is step
        return connection.exchange(step, is_last=is_last)


class _Connection:
    def __init__(self, port: int, places: Mapping[str, str]) -> None:
        self._places = places
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_LIMIT_S)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def exchange(self, step: Step, *, is_last: bool) -> Answer:
        request = fill(step.request, self._places)
        try:
            # An answer may come, and the connection end, before a large request is sent whole.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(request)
            if step.half_close:
                self._socket.shutdown(socket.SHUT_WR)
            answer = self._read(is_head=request.startswith(b"HEAD "))
        except TimeoutError:
            return Answer(f"no answer in {ANSWER_LIMIT_S:g} s")
        except (ConnectionError, ValueError):
            return Answer("closed without an answer")
        if not is_last:
            return answer
        has_ended = answer.says_close and self._ends_soon()
        return replace(answer, connection="closed" if has_ended else self._probe())

    def _read(self, *, is_head: bool) -> Answer:
        status, reason, headers = self._read_head()
        is_continued = status == _CONTINUE and not headers
        if is_continued:
            status, reason, headers = self._read_head()
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        has_body = not is_head and status not in _WITHOUT_CONTENT
        body = self._file.read(int(length)) if has_body else b""
        answer = make_answer(status, reason, headers, body, self._places)
        return replace(answer, outcome="continued, answered") if is_continued else answer

    def _read_head(self) -> tuple[int, str, list[tuple[str, str]]]:
        version, status, reason = self._line().split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ValueError(version)
        headers: list[tuple[str, str]] = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        return int(status), reason, headers

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        return line[:-2].decode("latin-1")

    def _ends_soon(self) -> bool:
        """Whether the server ends the connection; it may yet answer a probe sent before that."""
        readable, _, _ = select.select([self._socket], [], [], _END_LIMIT_S)
        try:
            return bool(readable) and not self._socket.recv(1, socket.MSG_PEEK)
        except ConnectionResetError:
            return True

    def _probe(self) -> str:
        """Ask once more: whether there is an answer shows whether the connection was kept."""
        try:
            self._socket.sendall(_PROBE)
            line = self._file.readline()
        except TimeoutError:
            return "silent"
        except OSError:
            return "closed"
        if line and not line.startswith(b"HTTP/1."):
            return "kept, out of step"
        return "kept" if line else "closed"

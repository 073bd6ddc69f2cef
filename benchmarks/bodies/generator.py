"""The load generator: a thread for each connection, which sends a body and reads the answer.

A closed loop on blocking sockets, in a process of its own. Whole bodies go to the kernel in one
call and answers come into one buffer, so that little of the machine goes into the generator.
Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import re
import resource
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

_TIMEOUT_S = 120.0
_READ_BYTES = 1024 * 1024
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)


class Traffic(NamedTuple):
    """What is sent and what is asked for; sizes in bytes."""

    in_bytes: int
    out_bytes: int
    """0 asks for a short answer."""


@dataclass(slots=True)
class Seen:
    """What came of one run; `latencies_s` holds each answered request's."""

    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    errors: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)


def run(url: str, traffic: Traffic, connections: int, duration_s: float) -> Seen:
    """Load `url` until the time is up; a request that has begun by then is waited for."""
    seen = Seen()
    began = time.perf_counter()
    threads = [
        threading.Thread(target=_keep_asking, args=(url, traffic, began + duration_s, seen))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.elapsed_s = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seen.cpu_s = usage.ru_utime + usage.ru_stime
    return seen


def _keep_asking(url: str, traffic: Traffic, end: float, seen: Seen) -> None:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/octet-stream\r\nX-Answer-Bytes: {traffic.out_bytes}\r\n"
        f"Content-Length: {traffic.in_bytes}\r\n\r\n"
    ).encode()
    body = b"x" * traffic.in_bytes
    buffer = memoryview(bytearray(_READ_BYTES))
    try:
        with socket.create_connection((parts.hostname, parts.port), _TIMEOUT_S) as sock:
            # Else the small body of a request waits for the acknowledgement of its head: 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (began := time.perf_counter()) < end:
                sock.sendall(head)
                sock.sendall(body)
                _read_answer(sock, buffer, traffic.out_bytes)
                seen.latencies_s.append(time.perf_counter() - began)
    except (OSError, ValueError) as error:
        seen.errors.append(repr(error))


def _read_answer(sock: socket.socket, buffer: memoryview, out_bytes: int) -> None:
    """Read one answer and drop it. Raises ValueError when it is not the one asked for."""
    had = sock.recv_into(buffer)
    head, end, rest = bytes(buffer[:had]).partition(_HEAD_END)
    length = _LENGTH.search(head)
    if not end or length is None or not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"not an answer: {head[:300]!r}")
    if out_bytes and int(length[1]) != out_bytes:
        raise ValueError(f"{int(length[1])} bytes in place of {out_bytes}")
    missing = int(length[1]) - len(rest)
    while missing:
        got = sock.recv_into(buffer, min(missing, len(buffer)))
        if not got:
            raise ValueError(f"the answer ended {missing} bytes early")
        missing -= got


if __name__ == "__main__":
    _url, *_numbers = sys.argv[1:]
    _in, _out, _connections, _duration = map(int, _numbers)
    print(json.dumps(asdict(run(_url, Traffic(_in, _out), _connections, _duration))))

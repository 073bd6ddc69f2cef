"""`python -m benchmarks.bodies.crossing`: ways for a body to get from one process to another.

Over a socket, as this server has it; through shared memory made for each body, whose descriptor is
passed; through shared memory that both keep. The receiver always ends with a bytearray of its own,
which is what a handler is given. Both processes keep freed memory, as this server's do.
"""

from __future__ import annotations

import argparse
import mmap
import os
import socket
import statistics
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from benchmarks import machine, table
from mms import allocation, wire

_KB = 1000
_PER_ROUND_BYTES = 400_000_000
_CPU_S = struct.Struct("d")
_DONE = b"."


class Way(Protocol):
    """How a body crosses; made before the fork, so that both sides have it."""

    def send(self, sock: socket.socket, body: bytearray) -> None:
        """Send one body."""

    def receive(self, sock: socket.socket, size_bytes: int) -> bytearray:
        """Receive one body."""


class Socket:
    """Through the kernel's buffers."""

    def __init__(self, size_bytes: int) -> None:
        pass

    def send(self, sock: socket.socket, body: bytearray) -> None:
        """Copy it into the kernel."""
        sock.sendall(body)

    def receive(self, sock: socket.socket, size_bytes: int) -> bytearray:
        """Copy it out."""
        body = allocation.unfilled(size_bytes)
        with memoryview(body) as view:
            filled = 0
            while filled < size_bytes:
                filled += sock.recv_into(view[filled:])
        return body


class FreshMemory:
    """Through a file in memory that is made for the body (memfd_create(2))."""

    def __init__(self, size_bytes: int) -> None:
        pass

    def send(self, sock: socket.socket, body: bytearray) -> None:
        """Copy it into new pages, and pass the descriptor."""
        fd = os.memfd_create("body")
        os.ftruncate(fd, len(body))
        with mmap.mmap(fd, len(body)) as memory:
            memory[:] = body
        socket.send_fds(sock, [_DONE], [fd])
        os.close(fd)

    def receive(self, sock: socket.socket, size_bytes: int) -> bytearray:
        """Map the pages, and copy it out."""
        _, (fd,), _, _ = socket.recv_fds(sock, 1, 1)
        with mmap.mmap(fd, size_bytes) as memory:
            body = _copy(memory, size_bytes)
        os.close(fd)
        return body


class KeptMemory:
    """Through memory that both have mapped all the time."""

    def __init__(self, size_bytes: int) -> None:
        self._memory = mmap.mmap(-1, size_bytes)

    def send(self, sock: socket.socket, body: bytearray) -> None:
        """Copy it in, and say so."""
        self._memory[:] = body
        sock.sendall(_DONE)

    def receive(self, sock: socket.socket, size_bytes: int) -> bytearray:
        """Copy it out."""
        sock.recv(1)
        return _copy(self._memory, size_bytes)


WAYS: dict[str, type[Socket] | type[FreshMemory] | type[KeptMemory]] = {
    "socket": Socket,
    "memory, fresh": FreshMemory,
    "memory, kept": KeptMemory,
}


class Cost(NamedTuple):
    """What one crossing took: from the first byte to the receiver's word, and of processors."""

    elapsed_s: float
    cpu_s: float


def measure(way: Way, size_bytes: int, count: int) -> Cost:
    """Send bodies to a forked process, one after the other; the mean of all but a first one.

    Raises ValueError when a body came otherwise than it went.
    """
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.SEND_BUFFER_BYTES)
    body = bytearray(os.urandom(1024) * (size_bytes // 1024 + 1))[:size_bytes]
    pid = os.fork()
    if pid == 0:
        _receive_all(way, theirs, size_bytes, count, bytes(body[-1024:]))
    with ours, theirs:
        theirs.close()  # so that the end of the other process is seen
        _send_one(way, ours, body)
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in range(count):
            _send_one(way, ours, body)
        elapsed_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        theirs_s: float = _CPU_S.unpack(ours.recv(_CPU_S.size))[0]
    os.waitpid(pid, 0)
    return Cost(elapsed_s / count, (cpu_s + theirs_s) / count)


def _send_one(way: Way, sock: socket.socket, body: bytearray) -> None:
    way.send(sock, body)
    if sock.recv(1) != _DONE:
        raise ValueError("a body came otherwise than it went")


def _receive_all(way: Way, sock: socket.socket, size_bytes: int, count: int, end: bytes) -> None:
    """Be the other process; does not return."""
    cpu_began = 0.0
    for number in range(count + 1):
        if number == 1:
            cpu_began = time.process_time()
        body = way.receive(sock, size_bytes)
        if len(body) != size_bytes or not body.endswith(end):
            break
        del body
        sock.sendall(_DONE)
    else:
        sock.sendall(_CPU_S.pack(time.process_time() - cpu_began))
    os._exit(0)


def _copy(memory: mmap.mmap, size_bytes: int) -> bytearray:
    body = allocation.unfilled(size_bytes)
    with memoryview(memory) as source, memoryview(body) as target:
        target[:] = source
    return body


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    allocation.keep_freed_memory()
    print(f"{machine.describe()}\n")
    rows: list[list[str]] = []
    for size_kb in options.kilobytes:
        size_bytes = size_kb * _KB
        count = max(2, options.bytes_a_round // size_bytes)
        costs: dict[str, list[Cost]] = {name: [] for name in WAYS}
        for _ in range(options.rounds):
            for name, make in WAYS.items():
                costs[name].append(measure(make(size_bytes), size_bytes, count))
        rows += _rows(size_kb, costs)
    print("\n".join(table.render(["kB", "way", "us", "CPU us", "CPU / socket's"], rows)))
    return 0


def _rows(size_kb: int, costs: dict[str, list[Cost]]) -> Iterator[list[str]]:
    socket_cpu_s = statistics.median(cost.cpu_s for cost in costs["socket"])
    for name, seen in costs.items():
        elapsed_s = statistics.median(cost.elapsed_s for cost in seen)
        cpu_s = statistics.median(cost.cpu_s for cost in seen)
        figures = [f"{elapsed_s * 1e6:,.0f}", f"{cpu_s * 1e6:,.0f}", f"{cpu_s / socket_cpu_s:.2f}"]
        yield [f"{size_kb:,}", name, *figures]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bodies.crossing")
    add = parser.add_argument
    sizes = [16, 64, 256, 1000, 10_000, 100_000]
    add("--kilobytes", nargs="+", type=int, default=sizes, help="sizes (16 to 100,000)")
    add("--rounds", type=int, default=5, help="of all ways (5)")
    add("--bytes-a-round", type=int, default=_PER_ROUND_BYTES, metavar="BYTES")
    return parser


if __name__ == "__main__":
    sys.exit(main())

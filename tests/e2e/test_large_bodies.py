"""Bodies of 1 to 100 MB, in and out: whole, refused, given up; and the memory that they take."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from mms.allocation import KEPT_BYTES
from support.running_server import MakeModel, RunningServer, StartServer, wait_until

MB = 1_000_000
MIB = 2**20
LIMIT_BYTES = 100 * MB
MARGIN_BYTES = 24 * MIB
"""What interpreter, code and small objects may add to a process while it serves."""

HANDLER = '''
"""Answers the digest of a body, the body, or as many bytes as were asked for."""

import hashlib
import os
import time

def handle(data, context):
    return [answer(each["body"], context, index) for index, each in enumerate(data or [])]

def answer(body, context, index):
    what = context.get_request_header(index, "X-Answer")
    if what == "digest":
        return hashlib.sha256(body).hexdigest()
    if what == "echo":
        return body
    if what == "die":
        os._exit(1)
    if what == "wait":
        while not os.path.exists(context.get_request_header(index, "X-File")):
            time.sleep(0.01)
        return "waited"
    return b"y" * int(what)
'''


@pytest.fixture
def server(start: StartServer, make_model: MakeModel) -> RunningServer:
    limits = {"max_request_size": LIMIT_BYTES, "max_response_size": LIMIT_BYTES}
    running = start(models=[make_model("large", HANDLER)], settings=limits)
    running.wait_ready("large")
    return running


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def pss_bytes(pid: int) -> int:
    """Read a process's proportional share of memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def has_at_most(pid: int, bound_bytes: int) -> bool:
    return pss_bytes(pid) < bound_bytes


def reset_peak(pid: int) -> int:
    """Count the peak of a process's memory anew; returns what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_bytes(pid)


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextlib.contextmanager
def sending(
    server: RunningServer, size: int, sent: bytes, **fields: str
) -> Iterator[socket.socket]:
    """Announce a body of that size and send some of it."""
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection(("127.0.0.1", server.inference_port), 60) as sock:
        sock.sendall(
            f"POST /predictions/large HTTP/1.1\r\nHost: h\r\n{head}"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        sock.sendall(sent)
        yield sock


@pytest.mark.parametrize("megabytes", [1, 10, 100])
def test_bodies_come_and_go_unchanged(server: RunningServer, megabytes: int) -> None:
    body = content(megabytes * MB)
    taken = server.predict("large", body, **{"X-Answer": "digest"})
    assert taken.body.decode() == hashlib.sha256(body).hexdigest()
    answered = server.predict("large", b"x", **{"X-Answer": str(len(body))})
    assert answered.body == b"y" * len(body)
    echoed = server.predict("large", body, **{"X-Answer": "echo"})
    assert echoed.body == body


def test_a_body_over_the_limit_is_refused_before_it_is_read(server: RunningServer) -> None:
    with sending(server, LIMIT_BYTES + 1, b"x" * 1000) as sock:
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")

    def chunks() -> Iterator[bytes]:
        for _ in range(LIMIT_BYTES // MB):
            yield b"x" * MB
        yield b"x"

    connection = http.client.HTTPConnection("127.0.0.1", server.inference_port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/predictions/large", chunks(), encode_chunked=True)
        assert connection.getresponse().status == 413
    assert server.counters("large")["received"] == 0


def test_a_client_that_leaves_in_the_middle_frees_the_memory(server: RunningServer) -> None:
    with sending(server, LIMIT_BYTES, b"x" * 10 * MB):
        pass  # a first burst, so that what is kept is there
    before = pss_bytes(server.pid)
    for _ in range(20):
        with sending(server, LIMIT_BYTES, b"x" * 40 * MB):
            pass
    wait_until(
        lambda: pss_bytes(server.pid) < before + KEPT_BYTES + MARGIN_BYTES, "the memory to be free"
    )
    counters = server.counters("large")
    assert (counters["received"], counters["pending"]) == (0, 0)


def test_a_worker_that_dies_with_a_large_body_fails_it_alone(server: RunningServer) -> None:
    body = content(10 * MB)
    assert server.predict("large", body, **{"X-Answer": "die"}).status == 500
    server.wait_ready("large")
    assert server.predict("large", body, **{"X-Answer": "echo"}).body == body
    wait_until(lambda: server.counters("large")["pending"] == 0, "the books to be even")


def test_the_front_end_holds_what_is_in_flight_once(server: RunningServer, tmp_path: Path) -> None:
    """A worker that is busy does not read: what waits for it waits in the front end."""
    body, flag, clients = content(20 * MB), tmp_path / "go", 4
    before = reset_peak(server.pid)
    with ThreadPoolExecutor(clients + 1) as pool:
        first = pool.submit(
            server.predict, "large", b"x", **{"X-Answer": "wait", "X-File": str(flag)}
        )
        wait_until(lambda: server.counters("large").get("accepted") == 1, "the first to be there")
        others = [
            pool.submit(server.predict, "large", body, **{"X-Answer": "echo"})
            for _ in range(clients)
        ]
        wait_until(lambda: server.counters("large")["accepted"] == clients + 1, "all to be there")
        assert peak_bytes(server.pid) - before < clients * len(body) + MARGIN_BYTES
        flag.touch()
        assert first.result().body == b"waited"
        assert all(other.result().body == body for other in others)
    # Each is in the front end on its way in until its answer is, which is as large.
    assert peak_bytes(server.pid) - before < 2 * clients * len(body) + MARGIN_BYTES


def test_a_worker_holds_one_body_at_a_time(server: RunningServer) -> None:
    body = content(LIMIT_BYTES)
    (pid,) = server.worker_pids("large")
    assert server.predict("large", b"x", **{"X-Answer": "echo"}).body == b"x"
    before = reset_peak(pid)
    for what in ("digest", "echo", "echo"):
        assert server.predict("large", body, **{"X-Answer": what}).status == 200
    assert peak_bytes(pid) - before < len(body) + MARGIN_BYTES
    wait_until(lambda: pss_bytes(pid) < before + MARGIN_BYTES, "the last body to be let go")


def test_memory_goes_back_after_many_large_requests(server: RunningServer) -> None:
    assert server.predict("large", b"x", **{"X-Answer": "echo"}).body == b"x"
    (worker,) = server.worker_pids("large")
    before = {pid: pss_bytes(pid) for pid in (server.pid, worker)}
    body = content(30 * MB)
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(server.predict, "large", body, **{"X-Answer": "echo"}) for _ in range(12)
        ]
        assert all(each.result().body == body for each in asked)
    for pid, least in before.items():
        bound = least + KEPT_BYTES + MARGIN_BYTES
        wait_until(partial(has_at_most, pid, bound), "the memory to be given back")

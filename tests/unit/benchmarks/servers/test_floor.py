"""The limits answer as the servers do that are measured beside them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.servers import Server
from benchmarks.servers.limits import BARE, TWO_HOP

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"


@pytest.fixture(params=[BARE, TWO_HOP], ids=["bare", "two-hop"])
def limit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    server = Server(request.param, tmp_path / "limit")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def receive(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (data := client.recv(65536)):
        received += data
    return received


@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_bodies_of_any_size_are_answered_on_one_connection(limit: Server, size: int) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(limit.url).port or 0)) as client:
        for _ in range(3):
            client.sendall(post(bytes(size)))
            assert receive(client, len(ANSWER)) == ANSWER


def test_each_client_gets_its_own_answer(limit: Server) -> None:
    where = ("127.0.0.1", urlsplit(limit.url).port or 0)
    clients = [socket.create_connection(where) for _ in range(20)]
    for client in clients:
        client.sendall(post(b"x" * 5))
    assert [receive(client, len(ANSWER)) for client in clients] == [ANSWER] * 20
    for client in clients:
        client.close()


def test_clients_that_leave_before_their_answer_harm_nobody(limit: Server) -> None:
    where = ("127.0.0.1", urlsplit(limit.url).port or 0)
    for _ in range(200):
        with socket.create_connection(where) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(post(bytes(100_000)))
    with socket.create_connection(where) as client:
        client.sendall(post(b"x"))
        assert receive(client, len(ANSWER)) == ANSWER


def test_the_second_process_is_counted_and_ended(tmp_path: Path) -> None:
    server = Server(TWO_HOP, tmp_path / "limit")
    server.start()
    pids = server.pids()
    assert len(pids) == 2
    server.stop()
    assert server.pids() == []

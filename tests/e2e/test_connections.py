"""More connections than the system allows files."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack

from support.running_server import StartServer, wait_until

FILES = 100


def test_connections_beyond_the_limit_are_reported_and_the_others_go_on(
    start: StartServer, noop: str
) -> None:
    server = start(models=[f"{noop}={noop}"])
    server.wait_ready(noop)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    address = "127.0.0.1", server.inference_port
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_connection(address))
        for _ in range(FILES):
            stack.enter_context(socket.create_connection(address))
        wait_until(lambda: "connections are open, and with them nearly all" in server.log, "a word")
        first.sendall(f"GET /predictions/{noop} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert first.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert server.log.count("connections are open, and with them") == 1

    def is_answered() -> bool:
        try:
            return server.predict(noop).status == 200
        except ConnectionError:
            return False

    wait_until(is_answered, "room again")

"""A web server on loopback whose answers a test writes byte by byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

Answer = Callable[[bytes, socket.socket], None]


class WebServer:
    """Serve one request a connection: `answers` maps a path to what is written to the socket.

    `requests` has each request's head as it came. `released` ends answers that wait for it.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[bytes] = []
        self.released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, body: bytes) -> str:
        """Answer a path with a body; return its URL."""
        self.write(path, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        return self.url(path)

    def redirect(self, path: str, location: str) -> str:
        """Answer a path with a redirect; return its URL."""
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        self.write(path, head.encode())
        return self.url(path)

    def write(self, path: str, data: bytes) -> str:
        """Answer a path with these bytes and close; return its URL."""
        self.answers[path] = lambda _, connection: connection.sendall(data)
        return self.url(path)

    def close(self) -> None:
        self.released.set()
        # close() alone leaves a blocked accept() blocked.
        with ExitStack() as stack:
            stack.enter_context(self._listener)
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._tls is None:
                    self._answer(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                        self._answer(wrapped)
            except OSError:
                return  # the client left, or did not trust us

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := connection.recv(4096)):
                return
            head += data
        self.requests.append(head)
        path = head.split(b" ")[1].decode()
        self.answers[path](head, connection)


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()

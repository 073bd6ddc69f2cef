"""Closed-loop load: many keep-alive connections, every answer counted."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Load:
    """What the clients saw: answers by status, and connections that broke before an answer."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.broken: list[str] = []
        self.is_stopping = threading.Event()


async def _client(load: Load, port: int, path: str) -> None:
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    ).encode()
    reader = writer = None
    while not load.is_stopping.is_set():
        try:
            if writer is None or reader is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower()
            length = int(fields.split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            load.statuses[int(head.split(b" ", 2)[1])] += 1
            if b"connection: close" in fields:
                writer.close()
                writer = None
        except (OSError, asyncio.IncompleteReadError) as exc:
            load.broken.append(repr(exc))
            if writer is not None:
                writer.close()
                writer = None
            await asyncio.sleep(0.01)  # a server that is gone is not asked in a tight loop
    if writer is not None:
        writer.close()


@contextmanager
def running_load(port: int, path: str, connections: int) -> Iterator[Load]:
    """Load a path from this many connections while the block runs."""
    load = Load()

    async def run() -> None:
        await asyncio.gather(*(_client(load, port, path) for _ in range(connections)))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield load
    finally:
        load.is_stopping.set()
        thread.join(timeout=60)
        assert not thread.is_alive(), "a client got no answer"

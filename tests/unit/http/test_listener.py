from __future__ import annotations

import asyncio
import gc
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from mms_server.errors import ConfigError
from mms_server.http.connection import Connection
from mms_server.http.limits import Limits
from mms_server.http.listener import Listener
from support.served import HoldingApplication, serving


def make_listener() -> Listener:
    return Listener(HoldingApplication(), Limits())


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigError, match=f"Failed to bind to address: http://127.0.0.1:{port}"
        ):
            await make_listener().bind_tcp("127.0.0.1", port)


async def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"Failed to bind to address: http://no\.such\.invalid:1"):
        await make_listener().bind_tcp("no.such.invalid", 1)


async def test_no_connection_is_taken_after_the_stop() -> None:
    async with serving() as served:
        served.listener.stop_accepting()
        await served.listener.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", served.port)


async def test_clients_that_come_together_need_not_wait_a_turn_each() -> None:
    async with serving() as served:
        clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(32)]
        turns = 0
        while served.listener.open_connections < len(clients):
            await asyncio.sleep(0)
            turns += 1
            assert turns < 1000
        assert turns <= 8
        for client in clients:
            client.close()


async def test_a_unix_socket_is_this_users_alone_and_goes_with_the_listener(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    listener = make_listener()
    await listener.bind_unix(path)
    assert listener.address == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"/x 0")
    writer.close()
    listener.stop_accepting()
    await listener.wait_closed()
    assert not path.exists()


async def test_a_live_unix_socket_is_left_alone_and_a_dead_one_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = make_listener()
    await first.bind_unix(path)
    with pytest.raises(ConfigError, match="a live server listens there"):
        await make_listener().bind_unix(path)
    first.stop_accepting()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    second = make_listener()
    await second.bind_unix(path)
    second.stop_accepting()


async def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("somebody's")
    with pytest.raises(ConfigError, match="Failed to bind to address: unix:"):
        await make_listener().bind_unix(path)
    assert path.read_text() == "somebody's"


def open_objects() -> int:
    return sum(isinstance(each, Connection) for each in gc.get_objects())


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_closed_connection_leaves_no_reference_cycle(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """So the server collects garbage rarely: see `mms_server.server._calm_garbage_collector`."""

    async def serve_and_close() -> None:
        async with serving() as served:
            for _ in range(5):
                client = await served.connect()
                await client.send(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
                assert (await client.response())[1] == b"/x 0"
            assert open_objects() == 5
            for client in served.clients:
                await client.close()
            await served.until(lambda: open_objects() == 0)

    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve_and_close())
    finally:
        gc.enable()

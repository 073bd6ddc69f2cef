"""Loads of servers that behave and of servers that do not; each request is in the books once."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mms_server.errors import ServiceUnavailableError
from mms_server.load import Arrivals, Generator, Outcome, Phase, Plan, Schedule, make_target
from mms_server.load.tally import Kind
from support.scripted import OK, Treat, answering, read_request, resetting, scripted, silent

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\nall that comes"


def plan(url: str, *phases: Phase, connections: int = 4, timeout_s: float = 10.0) -> Plan:
    schedule = Schedule(phases or (Phase(200, 0.25),), Arrivals.CONSTANT)
    return Plan(make_target(url), schedule, connections, timeout_s)


@pytest.mark.parametrize(
    ("treat", "statuses", "errors"),
    [
        (answering(OK), {200: 50}, {}),
        (answering(REFUSAL), {503: 50}, {}),
        (answering(CLOSING, then_close=True), {200: 50}, {}),
        (answering(UNFRAMED, then_close=True), {200: 50}, {}),
        (answering(b"nonsense\r\n\r\n"), {}, {"bad answer": 50}),
        (answering(OK + OK), {}, {"bad answer": 50}),
        (answering(b"", then_close=True), {}, {"closed": 50}),
        (resetting, {}, {"reset": 50}),
    ],
    ids=["kept", "refused", "close", "unframed", "nonsense", "twice", "closed", "reset"],
)
async def test_every_request_is_accounted_for(
    treat: Treat, statuses: dict[int, int], errors: dict[str, int]
) -> None:
    async with scripted(treat) as server:
        result = await Generator(plan(server.url)).run()
    (tally,) = result.tallies
    assert tally.sent == 50
    assert (dict(tally.statuses), dict(tally.errors)) == (statuses, errors)
    assert tally.lateness.count == 50
    assert not result.is_interrupted


async def test_refusals_are_told_from_answers() -> None:
    async with scripted(answering(REFUSAL)) as server:
        (tally,) = (await Generator(plan(server.url)).run()).tallies
    assert tally.advised == tally.latency[Kind.REFUSED].count == 50
    assert tally.latency[Kind.GOOD].count == tally.good_in_time == 0


async def test_what_is_never_answered_times_out_sent_or_not() -> None:
    async with scripted(silent) as server:
        result = await Generator(plan(server.url, connections=2, timeout_s=0.1)).run()
    (tally,) = result.tallies
    assert tally.sent == tally.errors.total() == 50
    assert set(tally.errors) == {"timeout", "timeout, unsent"}
    assert result.connections.lost == 0, "they were cut here"


async def test_latency_counts_from_the_intended_start() -> None:
    """One connection that is held for a while: what could not be sent meanwhile waited as well."""
    held = asyncio.Event()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await held.wait()
        writer.write(OK)
        await answering(OK)(reader, writer)

    outcomes: list[Outcome] = []
    async with scripted(treat) as server:
        generator = Generator(
            plan(server.url, Phase(100, 0.1), Phase(100, 0.1), connections=1),
            outcomes.append,
            lambda phase: held.set() if phase == 1 else None,
        )
        result = await generator.run()
    first, second = result.tallies
    assert first.waited == 9
    assert (first.good_in_time, first.latency[Kind.GOOD].count) == (0, 10)
    assert second.latency[Kind.GOOD].count == 10
    for number, outcome in enumerate(outcomes[:10]):
        assert outcome.at_s == pytest.approx(number / 100)
        assert outcome.ended_s > 0.1


async def test_phases_have_books_of_their_own() -> None:
    phases = Phase(100, 0.1), Phase(0, 0.05), Phase(200, 0.1)
    seen: list[int] = []
    outcomes: list[Outcome] = []
    async with scripted(answering(OK)) as server:
        generator = Generator(plan(server.url, *phases), outcomes.append, seen.append)
        result = await generator.run()
    assert seen == [0, 1, 2]
    assert [tally.sent for tally in result.tallies] == [10, 0, 20]
    assert [tally.statuses[200] for tally in result.tallies] == [10, 0, 20]
    assert [outcome.phase for outcome in outcomes] == [0] * 10 + [2] * 20
    assert (generator.sent, generator.good, generator.in_flight) == (30, 30, 0)


async def test_stopping_gives_up_what_is_on_its_way() -> None:
    async with scripted(silent) as server:
        generator = Generator(
            plan(server.url, Phase(100, 0.1), Phase(100, 60)),
            on_phase=lambda phase: generator.stop() if phase == 1 else None,
        )
        result = await generator.run()
    assert result.is_interrupted
    assert sum(tally.sent for tally in result.tallies) == generator.sent >= 10
    for tally in result.tallies:
        assert tally.errors.total() == tally.sent
        assert set(tally.errors) <= {"interrupted", "interrupted, unsent"}
    assert result.tallies[1].elapsed_s < 60


async def test_nobody_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(ServiceUnavailableError, match="takes no connection: connection refused"):
        await Generator(plan(url)).run()


async def test_a_name_that_nobody_has_is_said() -> None:
    with pytest.raises(ServiceUnavailableError, match=r"nobody\.invalid"):
        await Generator(plan("http://nobody.invalid/")).run()


async def test_a_host_of_several_addresses_is_loaded_at_the_one_that_answers() -> None:
    async with scripted(answering(OK)) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        (tally,) = (await Generator(plan(url)).run()).tallies
    assert tally.statuses == {200: 50}

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import pytest

from mms_server.workers.output import MAX_LINE_BYTES, OutputReader
from support.workshop import Workshop, until


async def read(*pieces: bytes, on_metric: Callable[[str], None] | None = None) -> OutputReader:
    """Read all of a pipe to its end, as it would come from a worker."""
    ours, theirs = os.pipe()
    reader = await OutputReader.open(os.fdopen(ours, "rb", 0), "W-9000-m", logging.INFO, on_metric)
    with os.fdopen(theirs, "wb", 0) as pipe:
        loop = asyncio.get_running_loop()
        for piece in pieces:
            await loop.run_in_executor(None, pipe.write, piece)
    async with asyncio.timeout(20):
        await reader.ended
    await reader.close(1)
    return reader


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def lines_of(log: pytest.LogCaptureFixture) -> list[str]:
    return [line for record in log.records for line in record.getMessage().split("\n")]


async def test_lines_carry_the_name_of_their_worker(log: pytest.LogCaptureFixture) -> None:
    await read(b"one\ntw", b"o\r\n\n\xff\nno end")
    assert lines_of(log) == [
        "W-9000-m one",
        "W-9000-m two",
        "W-9000-m ",
        "W-9000-m \ufffd",
        "W-9000-m no end",
    ]
    assert {record.name for record in log.records} == {"MODEL_LOG"}


async def test_printed_metrics_go_their_own_way(log: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    await read(b"[METRICS]A.Count:1\n", b"not [METRICS]\n", on_metric=seen.append)
    assert seen == ["[METRICS]A.Count:1"]
    assert lines_of(log) == ["W-9000-m not [METRICS]"]


async def test_the_last_lines_are_kept(log: pytest.LogCaptureFixture) -> None:
    reader = await read(b"".join(b"line %d\n" % n for n in range(100)))
    assert list(reader.tail) == [f"line {n}" for n in range(80, 100)]


async def test_a_line_is_cut_at_its_limit(log: pytest.LogCaptureFixture) -> None:
    await read(b"x" * (MAX_LINE_BYTES + 3) + b"\n")
    assert max(map(len, lines_of(log))) < MAX_LINE_BYTES + 100
    assert "[... 3 bytes cut]" in log.text


async def test_without_a_line_end_memory_is_bounded(log: pytest.LogCaptureFixture) -> None:
    await read(*[b"x" * 60_000] * 30)
    assert all(len(line) < MAX_LINE_BYTES + 100 for line in lines_of(log))
    assert len(lines_of(log)) > 1


async def test_who_prints_too_much_is_cut_off_and_told(log: pytest.LogCaptureFixture) -> None:
    await read(*[(b"y" * 999 + b"\n") * 200] * 100)
    told = [record for record in log.records if "printed too fast" in record.getMessage()]
    lines = [line for line in lines_of(log) if "printed too fast" not in line]
    dropped = [record.args for record in told]
    assert 4000 < len(lines) < 19_000
    counts = [args[1] for args in dropped if isinstance(args, tuple)]
    # A line that was cut in two by the loss counts twice or not at all.
    assert len(lines) + sum(int(str(count)) for count in counts) == pytest.approx(20_000, abs=1000)


async def test_printing_never_blocks_a_worker(
    workshop: Workshop, log: pytest.LogCaptureFixture
) -> None:
    served = workshop.serve(
        "import logging, os, sys\n"
        "def handle(data, context):\n"
        "    for _ in data or []:\n"
        "        os.write(1, b'z' * 8_000_000)\n"
        "        logging.info('from logging')\n"
        "        print('from stderr', file=sys.stderr)\n"
        "    return ['x'] * len(data or [])\n"
    )
    await served.scale(1)
    await served.predict()
    await until(lambda: "from stderr" in log.text, "its last line")
    levels = {r.levelname for r in log.records if "W-9000-m0 from stderr" in r.getMessage()}
    assert levels == {"WARNING"}


async def test_what_a_handler_logs_is_seen(
    workshop: Workshop, log: pytest.LogCaptureFixture
) -> None:
    served = workshop.serve(
        "import logging\n"
        "def handle(data, context):\n"
        "    logging.getLogger('theirs').info('loaded %s', data)\n"
        "    return ['x'] * len(data or [])\n"
    )
    await served.scale(1)
    await until(lambda: "W-9000-m0 loaded None" in log.text, "the handler's line")

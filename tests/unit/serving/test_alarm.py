from __future__ import annotations

import asyncio
from typing import cast

from mms_server.serving.alarm import Alarm
from support.simulation import Clock


def make_alarm() -> tuple[Alarm, Clock, list[float]]:
    clock = Clock()
    rung: list[float] = []
    asyncio._set_running_loop(cast(asyncio.AbstractEventLoop, clock))
    try:
        return Alarm(lambda: rung.append(clock.now)), clock, rung
    finally:
        asyncio._set_running_loop(None)


def test_it_rings_once_at_the_earliest_of_its_times() -> None:
    alarm, clock, rung = make_alarm()
    began = clock.now
    for delay_s in (3.0, 1.0, 2.0):
        alarm.set(began + delay_s)
    clock.advance(5.0)
    assert rung == [began + 1.0]


def test_it_may_be_set_again_when_it_has_rung() -> None:
    alarm, clock, rung = make_alarm()
    began = clock.now
    alarm.set(began + 1.0)
    clock.advance(1.5)
    alarm.set(began + 4.0)
    clock.advance(5.0)
    assert rung == [began + 1.0, began + 4.0]

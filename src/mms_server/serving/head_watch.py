"""Looks at lanes whose first batch takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from mms_server.serving.lane import Backend, Lane

_HELD_S: Final = 0.02
"""A worker sends the answers to quick batches together. When one behind them takes longer than this
they are fetched from it, after twice this at the latest."""


class HeadWatch:
    """Two timers for all lanes of a model version, each re-armed while it has something to see.

    `fetch` is called for a lane whose worker may hold answers back, `lapse` once for a head that
    has not been answered within the response timeout. Loop thread only.
    """

    def __init__(
        self,
        lanes: Mapping[Backend, Lane],
        response_timeout_s: float,
        fetch: Callable[[Lane], None],
        lapse: Callable[[Lane], None],
    ) -> None:
        self._lanes = lanes
        self._response_timeout_s = response_timeout_s
        self._fetch = fetch
        self._lapse = lapse
        self._loop = asyncio.get_running_loop()
        self._fetching: asyncio.TimerHandle | None = None
        self._lapsing: asyncio.TimerHandle | None = None

    def begin(self, lane: Lane) -> None:
        """Watch a lane that has been given a batch."""
        if len(lane.batches) > 1:
            self._look_soon()
        if self._lapsing is None:
            self._lapsing = self._loop.call_later(self._response_timeout_s, self._find_lapsed)

    def _look_soon(self) -> None:
        if self._fetching is None:
            self._fetching = self._loop.call_later(_HELD_S, self._fetch_held)

    def _fetch_held(self) -> None:
        self._fetching = None
        now = self._loop.time()
        lanes = [lane for lane in self._lanes.values() if len(lane.batches) > 1]
        for lane in lanes:
            if now - lane.head_since >= _HELD_S:
                self._fetch(lane)
        if lanes:
            self._look_soon()  # unless what was fetched has led to that

    def _find_lapsed(self) -> None:
        self._lapsing = None
        now = self._loop.time()
        remaining_s = []
        for lane in list(self._lanes.values()):
            if not lane.batches or lane.batches[0].has_lapsed:
                continue
            left_s = lane.head_since + self._response_timeout_s - now
            if left_s > 0:
                remaining_s.append(left_s)
            else:
                self._lapse(lane)
        if remaining_s:
            self._lapsing = self._loop.call_later(min(remaining_s), self._find_lapsed)

"""Whether the way of a no-op request is still as cheap as when it was recorded.

`make bench-guard-record` records it anew, once it is meant to be dearer, or has become cheaper.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import fleet, guard, yardstick
from benchmarks.guard import Yardsticks
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours
from benchmarks.servers.properties import STORE
from benchmarks.servers.recipe import Start
from benchmarks.workload import ANSWER, MODEL
from support.stepping import skipped_where_forbidden

pytestmark = pytest.mark.timeout(600)  # a thousand times slower, on a machine with other work

_WORK = f"""

def handle(data, context):
    work({{rounds}})
    return ["{ANSWER}"] * len(data) if data else None
"""


class Dearer(Ours):
    """Writes a line of its access log for each request, and has a handler that does some work."""

    def __init__(self, rounds: int) -> None:
        super().__init__(has_logs=True)
        self._rounds = rounds

    def prepare(self, folder: Path) -> Start:
        start = super().prepare(folder)
        code = inspect.getsource(yardstick) + _WORK.format(rounds=self._rounds)
        (folder / STORE / MODEL / "service.py").write_text(code)
        return start


@pytest.fixture(scope="module")
def now() -> Yardsticks:
    with _started(Ours()) as server, skipped_where_forbidden():
        return guard.measure(server)


def test_a_request_costs_what_was_recorded(now: Yardsticks) -> None:
    compared = guard.compare(now, guard.read_record())
    assert [each for each in compared if each.is_dearer] == []


def test_a_request_that_costs_more_is_noticed(now: Yardsticks) -> None:
    rounds = math.ceil(yardstick.ROUNDS * now["worker"] * (guard.LIMIT - 1))
    with _started(Dearer(rounds)) as server:
        later = guard.measure(server, times=1)
    assert all(each.is_dearer for each in guard.compare(later, now))


@contextmanager
def _started(recipe: Ours) -> Iterator[Server]:
    with fleet.made(lambda folder: [Server(recipe, folder / recipe.name)]) as (server,):
        yield server

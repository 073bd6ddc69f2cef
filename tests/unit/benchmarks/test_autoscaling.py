from __future__ import annotations

from pathlib import Path

from benchmarks.autoscaling import Seen, Watch
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours


def test_how_many_workers_there_were(tmp_path: Path) -> None:
    watch = Watch(Server(Ours(), tmp_path))
    watch.seen = [Seen(10.0, 1), Seen(12.0, 2), Seen(14.0, 1)]
    assert [watch.ready_at(at) for at in (9.9, 10.0, 11.9, 12.0, 13.0, 15.0)] == [0, 1, 1, 2, 2, 1]

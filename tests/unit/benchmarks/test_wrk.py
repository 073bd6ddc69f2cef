"""What is made of the line that wrk's script prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import workload, wrk
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.limits import BARE

LINE = (
    '{"requests":1000,"duration_us":2000000,"p50_us":1500,"p90_us":2000,"p99_us":3000,'
    '"p999_us":4250,"refused":100,"broken":25}'
)


def test_units_and_what_is_counted() -> None:
    load = wrk._parse(LINE, client_cpu_s=0.5)
    assert (load.p50_ms, load.p90_ms, load.p99_ms, load.p999_ms) == (1.5, 2.0, 3.0, 4.25)
    assert load.served_per_s == 450.0
    assert load.success == 900 / 1025


def test_a_server_that_only_refuses_is_not_measured() -> None:
    with pytest.raises(BenchError, match="no request was served"):
        wrk._parse(LINE.replace('"refused":100', '"refused":1000'), client_cpu_s=0.5)


@pytest.mark.skipif(not wrk.is_installed(), reason="needs wrk")
@pytest.mark.parametrize("has_file", [False, True], ids=["text", "file"])
def test_the_script_runs(tmp_path: Path, has_file: bool) -> None:
    (tmp_path / "body").write_text(workload.BODY)
    body = f"@{tmp_path / 'body'}" if has_file else workload.BODY
    server = Server(BARE, tmp_path / "limit")
    server.start()
    try:
        load = wrk.run(
            server.url,
            connections=2,
            duration_s=1,
            on_tick=lambda: None,
            body=body,
            headers=["X-More: 1"],
            paths=["/a", "/b", "/c"],
        )
    finally:
        server.stop()
    assert load.success == 1.0
    assert 0 < load.p50_ms <= load.p90_ms <= load.p99_ms <= load.p999_ms

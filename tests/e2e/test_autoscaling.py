"""The number of workers follows the load of a running server, and no request is lost by it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.running_server import MakeModel, RunningServer, StartServer, wait_until

GATED = """
import os, time

def handle(data, context):
    if data is None:
        return None
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    return [bytes(each["body"]) for each in data]
"""
SETTINGS = {"scale_up_after": 0.05, "scale_down_after": 0.5}


def scalings(server: RunningServer) -> dict[str, int]:
    text = server.manage("GET", "/metrics").body.decode()
    found = re.findall(r'mms_scalings_total{direction="(\w+)",model="gated".*?} (\S+)', text)
    return {direction: int(float(value)) for direction, value in found}


def test_workers_come_with_the_load_and_go_with_it(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    make_model("gated", GATED.format(gate=str(gate)))
    server = start(settings=SETTINGS)
    assert server.register("gated", initial_workers=1).status == 200
    assert "scaling" not in server.describe("gated")
    answer = server.manage("PUT", "/models/gated?min_worker=1&max_worker=3&synchronous=true")
    assert (answer.status, answer.json) == (200, {"status": "Workers scaled"})
    assert server.describe("gated")["scaling"] == {"wantedWorkers": 1}
    bodies = [b"%d" % n for n in range(12)]
    with ThreadPoolExecutor(len(bodies)) as threads:
        answers = threads.map(lambda body: server.predict("gated", body), bodies)
        server.wait_ready("gated", workers=3)
        description = server.describe("gated")
        assert (description["minWorkers"], description["maxWorkers"]) == (1, 3)
        assert description["scaling"]["wantedWorkers"] == 3
        assert description["scaling"]["lastChange"]["to"] == 3
        assert "waited" in description["scaling"]["lastChange"]["reason"]
        gate.touch()
        assert [answer.body for answer in answers] == bodies
    wait_until(lambda: len(server.describe("gated")["workers"]) == 1, "the others to end")
    assert server.describe("gated")["scaling"]["lastChange"]["to"] == 1
    seen = scalings(server)
    assert seen["up"] >= 2
    assert seen["down"] >= 1
    assert re.search(r"Model gated scaled from \d to 3 workers: a request waited", server.log)
    assert server.predict("gated", b"again").body == b"again"
    books = server.counters("gated")
    assert books["received"] == books["answered"] == len(bodies) + 1


def test_a_worker_more_that_cannot_load_fails_nobody(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    """The model loads once only: those that the load calls for fail, and what is there goes on."""
    gate, loaded = tmp_path / "gate", tmp_path / "loaded"
    once = f"import os\nos.open({str(loaded)!r}, os.O_CREAT | os.O_EXCL)\n"
    make_model("gated", once + GATED.format(gate=str(gate)))
    server = start(settings=SETTINGS)
    assert server.register("gated", initial_workers=1).status == 200
    path = "/models/gated?min_worker=1&max_worker=3&synchronous=true"
    assert server.manage("PUT", path).status == 200
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda body: server.predict("gated", body), [b"a", b"b", b"c", b"d"])
        wait_until(lambda: "lastError" in str(server.describe("gated")), "the second to fail")
        assert server.describe("gated")["scaling"]["wantedWorkers"] == 2, "a third would fail too"
        assert server.manage("PUT", path).status == 200
        assert server.request("GET", "/ping").json == {"status": "Healthy"}
        gate.touch()
        assert [answer.body for answer in answers] == [b"a", b"b", b"c", b"d"]
    wait_until(lambda: len(server.describe("gated")["workers"]) == 1, "the one that fails to end")
    assert server.describe("gated")["workers"][0]["state"] == "ready"

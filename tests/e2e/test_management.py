"""Registering, scaling, listing, describing and unregistering over HTTP, and what goes wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from support.load import running_load
from support.running_server import MakeModel, StartServer, wait_until


def test_a_model_lives_from_registration_to_removal(start: StartServer, noop: str) -> None:
    server = start()
    answer = server.register("noop", initial_workers=1, synchronous="true")
    assert (answer.status, answer.json) == (200, {"status": "Workers scaled"})
    assert server.predict("noop").body == b"OK"
    assert server.manage("GET", "/models").json == {
        "models": [{"modelName": "noop", "modelUrl": "noop"}]
    }
    answer = server.manage("PUT", "/models/noop?min_worker=2&synchronous=true")
    assert (answer.status, answer.json) == (200, {"status": "Workers scaled"})
    description = server.describe("noop")
    assert (description["minWorkers"], description["maxWorkers"]) == (2, 2)
    assert [w["state"] for w in description["workers"]] == ["ready", "ready"]
    assert [w["status"] for w in description["workers"]] == ["READY", "READY"]
    assert all(w["memoryUsage"] > 1_000_000 for w in description["workers"])
    answer = server.manage("DELETE", "/models/noop")
    assert (answer.status, answer.json) == (200, {"status": 'Model "noop" unregistered'})
    assert server.predict("noop").status == 404
    assert server.manage("GET", "/models").json == {"models": []}


def test_scaling_to_zero_and_back(start: StartServer, noop: str) -> None:
    server = start(models=["noop"])
    server.wait_ready("noop")
    assert server.manage("PUT", "/models/noop?min_worker=0&synchronous=true").status == 200
    refused = server.predict("noop")
    assert refused.status == 503
    assert refused.json == {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": "No worker is available to serve request for model: noop. "
        "Consider increasing job queue size.",
    }
    assert server.request("GET", "/ping").json == {"status": "Healthy"}
    assert server.manage("PUT", "/models/noop?min_worker=1&synchronous=true").status == 200
    assert server.predict("noop").body == b"OK"


def test_asynchronous_operations_are_accepted(start: StartServer, noop: str) -> None:
    server = start()
    answer = server.register("noop", initial_workers=1, synchronous="false")
    assert (answer.status, answer.json) == (202, {"status": "Processing worker updates..."})
    server.wait_ready("noop")
    assert server.manage("PUT", "/models/noop?min_workers=2").status == 202
    server.wait_ready("noop", workers=2)


def test_registering_without_workers(start: StartServer, noop: str) -> None:
    server = start()
    answer = server.register("noop", initial_workers=0, synchronous="true")
    assert (answer.status, answer.json) == (200, {"status": 'Model "noop" registered'})
    assert server.describe("noop")["workers"] == []


def test_json_body_takes_the_place_of_the_query(start: StartServer, noop: str) -> None:
    server = start()
    answer = server.manage(
        "POST",
        "/models?url=ignored",
        body='{"url": "noop", "model_name": "other", "initial_workers": "1"}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status, answer.json) == (200, {"status": "Workers scaled"})
    assert server.predict("other").status == 200


def test_listing_goes_page_by_page(start: StartServer, noop: str) -> None:
    server = start()
    for name in ("c", "a", "b"):
        assert server.register("noop", model_name=name).status == 200
    page = server.manage("GET", "/models?limit=2").json
    assert [m["modelName"] for m in page["models"]] == ["a", "b"]
    assert page["nextPageToken"] == "2"
    page = server.manage("GET", "/models?limit=2&next_page_token=2").json
    assert [m["modelName"] for m in page["models"]] == ["c"]
    assert "nextPageToken" not in page
    assert len(server.manage("GET", "/models?limit=x&next_page_token=-5").json["models"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "message"),
    [
        ("POST", "/models", 400, "BadRequestException", "Parameter url is required."),
        (
            "POST",
            "/models?url=noop&runtime=InvalidRuntime",
            400,
            "BadRequestException",
            "Invalid RuntimeType value: InvalidRuntime",
        ),
        (
            "POST",
            "/models?url=InvalidUrl",
            404,
            "ModelNotFoundException",
            "Model not found in model store: InvalidUrl",
        ),
        (
            "POST",
            "/models?url=..%2Ffake.mar",
            404,
            "ModelNotFoundException",
            "Relative path is not allowed in url: ../fake.mar",
        ),
        (
            "POST",
            "/models?url=http%3A%2F%2Flocalhost%3Aaaaa",
            404,
            "ModelNotFoundException",
            "Invalid model url: http://localhost:aaaa",
        ),
        (
            "POST",
            "/models?url=noop&model_name=taken",
            409,
            "ConflictStatusException",
            "Model taken is already registered.",
        ),
        ("GET", "/models/fake", 404, "ModelNotFoundException", "Model not found: fake"),
        ("PUT", "/models/fake", 404, "ModelNotFoundException", "Model not found: fake"),
        ("DELETE", "/models/fake", 404, "ModelNotFoundException", "Model not found: fake"),
        (
            "PUT",
            "/models/taken?min_worker=10&max_worker=9",
            400,
            "BadRequestException",
            "max_worker cannot be less than min_worker.",
        ),
        (
            "PUT",
            "/models",
            405,
            "MethodNotAllowedException",
            "Requested method is not allowed, please refer to API document.",
        ),
        (
            "POST",
            "/models/taken",
            405,
            "MethodNotAllowedException",
            "Requested method is not allowed, please refer to API document.",
        ),
        (
            "GET",
            "/InvalidUrl",
            404,
            "ResourceNotFoundException",
            "Requested resource is not found, please refer to API document.",
        ),
    ],
)
def test_errors_in_their_exact_words(
    shared: tuple[object, ...], method: str, path: str, status: int, kind: str, message: str
) -> None:
    server = shared[0]
    answer = server.manage(method, path)  # type: ignore[attr-defined]  # a RunningServer
    assert answer.status == status
    assert answer.json == {"code": status, "type": kind, "message": message}
    assert answer.headers["connection"] == "close"


@pytest.fixture
def shared(start: StartServer, noop: str) -> tuple[object, ...]:
    server = start()
    assert server.register("noop", model_name="taken").status == 200
    return (server,)


def hostile_archive(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", '{"model": {"modelName":"m","handler":"s:h"}}')
        archive.writestr(name, "x")


def test_archives_that_cannot_be_served(start: StartServer, store: Path) -> None:
    server = start()
    hostile_archive(store / "slip.mar", "../../escaped")
    hostile_archive(store / "absolute.mar", "/tmp/escaped")
    (store / "text.mar").write_text("not a zip")
    hostile_archive(store / "whole.mar", "service.py")
    (store / "truncated.mar").write_bytes((store / "whole.mar").read_bytes()[:-30])
    (store / "empty").mkdir()
    (store / "broken" / "MAR-INF").mkdir(parents=True)
    (store / "broken" / "MAR-INF" / "MANIFEST.json").write_text("{not json")
    for location in ("slip", "absolute", "text", "truncated"):
        answer = server.register(f"{location}.mar")
        assert (answer.status, answer.json["type"]) == (400, "InvalidModelException"), location
    answer = server.register("empty")
    assert answer.json["message"] == "Model name is not defined."
    assert server.register("broken").json["message"].startswith("Failed to parse MANIFEST.json")
    assert not list(server.folder.glob("mms-*/models/*"))
    assert not (server.folder.parent / "escaped").exists()
    assert server.manage("GET", "/models").json == {"models": []}


def test_an_archive_is_unpacked_and_removed_with_its_model(start: StartServer, store: Path) -> None:
    server = start()
    with zipfile.ZipFile(store / "packed.mar", "w") as archive:
        archive.writestr(
            "MAR-INF/MANIFEST.json", '{"model": {"modelName": "packed", "handler": "service"}}'
        )
        archive.writestr("service.py", "def handle(data, context):\n    return ['packed']\n")
    assert server.register("packed.mar", initial_workers=1).status == 200
    assert server.predict("packed").body == b"packed"
    assert list(server.folder.glob("mms-*/models/*"))
    assert server.manage("DELETE", "/models/packed").status == 200
    wait_until(lambda: not list(server.folder.glob("mms-*/models/*")), "the folder to go")


def test_management_is_refused_to_web_pages(start: StartServer, noop: str) -> None:
    server = start()
    for headers in ({"Origin": "http://evil.example"}, {"Host": "rebound.example"}):
        answer = server.manage("POST", "/models?url=noop", headers=headers)
        assert (answer.status, answer.json["type"]) == (403, "ForbiddenException")
    assert server.manage("GET", "/models", headers={"Origin": "http://localhost:9"}).status == 200
    assert server.manage("GET", "/models").json == {"models": []}


@pytest.mark.timeout(300)
def test_other_models_notice_nothing(start: StartServer, noop: str, make_model: MakeModel) -> None:
    """Register, scale up, scale down and unregister one model 20 times while another is loaded."""
    make_model("second", "def handle(data, context):\n    return ['2'] * len(data or [])\n")
    server = start(models=["noop"])
    server.wait_ready("noop")
    with running_load(server.inference_port, "/predictions/noop", 64) as load:
        for _ in range(20):
            assert server.register("second", initial_workers=1, synchronous="true").status == 200
            for workers in (2, 1):
                path = f"/models/second?min_worker={workers}&synchronous=true"
                assert server.manage("PUT", path).status == 200
            assert server.predict("second").body == b"2"
            assert server.manage("DELETE", "/models/second").status == 200
    assert load.broken == []
    assert set(load.statuses) == {200}


def test_a_verb_that_is_not_allowed_is_told_those_that_are(start: StartServer) -> None:
    server = start()
    answer = server.manage("PUT", "/models")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
    answer = server.manage("POST", "/models/any")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, PUT, DELETE")


def test_each_listener_describes_itself(start: StartServer) -> None:
    server = start()
    assert "/models" in server.manage("OPTIONS", "/").json["paths"]
    assert "/ping" in server.request("GET", "/api-description").json["paths"]
    answer = server.request("GET", "/")
    assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS")
    assert server.request("GET", "/api-description/more").status == 405

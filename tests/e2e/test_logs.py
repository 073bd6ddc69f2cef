"""The five log files of a real server, read as the tools that parse them do."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest

from support.running_server import MakeModel, RunningServer, StartServer, wait_until

METERED = """
import logging
from mms.metrics.dimension import Dimension

def handle(data, context):
    metrics = context.metrics
    if data is None:
        metrics.add_time("Warmup", 1.25, unit="s")
        return None
    if b"fail" in data[0]["body"]:
        raise ValueError("as asked")
    metrics.add_counter("Seen", 1, dimensions=[Dimension("Kind", "cat")])
    metrics.add_counter("Seen", 2, dimensions=[Dimension("Kind", "cat")])
    metrics.add_time("Decode", 0.5, 0)
    metrics.add_size("Picture", 12, unit="kB")
    metrics.add_percent("Sure", 99.5)
    metrics.add_metric("Frames", 3, unit="frames")
    metrics.add_metric("Plain", 1e-07)
    metrics.add_error("Failures", 4)
    metrics.add_error("Reason", "no idea")
    print("[METRICS]Printed.Count:1|#Level:Model,A:b:c|#hostname:h,123")
    logging.info("an ordinary line")
    return ["OK"] * len(data)
"""

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}"
ACCESS = re.compile(
    DATE + r' - /127\.0\.0\.1:\d+ "(?P<method>\S+) (?P<target>\S+) HTTP/1\.1" (?P<status>\d{3}) \d+'
)
METRIC = re.compile(
    DATE
    + r" - (?P<name>[\w\s-]+)\.(?P<unit>[\w\s]+):(?P<value>[0-9\-,.e]+)\|#(?P<dimensions>[^|]*)"
    r"\|#hostname:(?P<host>[^,]+)(,requestID:(?P<request>[^,]+))?,timestamp:(?P<time>\d+|null)"
)
RECORD = re.compile(DATE + r" \[(INFO |WARN |ERROR)\] \S+ (?P<logger>\S+) - .*")


def lines_of(server: RunningServer, name: str) -> list[str]:
    return (server.folder / "logs" / f"{name}.log").read_text().splitlines()


def metrics_of(server: RunningServer, name: str) -> list[re.Match[str]]:
    found = [METRIC.fullmatch(line) for line in lines_of(server, name)]
    assert None not in found, lines_of(server, name)
    return [match for match in found if match is not None]


@pytest.fixture
def metered(make_model: MakeModel) -> str:
    return make_model("metered", METERED)


def test_the_five_files(start: StartServer, metered: str) -> None:
    server = start(models=[metered])
    server.wait_ready(metered)
    answer = server.predict(metered)
    assert server.predict(metered, "fail").status == 503
    assert server.manage("GET", "/models/none?x=%20").status == 404
    wait_until(lambda: "/models/none" in str(lines_of(server, "access_log")), "the access line")
    wait_until(lambda: "CPUUtilization" in str(lines_of(server, "mms_metrics")), "the host")
    server.stop()
    check_access_log(server)
    check_mms_metrics(server)
    check_model_metrics(server, answer.headers["x-request-id"])
    check_records(server)


def check_access_log(server: RunningServer) -> None:
    found = [ACCESS.fullmatch(line) for line in lines_of(server, "access_log")]
    seen = [match.group("method", "target", "status") for match in found if match is not None]
    assert len(seen) == len(found)
    assert seen[-3:] == [
        ("POST", "/predictions/metered", "200"),
        ("POST", "/predictions/metered", "503"),
        ("GET", "/models/none?x=%20", "404"),
    ]
    assert ("GET", "/models/metered", "200") in seen


def check_mms_metrics(server: RunningServer) -> None:
    metrics = metrics_of(server, "mms_metrics")
    assert {match["dimensions"] for match in metrics} == {"Level:Host"}
    units = {match["name"]: match["unit"] for match in metrics}
    assert units == {
        "W-9000-metered": "ms",
        "CPUUtilization": "Percent",
        "DiskAvailable": "Gigabytes",
        "DiskUsage": "Gigabytes",
        "DiskUtilization": "Percent",
        "MemoryAvailable": "Megabytes",
        "MemoryUsed": "Megabytes",
        "MemoryUtilization": "Percent",
        "Requests2XX": "Count",
        "Requests4XX": "Count",
        "Requests5XX": "Count",
    }
    counts = [match for match in metrics if match["name"].startswith("Requests")]
    assert {match.group("value", "time") for match in counts} == {("1", "null")}
    assert len(counts) == len(lines_of(server, "access_log"))


def check_model_metrics(server: RunningServer, request_id: str) -> None:
    model = "ModelName:metered,Level:Model"
    seen = [
        match.group("name", "unit", "value", "dimensions", "request")
        for match in metrics_of(server, "model_metrics")
    ]
    assert seen.count(("Printed", "Count", "1", "Level:Model", None)) == 1
    seen = [metric for metric in seen if metric[0] != "Printed"]  # through a pipe: in any order
    assert seen[0] == ("Warmup", "Seconds", "1.25", model, "load")
    assert seen[1][:2] == ("PredictionTime", "Milliseconds")
    assert seen[1][3:] == (model, request_id)
    assert seen[2:] == [
        ("Seen", "Count", "3", f"Kind:cat,{model}", request_id),
        ("Decode", "Milliseconds", "0.5", model, request_id),
        ("Picture", "Kilobytes", "12", model, request_id),
        ("Sure", "Percent", "99.5", model, request_id),
        ("Frames", "frames", "3", model, request_id),
        ("Plain", "unit", "1e-07", model, request_id),
        ("Failures", "unit", "4", "Level:Error", None),
    ]


def check_records(server: RunningServer) -> None:
    text = "\n".join(lines_of(server, "model_log"))
    assert "[INFO ] MainThread MODEL_LOG - W-9000-metered an ordinary line" in text
    assert "Reason.:no idea" in text  # not a number, so not a metric: shown as it is
    assert "ValueError: as asked" in text
    log = lines_of(server, "mms_log")
    assert not any("an ordinary line" in line or "PredictionTime" in line for line in log)
    console = server.log
    for line in lines_of(server, "access_log") + lines_of(server, "model_metrics"):
        stamp, _, rest = line.partition(" - ")
        assert re.search(rf"{stamp} \[INFO \] MainThread \w+ - {re.escape(rest)}", console)
    assert sum(RECORD.fullmatch(line) is not None for line in log) > 5


def test_the_two_folders_are_chosen_by_the_environment(start: StartServer, noop: str) -> None:
    places = {"LOG_LOCATION": "a/logs", "METRICS_LOCATION": "b"}
    server = start(models=[noop], environment=places)
    server.stop()
    names = {str(path.relative_to(server.folder)) for path in server.folder.rglob("*.log")}
    assert names == {
        "out.log",
        "a/logs/access_log.log",
        "a/logs/mms_log.log",
        "a/logs/model_log.log",
        "b/mms_metrics.log",
        "b/model_metrics.log",
    }


def test_the_host_is_measured_again_and_again(start: StartServer) -> None:
    server = start(settings={"metric_time_interval": "0.05"})
    wait_until(
        lambda: str(lines_of(server, "mms_metrics")).count("MemoryUsed.Megabytes") > 2,
        "three measurements",
    )


def test_lines_of_requests_can_be_turned_off(
    start: StartServer, metered: str, tmp_path: Path
) -> None:
    config = tmp_path / "log.json"
    names = ("ACCESS_LOG", "MMS_METRICS", "MODEL_METRICS")
    loggers = {name: {"level": "OFF"} for name in names}
    config.write_text(json.dumps({"version": 1, "loggers": loggers}))
    server = start(models=[metered], options=["--log-config", str(config)])
    server.wait_ready(metered)
    assert server.predict(metered).status == 200
    server.stop()
    for name in names:
        assert lines_of(server, name.lower()) == []


def test_a_log4j_file_is_ignored_with_a_warning(start: StartServer, tmp_path: Path) -> None:
    config = tmp_path / "log4j2.xml"
    config.write_text('<?xml version="1.0"?>\n<Configuration/>')
    server = start(options=["--log-config", str(config)])
    assert "log4j2.xml is a configuration of log4j" in server.log


def test_requests_that_were_none_are_counted_and_not_shown(start: StartServer) -> None:
    server = start()
    connection = http.client.HTTPConnection("127.0.0.1", server.inference_port, timeout=30)
    connection.connect()
    connection.sock.sendall(b"GARBAGE\r\n\r\n")
    assert b" 400 " in connection.sock.recv(65536)
    connection.close()
    wait_until(lambda: "Requests4XX" in str(lines_of(server, "mms_metrics")), "the count")
    assert lines_of(server, "access_log") == []

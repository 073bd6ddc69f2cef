"""Each test has a process of its own: what is installed is the process's logging."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = ("access_log", "mms_log", "mms_metrics", "model_log", "model_metrics")

PROGRAM = """
import logging, sys
from pathlib import Path
from mms_server.errors import ConfigError
from mms_server.logs.installation import install
here = Path("logs")
try:
    logs = install(here, here, Path(sys.argv[1]) if sys.argv[1:] else None)
except ConfigError as exc:
    sys.exit(str(exc))
logging.getLogger("mms_server").info("from the server")
logging.getLogger("MODEL_LOG").info("from a worker")
for line in (logs.access, logs.mms_metrics, logs.model_metrics):
    if line is not None:
        line(b"a line\\n")
print(*logs.warnings, file=sys.stderr)
logs.writer.close()
print("ended", file=sys.stderr)
"""


def run(folder: Path, *arguments: str, stdout: int = -1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def sizes(folder: Path) -> dict[str, int]:
    """How many lines each file has."""
    return {name: len((folder / "logs" / f"{name}.log").read_text().splitlines()) for name in FILES}


def test_each_log_has_its_file_and_all_are_on_the_console(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.stderr == "\nended\n"
    assert sizes(tmp_path) == dict.fromkeys(FILES, 1)
    shown = [line.partition(" MainThread ")[2] for line in done.stdout.splitlines()]
    assert shown == [
        "mms_server - from the server",
        "MODEL_LOG - from a worker",
        "ACCESS_LOG - a line",
        "MMS_METRICS - a line",
        "MODEL_METRICS - a line",
    ]
    text = (tmp_path / "logs" / "mms_log.log").read_text()
    assert text.endswith(" [INFO ] MainThread mms_server - from the server\n")
    assert (tmp_path / "logs" / "access_log.log").read_text().endswith(" - a line\n")


def test_a_console_that_is_gone_is_survived(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run(tmp_path, stdout=write_end)
    os.close(write_end)
    assert done.returncode == 0
    assert "ended" in done.stderr
    assert sizes(tmp_path) == dict.fromkeys(FILES, 1)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"root": {"level": "OFF"}}, (0, 0, 0, 0, 0)),
        ({"root": {"level": "WARNING"}}, (0, 0, 0, 0, 0)),
        ({"loggers": {"ACCESS_LOG": {"level": "OFF"}}}, (0, 1, 1, 1, 1)),
        ({"loggers": {"MMS_METRICS": {"level": "WARNING"}}}, (1, 1, 0, 1, 1)),
        ({"loggers": {"MODEL_METRICS": {"level": "OFF"}}}, (1, 1, 1, 1, 0)),
        ({}, (1, 1, 1, 1, 1)),
    ],
)
def test_levels_turn_logs_off(
    tmp_path: Path, document: dict[str, object], expected: tuple[int, ...]
) -> None:
    (tmp_path / "log.json").write_text(json.dumps({"version": 1, **document}))
    assert run(tmp_path, "log.json").returncode == 0
    assert tuple(sizes(tmp_path).values()) == expected


def test_handlers_of_json_take_the_place_of_ours(tmp_path: Path) -> None:
    handler = {"class": "logging.FileHandler", "filename": "own.log", "formatter": "short"}
    document = {
        "version": 1,
        "formatters": {"short": {"format": "%(name)s: %(message)s"}},
        "handlers": {"own": handler},
        "loggers": {"ACCESS_LOG": {"handlers": ["own"]}, "MODEL_LOG": {"handlers": ["own"]}},
        "root": {"handlers": ["own"]},
    }
    (tmp_path / "log.json").write_text(json.dumps(document))
    done = run(tmp_path, "log.json")
    assert (tmp_path / "own.log").read_text().splitlines() == [
        "mms_server: from the server",
        "MODEL_LOG: from a worker",
        "ACCESS_LOG: a line",
    ]
    assert tuple(sizes(tmp_path).values()) == (0, 0, 1, 0, 1)
    assert "ACCESS_LOG" not in done.stdout


INI = """
[loggers]
keys=root,access
[handlers]
keys=own
[formatters]
keys=
[logger_root]
level=INFO
handlers=
[logger_access]
qualname=ACCESS_LOG
handlers=own
propagate=0
[handler_own]
class=FileHandler
args=("own.log",)
"""


def test_ini_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.ini").write_text(INI)
    assert run(tmp_path, "log.ini").returncode == 0
    assert (tmp_path / "own.log").read_text() == "a line\n"
    assert tuple(sizes(tmp_path).values()) == (0, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log4j2.xml", '<?xml version="1.0"?><Configuration/>'),
        ("conf", "\n <Configuration/>"),
        ("log4j.properties", "log4j.rootLogger=OFF"),
    ],
)
def test_log4j_is_ignored_and_that_is_said(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    done = run(tmp_path, name)
    assert f"--log-config {name} is a configuration of log4j" in done.stderr
    assert sizes(tmp_path) == dict.fromkeys(FILES, 1)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('{"version": 1', "Expecting"),
        ("{}", "version"),
        ('{"version": 1, "root": {"level": "LOUD"}}', "LOUD"),
        ('{"version": 1, "handlers": {"h": {"class": "no.Such"}}}', "no"),
        ("version: 1\nroot:\n  level: OFF\n", "JSON or INI is expected"),
        ("[other]\n", "section [loggers]"),
        ("\xff", "JSON or INI is expected"),
    ],
)
def test_a_file_of_no_use_is_refused_with_the_reason(tmp_path: Path, text: str, seen: str) -> None:
    (tmp_path / "log").write_text(text)
    done = run(tmp_path, "log")
    assert done.returncode == 1
    assert done.stderr.startswith("--log-config log cannot be used: ")
    assert seen in done.stderr


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "none").stderr.startswith("--log-config none cannot be read: ")

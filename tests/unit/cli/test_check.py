from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mms_server.archive.packing import PackRequest, pack
from mms_server.cli.mms import main
from support.interpreters import OLDEST, interpreter
from support.packages import Gate, add_gated_package, add_wheel
from support.running_server import wait_until
from support.workshop import is_alive

CODE = """
def handle(data, context):
    if data is None:
        return None
    return [{"kind": type(each["body"]).__name__} for each in data]
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "service.py").write_text(CODE)
    return folder


def test_a_folder_is_checked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = tmp_path / "request.json"
    example.write_text("[1, 2]")
    assert main(["check", str(model), "--input", str(example), "--batch-size", "2"]) == 0
    out = capsys.readouterr().out
    assert "ok   load: " in out
    assert "example: a batch of 2: the same answers" in out
    assert out.endswith("Nothing is wrong.\n")


def test_a_form_is_tried(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model / "service.py").write_text(
        "def handle(data, context):\n"
        "    return [repr(sorted(each.items())) for each in data] if data else None\n"
    )
    (tmp_path / "numbers.json").write_text("[1]")
    fields = ["--field", "a=x", "--field", f"b=@{tmp_path / 'numbers.json'}"]
    assert main(["check", str(model), *fields, "--batch-size", "1"]) == 0
    shown = len("[('a', bytearray(b'x')), ('b', [1])]")
    assert f"example: 200, {shown} bytes, no content type, " in capsys.readouterr().out
    assert main(["check", str(model), "--field", "a"]) == 1
    assert "expected NAME=VALUE" in capsys.readouterr().err


def test_an_archive_is_checked_with_its_own_handler(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model / "service.py").rename(model / "other.py")
    (model / "other.py").write_text("def handle(data, context):\n    raise KeyError('weights')\n")
    archive = pack(
        PackRequest(
            model_name="tried", model_path=model, handler="other.py:handle", export_path=tmp_path
        )
    )
    assert main(["check", str(archive)]) == 1
    out = capsys.readouterr().out
    assert "BAD  load: KeyError: 'weights'" in out
    assert out.endswith("1 to mend.\n")


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.mar")]) == 1
    assert "no such archive or folder" in capsys.readouterr().err
    assert main(["check", str(tmp_path), "--input", str(tmp_path / "none.json")]) == 1
    assert "none.json cannot be read: No such file" in capsys.readouterr().err


def test_what_a_model_brings_is_used_where_it_is_allowed(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_wheel(model / "wheels", "tiny", "1.0")
    (model / "service.py").write_text(f"import tiny\n{CODE}")
    (model / "requirements.txt").write_text("tiny\n")
    archive = pack(
        PackRequest(
            model_name="tried",
            model_path=model,
            handler="service:handle",
            export_path=tmp_path,
            python=interpreter(OLDEST),
        )
    )
    config = tmp_path / "config.properties"
    lines = [f"model_environments_folder={tmp_path / 'cache'}", "installer_arguments=--no-index"]
    config.write_text("\n".join(lines))
    command = ["check", str(archive), "--mms-config", str(config)]
    assert main(command) == 1
    assert "which is not allowed here" in capsys.readouterr().out

    assert main([*command, "--allow-environment"]) == 0
    said = capsys.readouterr()
    assert f"ok   environment: {tmp_path / 'cache'}" in said.out
    assert "Model tried: installing its requirements" in said.err

    lines += ["allow_model_environments=true", f"model_pythons={interpreter(OLDEST)}"]
    config.write_text("\n".join(lines))
    assert main(command) == 0
    said = capsys.readouterr()
    assert f"ok   environment: {tmp_path / 'cache'}" in said.out
    assert "installing" not in said.err, "it is kept"


WORKER = """
import os

def handle(data, context):
    if data is None:
        return None
    said = [os.environ.get("SECRET_OF_TEST"), os.environ["MMS_DECODE_INPUT_REQUEST"]]
    said += [context.system_properties["gpu_id"], type(data[0]["body"]).__name__]
    return [str(said)] * len(data)
"""


def test_a_worker_gets_what_the_configuration_gives_it(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", "secret")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n'\n")
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    (model / "service.py").write_text("raise SystemExit\n")
    (tmp_path / "house.py").write_text(WORKER)
    (tmp_path / "request.json").write_text("[1]")
    config = tmp_path / "config.properties"
    config.write_text(
        f"default_service_handler={tmp_path / 'house.py'}:handle\n"
        "decode_input_request=false\nblacklist_env_vars=SECRET_.*\nnumber_of_gpu=2\n"
    )
    command = ["check", str(model), "--input", str(tmp_path / "request.json")]
    assert main([*command, "--mms-config", str(config), "--batch-size", "1"]) == 0
    shown = len("[None, 'false', 1, 'bytearray']")
    assert f"example: 200, {shown} bytes" in capsys.readouterr().out

    config.write_text(f"{config.read_text()}max_response_size=8\n")
    assert main([*command, "--mms-config", str(config)]) == 1
    assert "exceeds max_response_size, 8 bytes" in capsys.readouterr().out


def test_an_archive_is_unpacked_within_the_servers_limits(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = PackRequest(
        model_name="tried", model_path=model, handler="service.py", export_path=tmp_path
    )
    config = tmp_path / "config.properties"
    config.write_text("max_archive_entries=1\n")
    assert main(["check", str(pack(request)), "--mms-config", str(config)]) == 1
    assert "more than 1 files" in capsys.readouterr().err


def test_a_python_that_no_server_allows(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model / "MAR-INF").mkdir()
    (model / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"python": "bin/sh"}}')
    assert main(["check", str(model), "--allow-environment"]) == 1
    assert "interpreter 'bin/sh', which no server allows" in capsys.readouterr().err


def test_an_installation_that_is_interrupted_leaves_nothing(model: Path, tmp_path: Path) -> None:
    add_gated_package(model / "wheels", "slow")
    (model / "requirements.txt").write_text("slow\n")
    cache, gate = tmp_path / "cache", Gate(tmp_path / "gate")
    config = tmp_path / "config.properties"
    config.write_text(f"model_environments_folder={cache}\ninstaller_arguments=--no-index\n")
    command = [sys.executable, "-m", "mms_server.cli.mms", "check", str(model)]
    command += ["--allow-environment", "--mms-config", str(config)]
    with subprocess.Popen(command, env={**os.environ, "GATE": str(gate.folder)}) as process:
        build = wait_until(lambda: gate.builders, "a build to begin")[0]
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    wait_until(lambda: not is_alive(build), "the build to end")
    assert [path.name for path in cache.iterdir()] == ["locks"]

"""The commands and the program of docs/archives.md print what the page shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mms_server.archive.manifest import ModelEntry, parse_manifest, render_manifest
from support.pages import ROOT, Command, read_commands, read_fences

PAGE = ROOT / "docs" / "archives.md"
SERVES = "mms serve"  # goes on until it is interrupted; tests/e2e has it


def blocks(language: str) -> list[str]:
    return [fence.text for fence in read_fences(PAGE) if fence.language == language]


def steps() -> list[Command]:
    return [command for block in blocks("console") for command in read_commands(block)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greeter").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "greeter" / "service.py").write_text(blocks("python")[0])
    (tmp_path / "greeter" / "greeting.txt").write_text("Hello\n")
    return tmp_path


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_commands_print_what_the_page_shows(folder: Path) -> None:
    walked = [command for command in steps() if not command.line.startswith(SERVES)]
    assert len(walked) > 3
    for command in walked:
        assert run(command.line, folder) == command.output, command.line
    assert sorted(os.listdir(folder / "models")) == ["greeter.mar", "greeter.tar.gz"]


def test_the_program_packs_the_same(folder: Path) -> None:
    run(steps()[0].line, folder)
    before = (folder / "models" / "greeter.mar").read_bytes()
    (folder / "models" / "greeter.mar").unlink()
    (folder / "pack.py").write_text(blocks("python")[1])
    assert run("python pack.py", folder) == "models/greeter.mar\n"
    assert (folder / "models" / "greeter.mar").read_bytes() == before


def test_the_manifest_is_one_that_is_written() -> None:
    (text,) = blocks("json")
    manifest = parse_manifest(json.loads(text))
    assert manifest.runtime is not None
    assert render_manifest(manifest.model, manifest.runtime).decode() == text.rstrip("\n")
    fields = msgspec.structs.fields(ModelEntry)
    for name in (field.encode_name for field in fields):
        assert f"`model.{name}`" in PAGE.read_text(), "each field is explained"

"""`model-archiver`: formats, exclusions, manifest, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parity.scenario import Look, Run, Scenario

MODEL = {
    "model/service.py": "def handle(data, context):\n    return data\n",
    "model/weights/a.params": "x",
    "model/__pycache__/service.cpython-311.pyc": "x",
    "model/__MACOSX/x": "x",
    "model/.git/config": "x",
    "model/old.mar": "x",
    "model/note.pyc": "x",
    "model/.DS_Store": "x",
    "model/MANIFEST.json": "{}",
    "out/.keep": "",
}
_NEEDED = ("--model-path", "{folder}/model", "--handler", "service:handle")
_OUT = ("--export-path", "{folder}/out")


_FOLDER = ("--archive-format", "no-archive")


def _archiver(name: str, *arguments: str) -> Run:
    return Run("model-archiver", ("--model-name", name, *arguments))


def archive(*arguments: str, name: str = "m") -> Run:
    """Pack the model into `out`."""
    return _archiver(name, *_NEEDED, *_OUT, *arguments)


def _packs(name: str, claims: str, *steps: Run | Look, files: Sequence[str] = ()) -> Scenario:
    return Scenario(name, tuple(claims.split()), steps, {**MODEL, **dict.fromkeys(files, "x")})


def _exists(path: str) -> dict[str, Any]:
    lines = (
        f"ERROR - <folder>/out/{path} already exists.",
        "Please specify --force/-f option to overwrite the model archive output file.",
        "See -h/--help for more details.",
    )
    return {"exit": 1, "prints": list(lines)}


SCENARIOS = [
    _packs("default", "1.4-layout:1", archive(), Look("out/m.mar")),
    _packs("tgz", "1.4:6 1.4-layout:2", archive("--archive-format", "tgz"), Look("out/m.tar.gz")),
    _packs(
        "folder", "1.4:6 1.4-layout:3", archive("--archive-format", "no-archive"), Look("out/m")
    ),
    _packs(
        "folder-in-place",
        "1.4-layout:3",
        _archiver("model", *_NEEDED, "--export-path", "{folder}", *_FOLDER, "-f"),
        Look("model"),
    ),
    _packs("runtime", "1.4:4", archive("--runtime", "python3"), Look("out/m.mar")),
    _packs("runtime-unknown", "1.4:4", archive("--runtime", "ruby")),
    _packs("no-arguments", "1.4:1", Run("model-archiver")),
    Scenario(
        "exists",
        ("1.4:7",),
        (archive(), archive(), archive("--force"), archive("-f")),
        MODEL,
        {1: "archiver-says-the-path"},
        {1: _exists("m.mar")},
    ),
    Scenario(
        "exists-folder",
        ("1.4:7",),
        (archive(*_FOLDER), archive(*_FOLDER)),
        MODEL,
        {1: "archiver-says-the-path"},
        {1: _exists("m")},
    ),
    Scenario(
        "hidden-file",
        ("1.4-exclusions",),
        (archive(), Look("out/m.mar")),
        {**MODEL, "model/.hidden": "x"},
        {0: "archiver-names-hidden-files"},
        {0: {"exit": 0, "prints": ["WARNING - Hidden files are packed, too: .hidden"]}},
    ),
    _packs("bad-name", "1.4:1", archive(name="a b"), archive(name="-x"), archive(name="a.b-c_d")),
    _packs(
        "no-model-path",
        "1.4:2",
        _archiver("m", "--model-path", "{folder}/none", "--handler", "a:b"),
    ),
    _packs("no-export-path", "1.4:5", archive("--export-path", "{folder}/none")),
    _packs("convert-nothing", "1.4:8", archive("--convert"), Look("out/m.mar")),
    _packs("convert-two", "1.4:8", archive("-c"), files=("model/a.onnx", "model/b.onnx")),
]

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.archive.manifest import (
    MANIFEST_LIMIT_BYTES,
    RUNTIMES,
    Manifest,
    ModelEntry,
    Runtime,
    find_requirements,
    parse_manifest,
    read_manifest,
    render_manifest,
)
from mms_server.errors import InvalidModelError


def write(folder: Path, data: bytes) -> Path:
    (folder / "MAR-INF").mkdir()
    (folder / "MAR-INF" / "MANIFEST.json").write_bytes(data)
    return folder


def test_reads_what_the_server_uses_and_keeps_the_rest(tmp_path: Path) -> None:
    data = b"""{"runtime": "python3", "raw": 1, "license": "MIT",
      "model": {"modelName": "n", "handler": "s:h", "modelVersion": "1.2", "description": null,
                "extensions": {"a": [1]}, "unknown": {}},
      "engine": {"engineName": "MXNet", "engineVersion": 1.9}, "publisher": {"author": "x"}}"""
    manifest = read_manifest(write(tmp_path, data))
    assert manifest.runtime == "python3"
    assert manifest.model.model_name == "n"
    assert manifest.model.handler == "s:h"
    assert manifest.model.version == "1.2"
    assert manifest.model.extensions == {"a": [1]}
    assert manifest.engine is not None
    assert manifest.engine.engine_name == "MXNet"
    assert manifest.raw is not None
    assert manifest.raw["raw"] == 1
    assert manifest.raw["publisher"] == {"author": "x"}


def test_the_requirements_are_those_that_it_names_else_those_that_are_there(tmp_path: Path) -> None:
    named = parse_manifest({"model": {"python": "python3.9", "requirements": "needs/all.txt"}})
    assert named.model.python == "python3.9"
    assert find_requirements(tmp_path, named) == "needs/all.txt"
    assert find_requirements(tmp_path, Manifest()) is None
    (tmp_path / "requirements.txt").write_text("x")
    assert find_requirements(tmp_path, Manifest()) == "requirements.txt"
    with pytest.raises(InvalidModelError, match="requirements"):
        parse_manifest({"model": {"requirements": ["x"]}})


def test_no_manifest_is_an_empty_one(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == Manifest(runtime="python", raw=None)
    (tmp_path / "MAR-INF").write_text("a file")
    assert read_manifest(tmp_path) == Manifest()


def test_null_fields_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"model": null, "engine": null}'
    manifest = read_manifest(write(tmp_path, data))
    assert manifest.runtime == "python"
    assert manifest.model.handler is None
    assert manifest.engine is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"x"', b"{'a': 1}", b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000],
)
def test_what_is_not_json_is_refused_with_the_place(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(
        InvalidModelError, match=r"^Failed to parse MANIFEST\.json: MAR-INF/MANIFEST\.json: "
    ):
        read_manifest(write(tmp_path, data))


def test_the_position_of_a_fault_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"byte 14"):
        read_manifest(write(tmp_path, b'{"runtime": 1 x}'))


def test_a_huge_manifest_is_refused(tmp_path: Path) -> None:
    data = b'{"userData": "' + b"x" * MANIFEST_LIMIT_BYTES + b'"}'
    with pytest.raises(InvalidModelError, match="larger than"):
        read_manifest(write(tmp_path, data))


def test_a_manifest_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MAR-INF" / "MANIFEST.json").mkdir(parents=True)
    with pytest.raises(InvalidModelError, match="Failed to parse"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("runtime", [None, "perl", "PYTHON", "", 3, ["python"], {}])
def test_an_unknown_runtime_is_none(runtime: object) -> None:
    assert parse_manifest({"runtime": runtime}).runtime is None


def test_a_name_may_be_a_number() -> None:
    assert parse_manifest({"model": {"modelName": 7}}).model.model_name == "7"


@pytest.mark.parametrize("engine", [{}, {"engineName": None}, {"engineName": ""}])
def test_an_engine_needs_a_name(engine: object) -> None:
    with pytest.raises(InvalidModelError) as caught:
        parse_manifest({"engine": engine})
    assert caught.value.message == "engineName is required in <engine>."


def test_a_field_of_another_type_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidModelError, match=r"\$\.model\.handler"):
        parse_manifest({"model": {"handler": 5}})


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(RUNTIMES))
def test_what_is_rendered_is_read_back(name: str, runtime: Runtime) -> None:
    data = render_manifest(ModelEntry(name, "s:handle"), runtime)
    manifest = parse_manifest(msgspec.json.decode(data, type=dict[str, object]))
    assert (manifest.model.model_name, manifest.runtime) == (name, runtime)


def test_rendered_as_model_archiver_does() -> None:
    assert render_manifest(ModelEntry("noop", "service:handle"), "python") == (
        b'{\n  "runtime": "python",\n  "model": {\n    "modelName": "noop",\n'
        b'    "handler": "service:handle"\n  },\n  "modelServerVersion": "1.0",\n'
        b'  "implementationVersion": "1.0",\n  "specificationVersion": "1.0"\n}'
    )


def test_an_environment_of_its_own_is_rendered_and_read_back() -> None:
    model = ModelEntry("n", "s", version="2.1", python="python3.9", requirements="requirements.txt")
    raw = msgspec.json.decode(render_manifest(model, "python"))
    assert raw["model"] == {
        "modelName": "n",
        "handler": "s",
        "modelVersion": "2.1",
        "python": "python3.9",
        "requirements": "requirements.txt",
    }
    assert parse_manifest(raw).model == model


@pytest.mark.parametrize("field", ["python", "requirements"])
def test_an_environment_is_named_by_text(field: str) -> None:
    with pytest.raises(InvalidModelError, match=rf"\$\.model\.{field}"):
        parse_manifest({"model": {field: 3.9}})


LEGACY = b'{"Engine": {"MXNet": 0.12}, "Model": {"Model-Name": "old", "Service": "old.py"}}'


def test_a_manifest_of_0_x_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.json").write_bytes(LEGACY)
    manifest = read_manifest(tmp_path)
    assert manifest.is_legacy
    assert (manifest.model.model_name, manifest.model.handler) == ("old", "old.py")
    assert manifest.raw == msgspec.json.decode(LEGACY), "handlers see what was written"
    write(tmp_path, b'{"model": {"modelName": "new"}}')
    assert read_manifest(tmp_path).model.model_name == "new"
    assert not read_manifest(tmp_path).is_legacy


def test_a_broken_manifest_of_0_x_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.json").write_bytes(b"{")
    with pytest.raises(
        InvalidModelError, match=r"^Failed to parse MANIFEST\.json: MANIFEST\.json: "
    ):
        read_manifest(tmp_path)
    (tmp_path / "MANIFEST.json").write_bytes(b'{"Model": {"Service": 5}}')
    with pytest.raises(InvalidModelError, match=r"\$\.model\.handler"):
        read_manifest(tmp_path)

"""Models of Multi Model Server 0.x: which they are, and what becomes of their service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mms.context import Context
from mms.worker.legacy import is_legacy
from mms.worker.loader import Entry, LoadError, load

MANIFEST: dict[str, Any] = {
    "Engine": {"MXNet": 0.12},
    "Model": {"Service": "noop_service.py", "Signature": "signature.json", "Model-Name": "noop"},
}
SIGNATURE = {"inputs": [{"data_name": "data", "data_shape": [1]}], "input_type": "text/plain"}
SERVICE = """
from mms.model_service.model_service import SingleNodeService

class Noop(SingleNodeService):
    made_with = None

    def __init__(self, model_name, model_dir, manifest, gpu=None):
        super(Noop, self).__init__(model_name, model_dir, manifest, gpu)
        self.made_with = [model_name, model_dir, manifest["Model"]["Model-Name"], gpu]

    def _inference(self, data):
        return self.made_with + [self._context.manifest["Engine"]]
"""


class Legacy:
    """A model's folder, and its service once it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "MANIFEST.json").write_text(json.dumps(MANIFEST))
        (folder / "signature.json").write_text(json.dumps(SIGNATURE))

    def load(self, code: str, handler: str = "noop_service.py") -> Entry:
        (self.folder / "noop_service.py").write_text(code)
        return load(handler, str(self.folder))

    def ask(self, entry: Entry, gpu_id: int | None = None) -> Any:
        context = Context("named", str(self.folder), None, 1, gpu_id, "1.1")
        entry.initialize(context)
        return entry.handle([{"body": b"x"}], context)


@pytest.fixture
def legacy(tmp_path: Path) -> Iterator[Legacy]:
    yield Legacy(tmp_path)
    sys.modules.pop("noop_service", None)


def test_only_a_manifest_at_the_root_makes_it_one(legacy: Legacy, tmp_path: Path) -> None:
    assert is_legacy(str(tmp_path))
    newer = tmp_path / "MAR-INF" / "MANIFEST.json"
    newer.parent.mkdir()
    newer.write_text("{}")
    assert not is_legacy(str(tmp_path))
    assert not is_legacy(str(newer.parent.parent.parent))


@pytest.mark.parametrize("handler", ["noop_service.py", "noop_service", "noop_service.py:handle"])
def test_the_service_is_made_with_the_manifest_and_the_gpu(handler: str, legacy: Legacy) -> None:
    entry = legacy.load(SERVICE, handler)
    assert entry.origin == "noop_service:Noop"
    answer = legacy.ask(entry, gpu_id=2)
    assert answer == ["named", str(legacy.folder), "noop", 2, MANIFEST["Engine"]]


def test_the_first_service_of_the_file_is_taken_whatever_else_there_is(legacy: Legacy) -> None:
    text = f"{SERVICE}\nclass Aaa: pass\nclass Zzz(Noop): pass\ndef handle(data, context): 1 / 0"
    assert legacy.load(text).origin == "noop_service:Noop"


def test_a_file_is_taken_by_its_path_whatever_else_has_its_name(legacy: Legacy) -> None:
    (legacy.folder / "json.py").write_text(SERVICE)
    before = sys.modules["json"]
    try:
        assert legacy.load("", "json").origin == "json:Noop"
    finally:
        sys.modules["json"] = before


def test_what_its_initialize_raises_fails_the_load(legacy: Legacy) -> None:
    entry = legacy.load(SERVICE)
    (legacy.folder / "signature.json").unlink()
    with pytest.raises(ValueError, match=r"Signature file is not found: .*signature\.json"):
        legacy.ask(entry)


def test_a_file_without_a_service_is_refused(legacy: Legacy) -> None:
    text = "from mms.model_service.model_service import SingleNodeService\nclass Other: pass"
    with pytest.raises(LoadError, match=r"derives from SingleNodeService.*it defines Other"):
        legacy.load(text)


@pytest.mark.parametrize(
    ("code", "handler", "said"),
    [
        ("", "missing", r"no module 'missing'.*holds noop_service\.py"),
        ("import no_such_thing", "noop_service", "it imports 'no_such_thing'"),
        ("class", "noop_service", "line 1, is not valid Python"),
        ("", "../noop_service", "leads out of the archive"),
    ],
)
def test_what_keeps_a_service_from_being_imported_is_said(
    code: str, handler: str, said: str, legacy: Legacy
) -> None:
    with pytest.raises(LoadError, match=said):
        legacy.load(code, handler)

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from mms_server.archive.packing import PackRequest


class MakeRequest(Protocol):
    """The fixture `request_for`: the usual request, with changes."""

    def __call__(self, **changes: Any) -> PackRequest: ...


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "service.py").write_text("def handle(data, context): ...\n")
    (folder / "sub" / "weights.bin").write_bytes(bytes(range(256)))
    return folder


@pytest.fixture
def request_for(model: Path) -> MakeRequest:
    base = PackRequest(
        model_name="noop", model_path=model, handler="service:handle", export_path=model.parent
    )
    return lambda **changes: replace(base, **changes)

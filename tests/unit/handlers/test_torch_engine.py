"""PyTorch models in every form that is served. These tests need a gigabyte of packages, so they
run where torch is installed: `pip install torch`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mms.handlers.base import Handler
from mms.handlers.torch_classifier import TorchImageClassifier
from mms.handlers.torch_model import TorchModel
from mms.worker.loader import load
from support.handlers import ModelFolder, Pictures, Serving

torch = pytest.importorskip("torch", reason="torch is not installed: a gigabyte, see the docstring")
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

NETWORK = """
import torch

class Network(torch.nn.Module):
    def __init__(self, outputs=1):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
        self.dropout = torch.nn.Dropout(0.5)
        self.outputs = outputs

    def forward(self, x):
        y = self.dropout(x * self.scale)
        return y if self.outputs == 1 else (y, x.sum(dim=1))
"""
INPUTS = [{"data_name": "x", "data_shape": [1, 2]}]


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of the archive, in a module that only its folder has."""
    (tmp_path / "network_of_test.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "network_of_test", raising=False)
    import network_of_test  # type: ignore[import-not-found]  # written just now

    yield network_of_test.Network
    sys.modules.pop("network_of_test", None)


def serve(folder: Path, handler: Handler | None = None, **signature: Any) -> Any:
    (folder / "signature.json").write_text(json.dumps({"inputs": INPUTS, **signature}))
    handler = handler or TorchModel()
    Serving().load(handler, folder)
    return handler


def ask(handler: Handler, *values: Any) -> list[Any]:
    return [json.loads(a) for a in Serving().handle(handler, *({"body": v} for v in values))[0]]


def save_script(network: Any, folder: Path) -> None:
    torch.jit.trace(network().eval(), torch.zeros(1, 2)).save(str(folder / "model.pt"))


def save_export(network: Any, folder: Path) -> None:
    rows = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(network().eval(), (torch.zeros(2, 2),), dynamic_shapes=rows)
    torch.export.save(program, str(folder / "model.pt2"))


def save_weights(network: Any, folder: Path) -> None:
    torch.save(network().state_dict(), folder / "model.pt")


@pytest.mark.parametrize(
    ("save", "settings"),
    [
        (save_script, {}),
        (save_export, {}),
        (save_weights, {"class": "network_of_test:Network"}),
    ],
)
def test_a_model_is_served_in_batches(
    save: Any, settings: dict[str, Any], network: Any, tmp_path: Path
) -> None:
    save(network, tmp_path)
    handler = serve(tmp_path, torch=settings)
    answers = ask(handler, [1, 1], [[1, 2], [3, 4]], [1, 2, 3])
    assert answers[:2] == [[2, 3], [[2, 6], [6, 12]]]
    assert answers[2]["code"] == 400


def test_the_class_takes_arguments_and_several_outputs_have_names(
    network: Any, tmp_path: Path
) -> None:
    save_weights(network, tmp_path)
    settings = {"class": "network_of_test:Network", "arguments": {"outputs": 2}}
    outputs = [{"data_name": name, "data_shape": [0]} for name in ("scaled", "total")]
    handler = serve(tmp_path, torch=settings, outputs=outputs)
    assert ask(handler, [1, 1]) == [{"scaled": [2, 3], "total": 2}]
    with pytest.raises(ValueError, match=r"returned 2 outputs.*has \['output'\]"):
        ask(serve(tmp_path, torch=settings), [1, 1])


def test_a_state_dict_that_brings_code_is_not_read(network: Any, tmp_path: Path) -> None:
    torch.save({"scale": print}, tmp_path / "model.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        serve(tmp_path, torch={"class": "network_of_test:Network"})


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ({"inputs": []}, "expected the inputs, which a PyTorch file does not tell"),
        ({"torch": {"class": "Network"}}, "expected module:Class, saw 'Network'"),
        ({"torch": {"klass": "a:B"}}, "torch may have arguments, batched, class"),
    ],
)
def test_a_signature_that_does_not_fit_fails_the_load(
    signature: dict[str, Any], said: str, network: Any, tmp_path: Path
) -> None:
    save_weights(network, tmp_path)
    with pytest.raises(ValueError, match=said):
        serve(tmp_path, **signature)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.pt2 or model\.pt or model\.pth"):
        serve(tmp_path)


def test_threads_are_those_of_the_worker(network: Any, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        save_weights(network, tmp_path)
        serve(tmp_path, torch={"class": "network_of_test:Network", "threads": 2})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_pictures_are_classified(model: ModelFolder) -> None:
    folder = model.write()

    class Colours(torch.nn.Module):  # type: ignore[misc,name-defined]  # torch is found at run time
        def forward(self, pixels: Any) -> Any:
            return pixels.mean(dim=[2, 3])

    torch.jit.trace(Colours(), torch.zeros(1, 3, 4, 4)).save(str(folder / "model.pt"))
    handler = TorchImageClassifier()
    Serving().load(handler, folder)
    bodies = [Pictures().encode("RGB", colour) for colour in ("red", "lime")]
    answers, _ = Serving().handle(handler, *({"body": body} for body in bodies))
    assert [answer[0]["class"] for answer in answers] == ["fire red", "green"]


@pytest.mark.parametrize("name", ["torch_model", "torch_classifier"])
def test_an_archive_needs_no_code(name: str, tmp_path: Path) -> None:
    entry = load(f"mms.handlers.{name}", str(tmp_path))
    assert isinstance(getattr(entry.handle, "__self__", None), Handler)

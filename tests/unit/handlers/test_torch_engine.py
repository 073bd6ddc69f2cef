"""PyTorch models in every form that is served. These tests need a gigabyte of packages, so they
run where torch is installed: `pip install torch`.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mms.context import Context
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
CLASS = {"class": "network_of_test:Network"}
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
        serve(tmp_path, torch=settings)


def test_a_program_of_a_fixed_batch_is_served_in_batches_of_any(
    network: Any, tmp_path: Path
) -> None:
    program = torch.export.export(network().eval(), (torch.zeros(2, 2),))
    torch.export.save(program, str(tmp_path / "model.pt2"))
    handler = serve(tmp_path)
    assert ask(handler, [1, 1], [2, 2], [3, 3]) == [[2, 3], [4, 6], [6, 9]]


@pytest.mark.parametrize(("save", "name"), [(save_script, "net.pt2"), (save_export, "net.pt")])
def test_a_file_is_what_it_holds_whatever_its_name(
    save: Any, name: str, network: Any, tmp_path: Path
) -> None:
    save(network, tmp_path)
    next(tmp_path.glob("model.*")).rename(tmp_path / name)
    assert ask(serve(tmp_path, torch={"file": name}), [1, 1]) == [[2, 3]]


def save_network(network: Any, folder: Path) -> None:
    torch.save(network(), folder / "model.pt")


def write(content: bytes) -> Any:
    def save(network: Any, folder: Path) -> None:
        (folder / "model.pt").write_bytes(content)

    return save


def save_others(weights: Any) -> Any:
    def save(network: Any, folder: Path) -> None:
        torch.save(weights, folder / "model.pt")

    return save


@pytest.mark.parametrize(
    ("save", "has_class", "said"),
    [
        (
            save_weights,
            False,
            "is neither .* but what torch.save has written. For a state dict, .*",
        ),
        (save_network, False, "is neither an exported program nor TorchScript, but what torch.sa"),
        (write(b"text"), False, "is neither an exported program nor TorchScript. For a state"),
        (save_script, True, "is TorchScript, which needs no class: leave it out of signature.json"),
        (save_export, True, "is an exported program, which needs no class"),
        (save_network, True, r"holds more than tensors: network_of_test\.Network\. It is read "),
        (save_others({"scale": print}), True, "holds more than tensors: print. It is read with"),
        (write(b""), True, "is no state dict, or damaged: EOFError$"),
        (write(b"some text"), True, r"is no state dict, or damaged: \w+Error: "),
        (save_others({"a": torch.ones(2)}), True, 'does not fit .*Missing key.*"scale".*"a"'),
        (save_others({"scale": torch.ones(3)}), True, r"does not fit .*size mismatch for scale: "),
        (save_others(torch.ones(3)), True, "does not fit .*TypeError: Expected state_dict to be d"),
    ],
)
def test_a_file_that_is_something_else_is_named_with_what_to_do(
    save: Any, has_class: bool, said: str, network: Any, tmp_path: Path
) -> None:
    save(network, tmp_path)
    settings = {"class": "network_of_test:Network"} if has_class else {}
    with pytest.raises(ValueError, match=rf"^model\.pt2? {said}"):
        serve(tmp_path, torch=settings)


def test_damage_is_told_apart(network: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/constants.pkl", b"")
    with pytest.raises(ValueError, match=r"^model\.pt cannot be loaded: RuntimeError: [^\n]+$"):
        serve(tmp_path)


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ({"inputs": []}, "expected the inputs, which a PyTorch file does not tell"),
        ({"torch": {"class": "Network"}}, "expected module:Class, saw 'Network'"),
        ({"torch": {"klass": "a:B"}}, "torch may have arguments, batched, class"),
        ({"torch": {"class": "network_of_test:Net"}}, "network_of_test has no class Net"),
        ({"torch": {"class": "json:dumps"}}, "json:dumps cannot be made with {}"),
        ({"torch": {"class": "builtins:dict"}}, "makes a dict, no torch.nn.Module"),
        (
            {"torch": {"class": "network_of_test:Network", "arguments": {"rows": 1}}},
            r"cannot be made with \{'rows': 1\}: .*unexpected keyword argument 'rows'",
        ),
        (
            {"inputs": [{"data_name": "x", "data_shape": [1, 3]}], "torch": CLASS},
            r"cannot run on x \(any, 3\): RuntimeError: The size of tensor a \(3\) must match",
        ),
        (
            {"inputs": [{"data_name": n, "data_shape": [1, 2]} for n in "xy"], "torch": CLASS},
            r"cannot run on x \(any, 2\), y \(any, 2\): TypeError: .*forward\(\) takes 2",
        ),
    ],
)
def test_a_signature_that_does_not_fit_fails_the_load(
    signature: dict[str, Any], said: str, network: Any, tmp_path: Path
) -> None:
    save_weights(network, tmp_path)
    with pytest.raises(ValueError, match=said):
        serve(tmp_path, **signature)


def test_a_signature_that_does_not_fit_a_script_fails_the_load(
    network: Any, tmp_path: Path
) -> None:
    save_script(network, tmp_path)
    said = r"cannot run on x \(any, 3\): RuntimeError: The size of tensor a \(3\) must match"
    with pytest.raises(ValueError, match=said):
        serve(tmp_path, inputs=[{"data_name": "x", "data_shape": [1, 3]}])


def test_a_shape_that_only_the_network_knows_is_refused_by_it(network: Any, tmp_path: Path) -> None:
    save_weights(network, tmp_path)
    handler = serve(tmp_path, inputs=[{"data_name": "x", "data_shape": [0, 0]}], torch=CLASS)
    good, refused = ask(handler, [1, 1], [1, 2, 3])
    assert good == [2, 3]
    assert refused["code"] == 400
    assert refused["message"].startswith(
        "The model cannot take x of float32 (1, 3): RuntimeError: The size of tensor a (3) must"
    )


def test_outputs_by_name_are_those_of_the_signature(network: Any, tmp_path: Path) -> None:
    class Named(torch.nn.Module):  # type: ignore[misc,name-defined]  # torch is found at run time
        def forward(self, x: Any) -> Any:
            return {"twice": x * 2, "half": x / 2}

    program = torch.export.export(Named(), (torch.zeros(1, 2),))
    torch.export.save(program, str(tmp_path / "model.pt2"))
    handler = serve(tmp_path, outputs=[{"data_name": "half", "data_shape": [0, 2]}])
    assert ask(handler, [2, 4]) == [[1, 2]]
    with pytest.raises(ValueError, match=r"no tensor output, but twice \(Tensor\), half \(Tensor"):
        serve(tmp_path)


def test_a_gpu_that_torch_does_not_see_is_not_used(
    network: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_weights(network, tmp_path)
    signature = {"inputs": INPUTS, "torch": CLASS}
    (tmp_path / "signature.json").write_text(json.dumps(signature))
    handler = TorchModel()
    handler.initialize(Context("m", str(tmp_path), None, 1, 0, "1.1"))
    if torch.cuda.device_count():
        pytest.skip("torch sees a GPU here")
    assert "PyTorch sees no GPU: GPU 0 of this worker stays unused" in caplog.messages
    assert ask(handler, [1, 1]) == [[2, 3]]


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

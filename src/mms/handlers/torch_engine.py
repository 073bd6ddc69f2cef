"""Runs PyTorch models: TorchScript, exported programs, and classes with a state dict."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.cores import choose_threads
from mms.handlers.engine import Engine, find_file
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_section, read_specs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILES = ("model.pt2", "model.pt", "model.pth")
_KEYS = {"arguments": dict, "batched": bool, "class": str, "file": str, "threads": object}


class TorchEngine(Engine):
    """A PyTorch model, as the object `torch` of its signature describes it.

    `torch` may have `file` (`model.pt2`, `model.pt` or `model.pth` unless said), `class` and
    `arguments` (`module:Class` in the archive, made with these keyword arguments; the file then is
    its state dict, and is read with `weights_only=True`), `threads` (a number, or `share`: see
    `cores`) and `batched` (false where the first size of the inputs is not the batch). Without
    `class` a `.pt2` file is an exported program, any other is TorchScript.

    A file does not say what the model takes: the signature must name the inputs, in the order of
    the model's arguments, and the outputs if there are several. It runs on the worker's GPU, else
    on the processor.

    Raises MissingPackageError without torch, ValueError for a signature that does not fit, OSError
    for a missing file, and torch's own errors for one that it cannot load.
    """

    def __init__(self, context: Context, signature: Mapping[str, Any]) -> None:
        self._torch = torch = require("torch", "torch")
        settings = read_section(dict(signature), "torch", _KEYS)
        self.inputs = _open_batch(read_specs(dict(signature), "inputs"))
        self.outputs = read_specs(dict(signature), "outputs") or [TensorSpec("output", ())]
        if not self.inputs:
            raise ValueError(
                f"{SIGNATURE_FILE}: expected the inputs, which a PyTorch file does not tell: "
                '"inputs": [{"data_name": "x", "data_shape": [0, 4]}]'
            )
        self.is_batched = settings.get("batched", all(each.shape for each in self.inputs))
        gpu_id = context.system_properties["gpu_id"]
        self._device = torch.device("cpu" if gpu_id is None else f"cuda:{gpu_id}")
        torch.set_num_threads(choose_threads(context, settings.get("threads")))
        self._model = self._load(context.system_properties["model_dir"], settings)

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the model once: the outputs of these names, in order."""
        torch = self._torch
        tensors = [
            torch.from_numpy(require("numpy", "numpy").ascontiguousarray(arrays[each.name]))
            for each in self.inputs
        ]
        with torch.inference_mode():
            outputs = self._model(*(tensor.to(self._device) for tensor in tensors))
        found = self._by_name(outputs)
        return [found[name].cpu().numpy() for name in names]

    def _by_name(self, outputs: Any) -> dict[str, Any]:
        """Give a tensor, a tuple or a dict of tensors the names of the signature."""
        if isinstance(outputs, dict):
            return outputs
        values = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        names = [each.name for each in self.outputs]
        if len(values) != len(names):
            raise ValueError(
                f"the model returned {len(values)} outputs; {SIGNATURE_FILE} must name as many, "
                f"and has {names}"
            )
        return dict(zip(names, values))

    def _load(self, folder: str, settings: Mapping[str, Any]) -> Any:
        torch, path = self._torch, find_file(folder, settings.get("file"), MODEL_FILES)
        if "class" in settings:
            model = _make(settings["class"], settings.get("arguments", {}))
            model.load_state_dict(torch.load(path, map_location=self._device, weights_only=True))
            return model.to(self._device).eval()
        if path.endswith(".pt2"):
            return torch.export.load(path).module().to(self._device)
        return torch.jit.load(path, map_location=self._device).eval()


def _open_batch(specs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Let the batch be of any size: files of Multi Model Server say 1 there, and mean that."""
    return [each._replace(shape=(0, *each.shape[1:])) if each.shape else each for each in specs]


def _make(text: str, arguments: Mapping[str, Any]) -> Any:
    """Make an object of a class in the archive: `module:Class`."""
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(f"{SIGNATURE_FILE}: class: expected module:Class, saw {text!r}")
    return getattr(importlib.import_module(module), name)(**arguments)

"""Runs PyTorch models: TorchScript, exported programs, and classes with a state dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.cores import choose_threads
from mms.handlers.devices import choose_device
from mms.handlers.engine import Engine, find_file
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_section, read_specs
from mms.handlers.torch_files import describe, load_into_class, load_whole

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
    `class` the file is an exported program or TorchScript.

    Neither a class nor TorchScript says what the model takes: the signature must name the inputs,
    in the order of the model's arguments, and the outputs if there are several. Where it leaves no
    size open, the model runs once on zeros: what cannot run fails the load, not each request. It
    runs on the worker's GPU, else on the processor.

    Raises MissingPackageError without torch, OSError for a missing file, and ValueError for files
    that are something else, or do not fit the signature.
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
        device = choose_device(
            context.system_properties["gpu_id"], torch.cuda.device_count(), "PyTorch"
        )
        self._device = torch.device("cpu" if device is None else f"cuda:{device}")
        torch.set_num_threads(choose_threads(context, settings.get("threads")))
        self._model = self._load(context.system_properties["model_dir"], settings)
        self.warm_up(self.inputs)

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the model once: the outputs of these names, in order."""
        torch = self._torch
        tensors = [
            torch.from_numpy(require("numpy", "numpy").ascontiguousarray(arrays[each.name]))
            for each in self.inputs
        ]
        try:
            with torch.inference_mode():
                outputs = self._model(*(tensor.to(self._device) for tensor in tensors))
        except torch.cuda.OutOfMemoryError as exc:  # one of torch's RuntimeErrors
            raise MemoryError(str(exc)) from exc
        except (RuntimeError, IndexError) as exc:
            if not self.is_refusal(exc):
                raise
            raise self.refuse(arrays, exc) from exc
        found = self._by_name(outputs)
        return [found[name].cpu().numpy() for name in names]

    def explain(self, error: BaseException) -> str:
        """Say in one line what torch says in several."""
        return describe(error)

    def _by_name(self, outputs: Any) -> dict[str, Any]:
        """Give a tensor, a tuple or a dict of tensors the names of the signature."""
        names = [each.name for each in self.outputs]
        found = outputs if isinstance(outputs, dict) else _in_order(outputs, names)
        wrong = [n for n in names if not isinstance(found.get(n), self._torch.Tensor)]
        if wrong:
            seen = ", ".join(f"{name} ({type(each).__name__})" for name, each in found.items())
            raise ValueError(
                f"the model returned no tensor {' and '.join(wrong)}, but {seen}: name its outputs "
                f"in {SIGNATURE_FILE}"
            )
        return found

    def _load(self, folder: str, settings: Mapping[str, Any]) -> Any:
        path = find_file(folder, settings.get("file"), MODEL_FILES)
        if "class" in settings:
            arguments = settings.get("arguments", {})
            return load_into_class(path, self._device, settings["class"], arguments)
        model = load_whole(path, self._device)
        if not isinstance(model, self._torch.export.ExportedProgram):
            return model
        self.inputs = _fix_batch(self.inputs, model) if self.is_batched else self.inputs
        return model.module().to(self._device)


def _in_order(outputs: Any, names: Sequence[str]) -> dict[str, Any]:
    values = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    if len(values) != len(names):
        raise ValueError(
            f"the model returned {len(values)} outputs; {SIGNATURE_FILE} must name as many, "
            f"and has {names}"
        )
    return dict(zip(names, values))


def _open_batch(specs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Let the batch be of any size: files of Multi Model Server say 1 there, and mean that."""
    return [each._replace(shape=(0, *each.shape[1:])) if each.shape else each for each in specs]


def _fix_batch(specs: Sequence[TensorSpec], program: Any) -> list[TensorSpec]:
    """Take the size of the batch from a program that was exported for one size only."""
    inputs = set(program.graph_signature.user_inputs)
    tensors = [node.meta.get("val") for node in program.graph.nodes if node.name in inputs]
    sizes = [tensor.shape[0] for tensor in tensors if getattr(tensor, "shape", ())]
    rows = {size if isinstance(size, int) else 0 for size in sizes}  # a name is any size
    size = rows.pop() if len(rows) == 1 else 0
    return [each._replace(shape=(size, *each.shape[1:])) for each in specs]

"""Runs MXNet models: checkpoints of a graph, and Gluon networks that the archive defines."""

from __future__ import annotations

import importlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.cores import choose_threads
from mms.handlers.engine import Engine
from mms.handlers.mxnet_files import (
    find_params,
    find_symbol,
    infer_shapes,
    load_network,
    read_checkpoint,
    read_inputs,
)
from mms.handlers.mxnet_runtime import first_line, import_mxnet, open_device
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_section, read_specs, show_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mms.context import Context

_KEYS = {"network": str, "params": str, "symbol": str, "threads": object}
_BOUND_SHAPES = 6
"""How many graphs stay bound, each with its own memory: the powers of two up to `_ROWS` fit in."""

_ROWS = 32
"""How many rows go through a graph at once, unless batches are larger. Not measured."""


def open_engine(context: Context, signature: Mapping[str, Any]) -> Engine:
    """Load the model in a folder, on the worker's GPU if MXNet sees it.

    The object `mxnet` of the signature may have `symbol` and `params`, names of files; `network`,
    `module:callable` that makes a Gluon network, which is used in place of a symbol; and `threads`
    (a number, or `share`: see `cores`).

    Raises MissingPackageError, OSError for a missing file, ValueError for files that do not fit
    together.
    """
    settings = read_section(dict(signature), "mxnet", _KEYS)
    # MXNet reads it once, while it is imported.
    os.environ["OMP_NUM_THREADS"] = str(choose_threads(context, settings.get("threads")))
    kind = GluonEngine if "network" in settings else SymbolEngine
    return kind(context, dict(signature), settings)


class _MxnetEngine(Engine):
    """What both have: inputs as the signature says them, a device, arrays in and out."""

    def __init__(self, context: Context, signature: dict[str, Any]) -> None:
        self.inputs = read_inputs(signature)
        self._mx = import_mxnet()
        self._device = open_device(context.system_properties["gpu_id"])

    def _warm_up(self, rows: int = 1) -> list[NDArray[Any]]:
        """Run zeros once where all sizes are known: what cannot run fails the load, not a request.

        Returns the outputs; none where sizes are open. Raises ValueError.
        """
        shapes = {each.name: (rows, *each.shape[1:]) for each in self.inputs}
        if not all(all(shape) for shape in shapes.values()):
            return []
        zeros = {
            each.name: self._mx.nd.zeros(shapes[each.name], dtype=each.dtype).asnumpy()
            for each in self.inputs
        }
        try:
            return self._forward(zeros)
        except self._mx.base.MXNetError as exc:
            said = ", ".join(f"{each.name} {show_shape(each.shape)}" for each in self.inputs)
            raise ValueError(f"The model cannot run on {said}: {first_line(exc)}") from exc

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the model once: the outputs of these names, in order."""
        try:
            found = self._forward(arrays)
        except self._mx.base.MXNetError as exc:
            if not self.is_refusal(exc):
                raise
            raise self.refuse(arrays, exc) from exc
        outputs = dict(zip([each.name for each in self.outputs], found))
        return [outputs[name] for name in names]

    def explain(self, error: BaseException) -> str:
        """Take the reason out of an error, which goes on with a trace of MXNet's source."""
        return first_line(error)

    def _forward(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        raise NotImplementedError


class SymbolEngine(_MxnetEngine):
    """A checkpoint: `NAME-symbol.json` and `NAME-0000.params`, as Module and Gluon save them.

    A bound graph runs it, because MXNet merges its operators: EfficientNet-Lite0 on one core takes
    18 ms so, and 44 ms by the CachedOp that a SymbolBlock makes. But each shape is bound for
    itself, for the time of five predictions and some 90 MB. So a batch is cut into powers of two:
    7 rows run as 4, 2 and 1.
    """

    def __init__(
        self, context: Context, signature: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        super().__init__(context, signature)
        folder = context.system_properties["model_dir"]
        symbol_path = find_symbol(folder, settings.get("symbol"))
        params_path = find_params(folder, settings.get("params"), symbol_path)
        checkpoint = read_checkpoint(symbol_path, params_path)
        shapes = infer_shapes(checkpoint, self.inputs, params_path)
        self._symbol = checkpoint.symbol
        self._labels = shapes.labels
        self._weights = {
            name: array.as_in_context(self._device) for name, array in checkpoint.weights.items()
        }
        self._bound: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.outputs = _name_outputs(signature, shapes.outputs)
        batch_size = context.system_properties["batch_size"]
        self._largest = max(_ROWS, _power_of_two(batch_size))
        for size in _parts(2 * _power_of_two(batch_size) - 1, self._largest):  # each of them
            self._warm_up(size)

    def _forward(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        parts, start = [], 0
        for size in _parts(len(next(iter(arrays.values()))), self._largest):
            part = {name: array[start : start + size] for name, array in arrays.items()}
            parts.append(self._run(part))
            start += size
        if len(parts) == 1:
            return parts[0]
        concatenate = require("numpy", "numpy").concatenate
        return [concatenate(each) for each in zip(*parts)]

    def _run(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        key = tuple((name, array.shape) for name, array in arrays.items())
        executor = self._bound.pop(key, None)  # and is put back if nothing goes wrong
        if executor is None:
            executor = self._bind(arrays)
        for name, array in arrays.items():
            executor.arg_dict[name][:] = array
        outputs = [each.asnumpy() for each in executor.forward(is_train=False)]
        self._bound[key] = executor
        if len(self._bound) > _BOUND_SHAPES:
            self._bound.popitem(last=False)
        return outputs

    def _bind(self, arrays: Mapping[str, NDArray[Any]]) -> Any:
        """Bind the graph to arrays of these shapes; the weights are shared."""
        zeros, rows = self._mx.nd.zeros, len(next(iter(arrays.values())))
        given = {
            name: zeros(array.shape, self._device, array.dtype) for name, array in arrays.items()
        }
        for name, shape in self._labels.items():
            given[name] = zeros((rows, *shape[1:]), self._device)
        everything = {**self._weights, **given}
        states = {name: everything[name] for name in self._symbol.list_auxiliary_states()}
        arguments = {name: everything[name] for name in self._symbol.list_arguments()}
        return self._symbol.bind(self._device, arguments, grad_req="null", aux_states=states)


class GluonEngine(_MxnetEngine):
    """A network that a function or class of the archive makes, and its parameters."""

    def __init__(
        self, context: Context, signature: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        super().__init__(context, signature)
        self._network = _make_network(settings["network"])
        if list(self._network.collect_params()):
            folder = context.system_properties["model_dir"]
            path = find_params(folder, settings.get("params"))
            load_network(self._network, path, self._device)
        outputs = self._warm_up()
        shapes = {f"output{place}": array.shape for place, array in enumerate(outputs)}
        self.outputs = _name_outputs(signature, shapes) if outputs else read_outputs(signature)

    def _forward(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        array = self._mx.nd.array
        inputs = [array(arrays[each.name], self._device, each.dtype) for each in self.inputs]
        outputs = self._network(*inputs)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [each.asnumpy() for each in outputs]


def _power_of_two(number: int) -> int:
    """Find the largest power of two that is no larger than a number from 1."""
    return 1 << (number.bit_length() - 1)


def _parts(rows: int, largest: int) -> Iterator[int]:
    """Divide rows into powers of two, none above the largest."""
    while rows:
        size = min(largest, _power_of_two(rows))
        yield size
        rows -= size


def read_outputs(signature: dict[str, Any]) -> list[TensorSpec]:
    """Read the outputs of a network that could not be tried. Raises ValueError without any."""
    outputs = read_specs(signature, "outputs")
    if not outputs:
        raise ValueError(
            f"{SIGNATURE_FILE}: expected outputs: [{{data_name, data_shape}}], because the "
            "network's cannot be found out with inputs whose sizes are open"
        )
    return outputs


def _name_outputs(
    signature: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> list[TensorSpec]:
    """Describe a model's outputs, with the batch open.

    The only one has the name that the signature gives it, whatever the model calls it: Multi Model
    Server never looked at that name. Where the model says no shape, the signature's counts.
    """
    said = read_specs(signature, "outputs")
    if len(said) == len(shapes) == 1:
        shapes = {said[0].name: next(iter(shapes.values()))}
    wanted = {each.name: each.shape for each in said}
    return [
        TensorSpec(name, (0, *(shape or wanted.get(name, ()))[1:]))
        for name, shape in shapes.items()
    ]


def _make_network(text: str) -> Any:
    """Import `module:callable` and call it. Raises ValueError when it is no network."""
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(f"{SIGNATURE_FILE}: expected a network as module:callable, saw {text!r}")
    found = getattr(importlib.import_module(module), name, None)
    if not callable(found):
        raise ValueError(f"{SIGNATURE_FILE}: network: {module} has no function or class {name}")
    network = found()
    if not isinstance(network, import_mxnet().gluon.Block):
        raise ValueError(
            f"{SIGNATURE_FILE}: {text} makes a {type(network).__name__}, not a Gluon Block"
        )
    return network

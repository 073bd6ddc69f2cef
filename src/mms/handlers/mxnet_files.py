"""Finds and reads the files of an MXNet model, and says what does not fit together."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mms.handlers.mxnet_runtime import first_line, import_mxnet
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_specs, show_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

SYMBOL_SUFFIX = "-symbol.json"
PARAMS_SUFFIX = ".params"
_EPOCH = r"-\d{4}\.params"
_PREFIXES = ("arg:", "aux:")
_SHOWN = 5


class Checkpoint(NamedTuple):
    """A graph, and arrays for its inputs by their names."""

    symbol: Any
    weights: dict[str, Any]


def find_symbol(folder: str, named: str | None) -> str:
    """Find a model's `*-symbol.json`, unless it is named. Raises OSError, ValueError."""
    return _find(folder, named, "symbol", f"NAME{SYMBOL_SUFFIX}", rf".*{re.escape(SYMBOL_SUFFIX)}")


def find_params(folder: str, named: str | None, symbol: str | None = None) -> str:
    """Find a model's parameters: beside `NAME-symbol.json`, the file that begins like it.

    Raises OSError, ValueError.
    """
    if symbol is None or not symbol.endswith(SYMBOL_SUFFIX):
        return _find(folder, named, "params", f"NAME{PARAMS_SUFFIX}", r".*\.params")
    prefix = os.path.basename(symbol)[: -len(SYMBOL_SUFFIX)]
    return _find(folder, named, "params", f"{prefix}-0000.params", re.escape(prefix) + _EPOCH)


def _find(folder: str, named: str | None, key: str, wanted: str, pattern: str) -> str:
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    found = [name for name in names if re.fullmatch(pattern, name)]
    if named is not None:
        found, wanted = [name for name in names if name == named], named
    if not found:
        raise FileNotFoundError(f"The model has no file {wanted}; it has {', '.join(names)}.")
    if len(found) > 1:
        raise ValueError(
            f"The model has {' and '.join(found)}: say which in {SIGNATURE_FILE}, "
            f'as in "mxnet": {{"{key}": "{found[-1]}"}}.'
        )
    return os.path.join(folder, found[0])


def read_inputs(signature: dict[str, Any]) -> list[TensorSpec]:
    """Read the inputs of a model; the size of the batch is open, whatever the signature says.

    Raises ValueError without any: unlike other formats, MXNet's say nothing of shapes.
    """
    inputs = read_specs(signature, "inputs")
    if not inputs or not all(each.shape for each in inputs):
        raise ValueError(
            f"{SIGNATURE_FILE}: expected inputs: [{{data_name, data_shape}}], "
            "because an MXNet model does not say them itself"
        )
    return [each._replace(shape=(0, *each.shape[1:])) for each in inputs]


def read_checkpoint(symbol_path: str, params_path: str) -> Checkpoint:
    """Read both files. Raises ValueError for one that is not what its name says."""
    mx = import_mxnet()
    try:
        symbol = mx.sym.load(symbol_path)
    except mx.base.MXNetError as exc:
        raise ValueError(f"{symbol_path} is not an MXNet symbol: {first_line(exc)}") from exc
    try:
        arrays = mx.nd.load(params_path)
    except mx.base.MXNetError as exc:
        raise ValueError(f"{params_path} has no MXNet parameters: {first_line(exc)}") from exc
    if isinstance(arrays, list) and arrays:  # none at all are a list, too
        raise ValueError(f"{params_path} has arrays without names")
    weights = {_without_prefix(name): array for name, array in dict(arrays).items()}
    return Checkpoint(symbol, weights)


def load_network(network: Any, path: str, device: Any) -> None:
    """Load parameters into a Gluon network. Raises ValueError when they do not fit."""
    try:
        network.load_parameters(path, ctx=device)
    except (AssertionError, ValueError, import_mxnet().base.MXNetError) as exc:
        raise ValueError(
            f"The parameters in {os.path.basename(path)} do not fit the network: {first_line(exc)}"
        ) from exc


def _without_prefix(name: str) -> str:
    return name[len(_PREFIXES[0]) :] if name.startswith(_PREFIXES) else name


class Shapes(NamedTuple):
    """Shapes by name, 0 for a size that is not known.

    `labels` has the inputs of the graph that only training uses, `outputs` the graph's outputs.
    """

    labels: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


def infer_shapes(checkpoint: Checkpoint, inputs: Sequence[TensorSpec], params_path: str) -> Shapes:
    """Find the shapes for one row, and check that signature, graph and parameters fit together.

    With inputs whose sizes are open only names are checked. Raises ValueError that says what does
    not fit.
    """
    symbol = checkpoint.symbol
    _check_names(inputs, symbol.list_inputs(), checkpoint.weights)
    given = {each.name: (1, *each.shape[1:]) for each in inputs}
    is_known = all(all(shape) for shape in given.values())
    mx = import_mxnet()
    try:
        arguments, outputs, states = symbol.infer_shape_partial(**(given if is_known else {}))
    except mx.base.MXNetError as exc:
        raise ValueError(
            f"{SIGNATURE_FILE} says {_show(given)}, which the graph cannot take: {first_line(exc)}"
        ) from exc
    wanted = dict(zip(symbol.list_arguments(), arguments))
    wanted.update(zip(symbol.list_auxiliary_states(), states))
    labels = {
        name: shape
        for name, shape in wanted.items()
        if name.endswith("_label") and name not in given and name not in checkpoint.weights
    }
    needed = {
        name: shape for name, shape in wanted.items() if name not in given and name not in labels
    }
    _check_weights(checkpoint.weights, needed, f"{params_path}, with {_show(given)}")
    return Shapes(labels, dict(zip(map(_plain_name, symbol.list_outputs()), outputs)))


def _plain_name(output: str) -> str:
    """Name an output as its node: MXNet adds `_output` to it."""
    return output[: -len("_output")] if output.endswith("_output") else output


def _check_names(
    inputs: Sequence[TensorSpec], known: Sequence[str], weights: Mapping[str, Any]
) -> None:
    unknown = [each.name for each in inputs if each.name not in known]
    if unknown:
        free = [name for name in known if name not in weights]
        raise ValueError(
            f"{SIGNATURE_FILE} has {_list(unknown)} in inputs; the graph has {_list(free)}"
        )


def _check_weights(
    weights: Mapping[str, Any], needed: Mapping[str, tuple[int, ...]], where: str
) -> None:
    """Compare the parameters with what the graph needs, a size of 0 with any.

    Those that it does not need are logged, if they are all that is wrong: Multi Model Server's
    templates let them be.
    """
    missing = [name for name in needed if name not in weights]
    wrong = [
        f"{name} {show_shape(weights[name].shape)} in place of {show_shape(shape)}"
        for name, shape in needed.items()
        if name in weights and not _fits(weights[name].shape, shape)
    ]
    extra = [name for name in weights if name not in needed]
    faults = [f"{_list(missing)} missing"] if missing else []
    faults += [_list(wrong)] if wrong else []
    faults += [f"{_list(extra)} not in the graph"] if extra else []
    if missing or wrong:
        raise ValueError(f"The parameters do not fit the graph: {'; '.join(faults)} (in {where})")
    if extra:
        logger.warning("Parameters are not used: %s (in %s)", faults[0], where)


def _fits(seen: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if not wanted:  # nothing is known
        return True
    return len(seen) == len(wanted) and all(size in (0, own) for own, size in zip(seen, wanted))


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _show(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {show_shape((0, *shape[1:]))}" for name, shape in shapes.items())

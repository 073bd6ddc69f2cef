"""`signature.json`: what a model takes and gives, in the form of Multi Model Server.

    {"inputs": [{"data_name": "data", "data_shape": [0, 3, 224, 224]}],
     "outputs": [{"data_name": "prob", "data_shape": [0, 1000]}]}

A shape has the batch first and 0 for any size. Engines whose files name their own inputs and
outputs need no signature; where there is one, it chooses among them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SIGNATURE_FILE = "signature.json"
_DTYPES = (
    *("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("object", "uint8", "uint16", "uint32", "uint64"),
)
_KINDS = {bool: "true or false", dict: "an object", list: "a list", str: "text"}


class TensorSpec(NamedTuple):
    """One input or output of a model.

    `shape` has the batch first and 0 for any size; `dtype` is the name that numpy has for the type
    of its elements, `object` for text.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


def read_signature(path: str) -> dict[str, Any]:
    """Read a signature that names at least one input. Raises OSError, ValueError."""
    signature = _read_object(path)
    try:
        first = signature["inputs"][0]
        first["data_name"], first["data_shape"]
    except (LookupError, TypeError) as exc:
        raise ValueError(
            f"{path}: expected a JSON object with inputs: [{{data_name, data_shape}}]; {exc!r}"
        ) from exc
    return signature


def find_signature(folder: str) -> dict[str, Any]:
    """Read the signature in a model's folder; without one it is empty. Raises OSError, ValueError.

    Unlike in `read_signature`, it need not name an input: some other key may be all that is said.
    """
    path = os.path.join(folder, SIGNATURE_FILE)
    return _read_object(path) if os.path.exists(path) else {}


def _read_object(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        try:
            signature = json.load(file)
        except ValueError as exc:
            raise ValueError(f"{path}: expected a JSON object; {exc!r}") from exc
    if not isinstance(signature, dict):
        raise ValueError(f"{path}: expected a JSON object, saw {type(signature).__name__}")
    return signature


def read_specs(signature: dict[str, Any], side: str) -> list[TensorSpec]:
    """Take the `inputs` or `outputs` of a signature apart; none where it says nothing of them.

    `data_type` is a key of ours, and may be left out: float32. Raises ValueError.
    """
    try:
        specs = [
            TensorSpec(
                str(each["data_name"]),
                tuple(int(size) for size in each["data_shape"]),
                str(each.get("data_type", "float32")),
            )
            for each in signature.get(side, [])
        ]
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        raise ValueError(
            f"{SIGNATURE_FILE}: expected {side}: [{{data_name, data_shape}}], "
            f"saw {signature[side]!r}; {exc!r}"
        ) from exc
    for each in specs:
        _check_spec(each, side)
    return specs


def _check_spec(spec: TensorSpec, side: str) -> None:
    """Find what would refuse every request, whatever it holds."""
    where = f"{SIGNATURE_FILE}: {side}: {spec.name!r}"
    if any(size < 0 for size in spec.shape):
        raise ValueError(f"{where}: expected sizes from 0, which is any; saw {list(spec.shape)}")
    if spec.dtype not in _DTYPES:
        raise ValueError(f"{where}: expected a data_type of {', '.join(_DTYPES)}; saw {spec.dtype}")


def choose_specs(
    signature: dict[str, Any], side: str, known: Sequence[TensorSpec]
) -> list[TensorSpec]:
    """Choose the model's own inputs or outputs (`known`) that a signature names, else all of them.

    Its sizes stand where the model's are open. The size of the batch is always the model's: files
    of Multi Model Server say 1 there, and mean any. Raises ValueError when the two do not fit, or
    an input is left out, which the model cannot do without.
    """
    wanted = read_specs(signature, side)
    if not wanted:
        return list(known)
    by_name = {each.name: each for each in known}
    chosen = [_merge(each, by_name, side) for each in wanted]
    if side == "inputs":
        _check_inputs(chosen, signature[side], by_name)
    return chosen


def _check_inputs(
    chosen: Sequence[TensorSpec], said: Sequence[dict[str, Any]], known: Iterable[str]
) -> None:
    for own, entry in zip(chosen, said):
        dtype = entry.get("data_type", own.dtype)
        if dtype != own.dtype:
            raise ValueError(
                f"{SIGNATURE_FILE} says that {own.name!r} is {dtype}; the model says {own.dtype}"
            )
    missing = [name for name in known if name not in {each.name for each in chosen}]
    if missing:
        raise ValueError(f"{SIGNATURE_FILE} leaves out the model's inputs {', '.join(missing)}")


def _merge(wanted: TensorSpec, known: dict[str, TensorSpec], side: str) -> TensorSpec:
    if wanted.name not in known:
        raise ValueError(
            f"{SIGNATURE_FILE} has {wanted.name!r} in {side}; the model has {list(known)}"
        )
    own = known[wanted.name]
    if not wanted.shape:  # nothing is said
        return own
    fits = len(own.shape) == len(wanted.shape) and all(
        0 in pair or pair[0] == pair[1] for pair in zip(own.shape[1:], wanted.shape[1:])
    )
    if not fits:
        raise ValueError(
            f"{SIGNATURE_FILE} says {wanted.name!r} has the shape {show_shape(wanted.shape)}; "
            f"the model says {show_shape(own.shape)}"
        )
    sizes = zip(own.shape[1:], wanted.shape[1:])
    return own._replace(shape=(*own.shape[:1], *(one or other for one, other in sizes)))


def read_section(signature: dict[str, Any], name: str, known: Mapping[str, type]) -> dict[str, Any]:
    """Read an object of settings out of a signature; without it, it is empty.

    `known` has the type of each; `object` is any, and for others to check. Raises ValueError for a
    key that is not known, because a misspelt one would do nothing, and for a value of another type.
    """
    section = signature.get(name, {})
    if not isinstance(section, dict) or set(section) - set(known):
        raise ValueError(
            f"{SIGNATURE_FILE}: {name} may have {', '.join(sorted(known))}; saw {section!r}"
        )
    for key, value in section.items():
        if not isinstance(value, known[key]):
            kind = _KINDS[known[key]]
            raise ValueError(f"{SIGNATURE_FILE}: {name}: {key}: expected {kind}, saw {value!r}")
    return section


def show_shape(shape: Iterable[int]) -> str:
    """Write a shape for people: `(any, 3, 224, 224)`."""
    return f"({', '.join(str(size) if size else 'any' for size in shape)})"

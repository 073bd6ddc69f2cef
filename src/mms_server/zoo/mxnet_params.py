"""Writes `.params` files, MXNet's format for arrays by name, without MXNet.

The file is a list of arrays and a list of as many names (`src/ndarray/ndarray.cc`,
`NDArray::Save`, version 2 of an array's own format: MXNet 1.0 and later read it). Everything is in
little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

_LIST_MAGIC = 0x112
_ARRAY_MAGIC = 0xF993FAC9
_DENSE = 0
_CPU = (1, 0)  # kind of device, and its number
_FLOAT32 = 0


def write_params(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays as float32, in the order of the mapping.

    A checkpoint's names begin with `arg:` for weights and with `aux:` for the states of layers.
    """
    parts = [struct.pack("<QQQ", _LIST_MAGIC, 0, len(arrays))]
    parts += [_array(array) for array in arrays.values()]
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        encoded = name.encode()
        parts += [struct.pack("<Q", len(encoded)), encoded]
    return b"".join(parts)


def _array(array: NDArray[Any]) -> bytes:
    shape = array.shape
    head = struct.pack(f"<Iii{len(shape)}q", _ARRAY_MAGIC, _DENSE, len(shape), *shape)
    return head + struct.pack("<iii", *_CPU, _FLOAT32) + array.astype("<f4").tobytes()

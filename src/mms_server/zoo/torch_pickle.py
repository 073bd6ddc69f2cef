"""Reads a PyTorch state dict of the format before 1.6 without PyTorch, and without trusting it.

The file is a sequence of pickles - magic number, protocol version, facts about the writer, the
object, the keys of its storages - and then each storage: a count of elements as i64 in little
endian, and the elements (`torch/serialization.py`, `_legacy_save`). A pickle can name any callable;
here only those few are found that a dict of tensors needs.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mms_server.errors import InvalidModelError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_MEMOIZING = ("PUT", "BINPUT", "LONG_BINPUT")

_TYPES: dict[str, np.dtype[Any]] = {
    "HalfStorage": np.dtype("<f2"),
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
}


class _Storage:
    """A run of elements that tensors are views of; filled once the pickles have been read."""

    def __init__(self, dtype: np.dtype[Any], count: int) -> None:
        self.dtype = dtype
        self.count = count
        self.elements: NDArray[Any] | None = None


class _Tensor:
    """A view of a storage; offset, size and strides count elements."""

    def __init__(
        self, storage: _Storage, offset: int, size: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.storage = storage
        self.offset = offset
        self.size = size
        self.strides = strides

    def to_array(self) -> NDArray[Any]:
        """Copy the elements that the view shows, in its order: it may be transposed."""
        elements = self.storage.elements
        if elements is None:
            raise InvalidModelError("The file has no elements for the storage of a tensor.")
        if any(number < 0 for number in (self.offset, *self.size, *self.strides)):
            raise InvalidModelError("A tensor has a negative offset, size or stride.")
        reach = zip(self.size, self.strides, strict=True)
        last = self.offset + sum((extent - 1) * stride for extent, stride in reach)
        if 0 not in self.size and max(last + 1, math.prod(self.size)) > len(elements):
            raise InvalidModelError("A tensor is larger than its storage.")
        width = elements.itemsize
        view = np.lib.stride_tricks.as_strided(
            elements[self.offset :], self.size, [stride * width for stride in self.strides]
        )
        return view.copy()


class _Unpickler(pickle.Unpickler):
    """Finds only what a state dict is made of."""

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _TYPES:
            return name
        raise InvalidModelError(f"The file wants {module}.{name}, which no state dict needs.")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, _, count, *_ = pid
        if kind != "storage":
            raise InvalidModelError(f"Expected a storage, saw {kind!r}.")
        dtype: np.dtype[Any] = _TYPES[storage_type]
        return self._storages.setdefault(key, _Storage(dtype, count))


def _rebuild_tensor(storage: object, offset: Any, size: Any, strides: Any, *_: object) -> _Tensor:
    counts = (offset, *size, *strides)
    if not isinstance(storage, _Storage) or not all(type(each) is int for each in counts):
        raise InvalidModelError("A tensor is not made of a storage and whole numbers.")
    return _Tensor(storage, offset, tuple(size), tuple(strides))


def read_state_dict(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the tensors of a state dict by name, each contiguous and in its own memory.

    Raises InvalidModelError when the file is not of that format, is cut short, or names anything
    that does not belong in it.
    """
    file = io.BytesIO(data)
    storages: dict[str, _Storage] = {}
    try:
        if _load(file, storages) != _MAGIC or _load(file, storages) != _PROTOCOL:
            raise InvalidModelError("Not a PyTorch file of the format before 1.6.")
        _load(file, storages)
        tensors = _load(file, storages)
        for key in _load(file, storages):
            _read_elements(file, storages[key])
        return _arrays(tensors)
    except InvalidModelError:
        raise
    except Exception as exc:  # `pickle` documents that a broken stream may raise anything
        raise InvalidModelError(f"The PyTorch file cannot be read: {exc!r}.") from exc


def _arrays(tensors: object) -> dict[str, NDArray[Any]]:
    if not isinstance(tensors, dict):
        raise InvalidModelError(f"Expected a state dict, saw {type(tensors).__name__}.")
    return {
        str(name): value.to_array() for name, value in tensors.items() if isinstance(value, _Tensor)
    }


def _load(file: BinaryIO, storages: dict[str, _Storage]) -> Any:
    _check_memo(file)
    return _Unpickler(file, storages).load()


def _check_memo(file: BinaryIO) -> None:
    """Refuse numbers in the memo that pickling never gives, and go back to where the file was.

    The n-th object is put at n, behind n bytes or more. Python's unpickler makes its memo as long
    as the largest number, which may be 4 thousand million (`_pickle.c`, `_Unpickler_MemoPut`).
    """
    start = file.tell()
    for operation, number, position in pickletools.genops(file):
        put = int(number or 0) if operation.name in _MEMOIZING else 0
        if put > (position or 0) - start:
            raise InvalidModelError(f"The file puts an object at {put}, far beyond all others.")
    file.seek(start)


def _read_elements(file: BinaryIO, storage: _Storage) -> None:
    (count,) = struct.unpack("<q", file.read(8))
    if count != storage.count or count < 0:
        raise InvalidModelError(f"A storage of {storage.count} elements says it has {count}.")
    raw = file.read(count * storage.dtype.itemsize)
    storage.elements = np.frombuffer(raw, dtype=storage.dtype)
    if len(storage.elements) != count:
        raise InvalidModelError("The file ends within a storage.")

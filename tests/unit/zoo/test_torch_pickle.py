from __future__ import annotations

import contextlib
import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.errors import InvalidModelError
from mms_server.zoo.torch_pickle import read_state_dict

MAGIC = 0x1950A86A20F9469CFC6C


class Storage:
    """What PyTorch pickles by persistent id."""

    def __init__(self, key: str, kind: type, values: list[float]) -> None:
        self.key = key
        self.kind = kind
        self.values = values


class View:
    """What PyTorch pickles as a call of `torch._utils._rebuild_tensor_v2`."""

    def __init__(self, storage: Storage, offset: float, size: Any, strides: Any) -> None:
        self.arguments: tuple[Any, ...] = (storage, offset, size, strides, False, OrderedDict())

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value: object) -> Any:
        if isinstance(value, Storage):
            return ("storage", value.kind, value.key, "cpu", len(value.values), None)
        return None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    return fake_torch(monkeypatch)


def fake_torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Names to pickle by reference: nothing of PyTorch is here."""
    module, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_: object) -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]  # made here
    kind = type("FloatStorage", (), {"__module__": "torch"})
    module.FloatStorage = kind  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return module


def legacy_file(value: object, storages: list[Storage], *, magic: int = MAGIC) -> bytes:
    out = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, value, [s.key for s in storages]):
        Pickler(out, protocol=2).dump(part)
    for storage in storages:
        out.write(struct.pack(f"<q{len(storage.values)}f", len(storage.values), *storage.values))
    return out.getvalue()


def test_reads_views_in_the_order_that_they_show(torch: types.ModuleType) -> None:
    storage = Storage("7", torch.FloatStorage, [0, 1, 2, 3, 4, 5, 6])
    tensors = OrderedDict(
        plain=View(storage, 0, (2, 3), (3, 1)),
        transposed=View(storage, 0, (3, 2), (1, 3)),
        offset=View(storage, 1, (2, 3), (3, 1)),
        scalar=View(storage, 6, (), ()),
    )
    read = read_state_dict(legacy_file(tensors, [storage]))
    assert read["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read["offset"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert read["scalar"].tolist() == 6
    assert all(array.dtype == np.float32 for array in read.values())
    assert read["transposed"].flags.c_contiguous


@pytest.mark.parametrize(
    ("offset", "size", "strides"),
    [
        (0, (3, 3), (3, 1)),
        (5, (3,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (-2,), (1,)),
        (0, (1000, 1000), (0, 0)),  # one element, shown a million times
        (0, (2, 2), (1,)),
        (0.5, (2,), (1,)),
    ],
)
def test_refuses_views_beyond_their_storage(
    torch: types.ModuleType, offset: float, size: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    storage = Storage("0", torch.FloatStorage, [0.0] * 7)
    tensors = {"w": View(storage, offset, size, strides)}
    with pytest.raises(InvalidModelError):
        read_state_dict(legacy_file(tensors, [storage]))


def test_refuses_a_number_that_would_fill_the_memory() -> None:
    put_at_the_end = b"\x80\x02}r\xff\xff\xff\x7f."  # a dict, LONG_BINPUT, and a STOP
    with pytest.raises(InvalidModelError, match="puts an object at 2147483647"):
        read_state_dict(put_at_the_end)


class Evil:
    def __reduce__(self) -> Any:
        return print, ("a pickle was run",)


def test_refuses_to_call_what_no_state_dict_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidModelError, match=r"__builtin__\.print|builtins\.print"):
        read_state_dict(legacy_file({"w": Evil()}, []))
    assert capsys.readouterr().out == ""


def test_refuses_what_is_not_that_format(torch: types.ModuleType) -> None:
    storage = Storage("0", torch.FloatStorage, [1.0, 2.0])
    whole = legacy_file({"w": View(storage, 0, (2,), (1,))}, [storage])
    assert read_state_dict(whole)["w"].tolist() == [1, 2]
    for broken in (b"", b"PK\x03\x04", whole[:-3], whole[:40], legacy_file({}, [], magic=1)):
        with pytest.raises(InvalidModelError):
            read_state_dict(broken)


def a_valid_file() -> bytes:
    with pytest.MonkeyPatch.context() as monkeypatch:
        module = fake_torch(monkeypatch)
        storage = Storage("0", module.FloatStorage, [1.0, 2.0, 3.0, 4.0])
        tensors = {"w": View(storage, 0, (2, 2), (1, 2)), "b": View(storage, 1, (3,), (1,))}
        return legacy_file(tensors, [storage])


WHOLE = a_valid_file()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_a_damaged_file_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(InvalidModelError):
        read_state_dict(bytes(data))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(InvalidModelError):
        read_state_dict(WHOLE[:length])

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mms.handlers.engine import Engine
from mms.handlers.signature import TensorSpec


class Doubling(Engine):
    """Doubles, and notes what it is called with."""

    def __init__(self, rows: int) -> None:
        self.inputs = [TensorSpec("x", (rows, 2))]
        self.calls: list[list[Any]] = []

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        self.calls.append(arrays["x"].tolist())
        return [2 * arrays["x"], arrays["x"].sum(axis=1)]


def rows(count: int) -> dict[str, NDArray[Any]]:
    return {"x": np.arange(2 * count).reshape(count, 2)}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_batches_of_any_size_run_on_a_model_of_a_fixed_one(count: int) -> None:
    engine = Doubling(3)
    double, total = engine.run(rows(count), ["double", "total"])
    assert double.tolist() == (2 * rows(count)["x"]).tolist()
    assert total.tolist() == rows(count)["x"].sum(axis=1).tolist()
    assert {len(call) for call in engine.calls} == {3}
    assert len(engine.calls) == -(-count // 3)


def test_the_last_row_fills_what_is_left() -> None:
    engine = Doubling(3)
    engine.run(rows(4), ["double", "total"])
    assert engine.calls[1] == [[6, 7]] * 3


def test_a_model_of_any_size_is_called_once() -> None:
    engine = Doubling(0)
    assert engine.run(rows(5), ["double", "total"])[0].shape == (5, 2)
    assert len(engine.calls) == 1


@pytest.mark.parametrize(
    ("spec", "is_described"),
    [
        (TensorSpec("x", (0, 2)), True),
        (TensorSpec("x", (0, 0)), False),
        (TensorSpec("x", (0, 2), "int64"), False),
        (TensorSpec("x", (0,), "object"), False),
    ],
)
def test_a_request_is_at_fault_where_the_inputs_do_not_say_all(
    spec: TensorSpec, is_described: bool
) -> None:
    engine = Engine()
    engine.inputs = [TensorSpec("y", (0, 3)), spec]
    assert engine.is_described is is_described
    assert engine.is_refusal(RuntimeError("sizes must match")) is not is_described
    for said in (
        "CUDA error: device-side assert triggered",
        "CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR",
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes",
        "Failed to allocate memory for requested buffer of size 8",
        "std::bad_alloc",
    ):
        assert not engine.is_refusal(RuntimeError(said)), "it is the machine's"


def test_an_engine_says_what_it_does() -> None:
    with pytest.raises(NotImplementedError):
        Engine().infer({}, [])

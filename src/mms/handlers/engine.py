"""What a handler needs of an engine: arrays in, arrays out, whatever library runs the model."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mms.handlers.base import RequestError, require
from mms.handlers.signature import show_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mms.handlers.signature import TensorSpec

_MACHINE = re.compile(
    "CUDA|CUDNN|CUBLAS|HIP error|out of memory|allocate memory|bad_?alloc", re.IGNORECASE
)
"""What engines say where memory or a device has failed, and not what they were given."""


class Engine:
    """A loaded model. One thread.

    `inputs` and `outputs` say what it takes and gives. `is_batched` tells whether the first size
    of all of them is the batch; if it is not, each request has the model to itself. With
    `takes_gaps` a number may be missing from a request: null in JSON, NaN in the array.
    """

    inputs: Sequence[TensorSpec] = ()
    outputs: Sequence[TensorSpec] = ()
    is_batched = True
    takes_gaps = False

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the model once: the outputs of these names, in order.

        Raises RequestError for arrays that the model cannot take, and the engine's own errors.
        """
        raise NotImplementedError

    @property
    def is_described(self) -> bool:
        """Whether shapes and types of the inputs say all that a request must be.

        Sizes that are open, whole numbers that may be places in a table, and text: there only
        running the model shows what it cannot take, and that is the fault of the request.
        """
        return all(each.dtype.startswith("float") and all(each.shape[1:]) for each in self.inputs)

    def is_refusal(self, error: BaseException) -> bool:
        """Tell an error that a request has caused from one of the model, the memory or the device.

        A GPU that has failed once fails always: no client is to be blamed for that.
        """
        return not self.is_described and _MACHINE.search(str(error)) is None

    def explain(self, error: BaseException) -> str:
        """Say in one line what an error of the engine's says."""
        return f"{type(error).__name__}: {' '.join(str(error).split())}".strip(" :")

    def refuse(self, arrays: Mapping[str, NDArray[Any]], error: BaseException) -> RequestError:
        """Make the answer to arrays that the model cannot take out of what the engine raised."""
        seen = ", ".join(f"{name} of {each.dtype} {each.shape}" for name, each in arrays.items())
        return RequestError(f"The model cannot take {seen}: {self.explain(error)}")

    def warm_up(self, inputs: Sequence[TensorSpec]) -> None:
        """Run the model once on zeros, or empty text, if no size is open but the batch's.

        So what cannot run fails the load, and not each request. Raises ValueError.
        """
        numpy, step = require("numpy", "numpy"), self.fixed_rows or 1
        shapes = [(step, *each.shape[1:]) if self.is_batched else each.shape for each in inputs]
        if not all(all(shape) for shape in shapes):
            return
        arrays = {
            each.name: numpy.full(shape, "" if each.dtype == "object" else 0, each.dtype)
            for each, shape in zip(inputs, shapes)
        }
        try:
            self.infer(arrays, [each.name for each in self.outputs])
        except MemoryError:
            raise
        except Exception as exc:  # each engine has its own
            said = ", ".join(f"{each.name} {show_shape(each.shape)}" for each in inputs)
            reason = self.explain(exc.__cause__ or exc)
            raise ValueError(f"The model cannot run on {said}: {reason}") from exc

    @property
    def fixed_rows(self) -> int:
        """How many rows the model takes at once, no more and no fewer; 0 for any number."""
        sizes = {each.shape[0] for each in self.inputs if each.shape}
        return max(sizes) if self.is_batched and sizes else 0

    def run(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Run the model on any number of rows, even where it takes only so many at once.

        Then a larger batch is cut up, and the last part filled with copies of its last row, whose
        answers are thrown away. Every array has the same number of rows, at least one.
        """
        step = self.fixed_rows
        if not step:
            return self.infer(arrays, names)
        rows = len(next(iter(arrays.values())))
        parts = [self.infer(_take(arrays, start, step), names) for start in range(0, rows, step)]
        concatenate = require("numpy", "numpy").concatenate
        return [concatenate(part)[:rows] for part in zip(*parts)]


def _take(arrays: Mapping[str, NDArray[Any]], start: int, rows: int) -> dict[str, NDArray[Any]]:
    """Take that many rows of each array, the last one again and again where they do not reach."""
    numpy = require("numpy", "numpy")
    taken = {}
    for name, array in arrays.items():
        part = array[start : start + rows]
        missing = rows - len(part)
        if missing:
            part = numpy.concatenate([part, numpy.repeat(part[-1:], missing, axis=0)])
        taken[name] = part
    return taken


def find_file(folder: str, name: str | None, usual: Sequence[str]) -> str:
    """Find a model's file: the one that is named, else the first of the usual ones there is.

    Raises FileNotFoundError that says what was looked for.
    """
    names = [name] if name else list(usual)
    for each in names:
        path = os.path.join(folder, each)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{folder} has no {' or '.join(names)}")

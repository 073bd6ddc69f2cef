"""From the inputs of one request to the arrays that a model takes. Needs numpy.

An input may be nested lists of numbers (JSON), an array in numpy's own format (`.npy`, type
`application/x-npy`), or text for a model that takes it. What does not fit is the client's mistake:
a RequestError.
"""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mms.handlers.base import RequestError, find_input, require
from mms.handlers.signature import show_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mms.handlers.signature import TensorSpec

_NPY_MAGIC = b"\x93NUMPY"
_NUMBERS = "fiub"  # numpy's kinds: float, int, unsigned, bool


class Item(NamedTuple):
    """One request's arrays by the names of the inputs.

    In a batched model each has `rows` rows; `is_single` tells that the client sent one row without
    the size of a batch, and wants its answer so.
    """

    arrays: dict[str, Any]
    rows: int = 1
    is_single: bool = True


class TensorReader:
    """Reads requests for a model with these inputs; with `takes_gaps`, null is NaN."""

    def __init__(
        self, specs: Sequence[TensorSpec], *, is_batched: bool = True, takes_gaps: bool = False
    ) -> None:
        self._numpy = require("numpy", "numpy")
        self.concatenate = self._numpy.concatenate
        self._specs = specs
        self._is_batched = is_batched
        self._takes_gaps = takes_gaps

    def read(self, request: dict[str, Any]) -> Item:
        """Read one request: arrays of the types and shapes that the model takes.

        A batched model takes either one row or several: (3,) or (N, 3) for an input (any, 3), and
        for (any, 1) one value, too. All inputs of a request must do it in the same way. Raises
        RequestError.
        """
        values = self._find(request)
        arrays = {each.name: self._to_array(values[each.name], each) for each in self._specs}
        if not self._is_batched:
            for spec in self._specs:
                self._check(spec, arrays[spec.name].shape, spec.shape)
            return Item(arrays)
        for spec in self._specs:
            if arrays[spec.name].ndim == 0 and set(spec.shape[1:]) <= {0, 1}:
                arrays[spec.name] = arrays[spec.name].reshape((1,) * (len(spec.shape) - 1))
        are_single = {arrays[each.name].ndim < len(each.shape) for each in self._specs}
        if are_single == {True}:
            arrays = {name: array[None] for name, array in arrays.items()}
        for spec in self._specs:
            self._check(spec, arrays[spec.name].shape[1:], spec.shape[1:])
        rows = {len(array) for array in arrays.values()}
        if len(rows) != 1 or rows == {0}:
            raise RequestError(
                f"Expected equally many rows in each input, at least one; saw {sorted(rows)}."
            )
        return Item(arrays, rows.pop(), are_single == {True})

    def _find(self, request: dict[str, Any]) -> dict[str, Any]:
        names = [each.name for each in self._specs]
        if len(names) == 1 and names[0] not in request:
            value = _parse(find_input(request, "body", "data"), self._specs[0].dtype)
            return value if isinstance(value, dict) and names[0] in value else {names[0]: value}
        if not all(name in request for name in names) and len(request) == 1:
            value = _parse(next(iter(request.values())), "")
            request = value if isinstance(value, dict) else request
        missing = [name for name in names if name not in request]
        if missing:
            raise RequestError(
                f"Expected the inputs {', '.join(names)}; the request lacks {', '.join(missing)}."
            )
        return request

    def _to_array(self, value: Any, spec: TensorSpec) -> NDArray[Any]:
        value = _parse(value, spec.dtype)
        try:
            if isinstance(value, (bytes, bytearray)):
                return self._cast(self._read_npy(value), spec.dtype)
            return self._from_lists(value, spec.dtype)
        except (ValueError, TypeError, OverflowError) as exc:
            raise RequestError(
                f"Input {spec.name!r}: expected {spec.dtype} of shape {show_shape(spec.shape)}; "
                f"{exc}"
            ) from exc

    def _from_lists(self, value: Any, dtype: str) -> NDArray[Any]:
        """Convert nested lists. Said with the type at once, because then a ragged one raises."""
        numpy = self._numpy
        if dtype == "object":
            array = numpy.asarray(value, object)
            if not all(isinstance(each, str) for each in array.ravel()):
                raise ValueError("not all elements are text, or lists differ in length")
            return array  # type: ignore[no-any-return]  # numpy is imported at run time
        if numpy.dtype(dtype).kind in "iu":
            exact = numpy.asarray(value, float)
            if not (exact == numpy.floor(exact)).all():
                raise ValueError("saw numbers that are not whole")
            is_large = exact.size and numpy.abs(exact).max() >= 2**53  # a float may have rounded it
            return self._cast(numpy.asarray(value, "int64") if is_large else exact, dtype)
        with numpy.errstate(over="ignore"):
            array = numpy.asarray(value, dtype)
        if not self._takes_gaps and numpy.isnan(array).any() and self._has_null(value):
            raise ValueError("saw null, which is no number")
        return array  # type: ignore[no-any-return]  # as above

    def _has_null(self, value: Any) -> bool:
        """Tell whether lists have a None; numpy has made a NaN of it."""
        return None in self._numpy.asarray(value, object).ravel().tolist()

    def _cast(self, array: NDArray[Any], dtype: str) -> NDArray[Any]:
        """Convert to the wanted type, unless values would be lost; of floats, only digits are."""
        numpy = self._numpy
        wanted = numpy.dtype(dtype)
        if wanted.kind in "iu" and array.size:
            limits = numpy.iinfo(wanted)
            if array.dtype.kind not in "iuf" or not (array == numpy.floor(array)).all():
                raise ValueError(f"saw {array.dtype}")
            if array.min() < limits.min or array.max() > limits.max:
                raise ValueError(f"saw numbers from {array.min()} to {array.max()}")
        elif array.dtype != wanted and (array.dtype.kind not in _NUMBERS or wanted.kind == "b"):
            raise ValueError(f"saw {array.dtype}")
        with numpy.errstate(over="ignore"):
            return array.astype(wanted, copy=False)

    def _read_npy(self, content: bytes | bytearray) -> NDArray[Any]:
        """Read an array without trusting what its head says of its size, nor any pickle.

        Source: numpy, `numpy.lib.format`, versions 1.0 and 2.0; 3.0 differs in names of fields.
        """
        numpy, file = self._numpy, io.BytesIO(content)
        try:
            version, _ = numpy.lib.format.read_magic(file)
            read_head = getattr(numpy.lib.format, f"read_array_header_{version}_0")
            shape, is_fortran, dtype = read_head(file)
        except (
            Exception
        ) as exc:  # it parses Python, and bytes made to break that may raise anything
            raise ValueError(f"saw an .npy file whose head cannot be read: {exc!r}") from exc
        count, offset = math.prod(shape), file.tell()
        if dtype.hasobject or dtype.names or len(content) - offset != count * dtype.itemsize:
            raise ValueError(
                f"saw an .npy file of {dtype} {shape} with {len(content) - offset} bytes of data"
            )
        array = numpy.frombuffer(bytes(content), dtype, count, offset)
        return array.reshape(shape, order="F" if is_fortran else "C")  # type: ignore[no-any-return]  # as above

    def _check(self, spec: TensorSpec, seen: Sequence[int], wanted: Sequence[int]) -> None:
        fits = len(seen) == len(wanted) and all(
            not size or size == other for size, other in zip(wanted, seen)
        )
        if not fits:
            raise RequestError(
                f"Input {spec.name!r}: expected the shape {show_shape(spec.shape)}"
                f"{', or one row of it' if self._is_batched else ''}; saw {show_shape(seen)}"
                f"{' in a row' if self._is_batched else ''}."
            )


def _parse_text(value: bytes | bytearray) -> Any:
    """Read what a model of text is sent without a type, or with another one than `text/plain`.

    It is JSON if it is a JSON string, list or object; anything else is the text itself, numbers
    too.
    """
    if not value:
        raise RequestError("The request has no text: it is empty.")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise RequestError(f"Expected text in UTF-8; {exc.reason} at byte {exc.start}.") from exc
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, (str, list, dict)) else text


def _parse(value: Any, dtype: str) -> Any:
    """Parse what the worker did not: JSON of which the client did not say that it is JSON."""
    if dtype == "object" and isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)) and value[: len(_NPY_MAGIC)] == _NPY_MAGIC:
        return value
    if dtype == "object" and isinstance(value, (bytes, bytearray)):
        return _parse_text(value)
    if not isinstance(value, (bytes, bytearray, str)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise RequestError(
            f"Expected JSON (application/json) or an .npy file (application/x-npy); {exc}"
        ) from exc

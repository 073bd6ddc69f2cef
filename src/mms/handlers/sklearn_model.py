"""Serves a scikit-learn estimator; an archive that names this handler needs no code.

A `.joblib` or `.pkl` file is a pickle: loading it runs whatever it says, so an archive with one
must be trusted like one with code. A `.skops` file holds no code, and names its types.
"""

from __future__ import annotations

import os
import pickle
import re
from typing import TYPE_CHECKING, Any

from mms.handlers.base import RequestError, require
from mms.handlers.engine import Engine, find_file
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_section, read_specs, show_shape
from mms.handlers.tensor_handler import TensorHandler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILES = ("model.skops", "model.joblib", "model.pkl")
_DEFAULT_METHODS = ("predict", "predict_proba")
_METHODS = (*_DEFAULT_METHODS, "decision_function", "score_samples", "transform")
_NOT_FINITE = re.compile("NaN|infinity")
"""In what scikit-learn's `check_array` raises."""
_KEYS = {"file": str, "trusted": list}


class UntrustedTypesError(ValueError):
    """A `.skops` file has types that nobody has said to trust."""


class SklearnModel(TensorHandler):
    """Answers with what the estimator's methods return. docs/scikit-learn.md has the files."""

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the estimator."""
        return SklearnEngine(context, signature)


class SklearnEngine(Engine):
    """An estimator, as the object `sklearn` of its signature describes it.

    `sklearn` may have `file` (`model.skops`, `model.joblib` or `model.pkl` unless said) and
    `trusted` (the types in a `.skops` file that scikit-learn itself does not have, by their full
    names). The input is `x` with as many columns as the estimator was fitted with, unless the
    signature says otherwise: text has the `data_type` `object`. The outputs are methods: `predict`,
    and `predict_proba` where there is one, unless the signature names others. An estimator that
    was fitted with a frame of pandas gets one.

    Raises MissingPackageError, ValueError for a file or signature that does not fit, OSError for a
    missing file, and whatever unpickling raises.
    """

    takes_gaps = True  # for estimators to judge: some are made for them

    def __init__(self, context: Context, signature: Mapping[str, Any]) -> None:
        require("sklearn", "scikit-learn")
        settings = read_section(dict(signature), "sklearn", _KEYS)
        path = find_file(context.system_properties["model_dir"], settings.get("file"), MODEL_FILES)
        self.estimator = _load_file(path, settings.get("trusted", []))
        self.inputs = _one_input(read_specs(dict(signature), "inputs"), self.estimator)
        usual = [name for name in _DEFAULT_METHODS if hasattr(self.estimator, name)]
        self.outputs = read_specs(dict(signature), "outputs") or [
            TensorSpec(name, ()) for name in usual
        ]
        _check_methods([each.name for each in self.outputs], self.estimator)
        self._columns = getattr(self.estimator, "feature_names_in_", None)
        self._pandas = None if self._columns is None else require("pandas", "pandas")

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the methods of these names on all rows.

        Raises RequestError for rows that the estimator cannot take: scikit-learn's ValueErrors.
        """
        asarray = require("numpy", "numpy").asarray
        (rows,) = arrays.values()
        if self._pandas is not None:
            rows = self._pandas.DataFrame(rows, columns=self._columns)
        try:
            found = [getattr(self.estimator, name)(rows) for name in names]
        except ValueError as exc:
            raise self.refuse(arrays, exc) from exc
        return [asarray(each.toarray() if hasattr(each, "toarray") else each) for each in found]

    def explain(self, error: BaseException) -> str:
        """Take what happened; the advice on how to train another model goes to the log only."""
        return str(error).partition("\n")[0]

    def refuse(self, arrays: Mapping[str, NDArray[Any]], error: BaseException) -> RequestError:
        """Say where a row has no number, or one that is not finite, if that is what is wrong."""
        ((name, rows),) = arrays.items()
        where = _first_unusual(rows)
        if where is None or not _NOT_FINITE.search(str(error)):
            return super().refuse(arrays, error)
        value = rows[where]
        column = f"column {where[1]}"
        if self._columns is not None:
            column += f" ({self._columns[where[1]]})"
        return RequestError(
            f"Input {name!r} has {'null or NaN' if value != value else value} in row {where[0]}, "
            f"{column}, both counted from 0; this model takes finite numbers only."
        )


def _first_unusual(rows: NDArray[Any]) -> tuple[int, int] | None:
    """Find the row and column of the first value that is NaN or infinite."""
    if rows.dtype.kind != "f" or rows.ndim != 2:
        return None
    numpy = require("numpy", "numpy")
    places = numpy.argwhere(~numpy.isfinite(rows))
    return (int(places[0][0]), int(places[0][1])) if len(places) else None


def _load_file(path: str, trusted: Sequence[str]) -> Any:
    """Load an estimator. What reading raises depends on the bytes, and names no file."""
    name = os.path.basename(path)
    try:
        found = _load(path, trusted)
    except (ImportError, MemoryError, UntrustedTypesError):
        raise
    except Exception as exc:  # unpickling runs whatever the file says
        raise ValueError(f"{name} cannot be loaded: {type(exc).__name__}: {exc}") from exc
    if not any(hasattr(found, method) for method in _METHODS):
        raise ValueError(
            f"{name} holds a {type(found).__name__}, not an estimator: expected one of the methods "
            f"{', '.join(_METHODS)}"
        )
    return found


def _load(path: str, trusted: Sequence[str]) -> Any:
    if path.endswith(".skops"):
        return _load_skops(path, trusted)
    if path.endswith(".joblib"):
        return require("joblib", "joblib").load(path)
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301 - the archive is trusted like its code


def _load_skops(path: str, trusted: Sequence[str]) -> Any:
    skops = require("skops.io", "skops")
    unknown = sorted(set(skops.get_untrusted_types(file=path)) - set(trusted))
    if unknown:
        raise UntrustedTypesError(
            f"{os.path.basename(path)} has types that are not scikit-learn's: "
            f"{', '.join(unknown)}. If you trust them, list them in {SIGNATURE_FILE}: "
            '"sklearn": {"trusted": [...]}'
        )
    return skops.load(path, trusted=list(trusted))


def _one_input(specs: Sequence[TensorSpec], estimator: Any) -> list[TensorSpec]:
    if len(specs) > 1:
        raise ValueError(f"{SIGNATURE_FILE}: an estimator has one input, saw {len(specs)}")
    columns = getattr(estimator, "n_features_in_", None)
    if specs:
        return [_fitted(specs[0], columns)]
    if columns is None:
        raise ValueError(
            f"{SIGNATURE_FILE}: expected the input, because the estimator does not tell it: "
            '"inputs": [{"data_name": "x", "data_shape": [0], "data_type": "object"}] for text'
        )
    return [TensorSpec("x", (0, int(columns)), "float64")]


def _fitted(spec: TensorSpec, columns: int | None) -> TensorSpec:
    """Compare an input with what the estimator was fitted with; the batch is open."""
    if columns is None:
        return spec._replace(shape=(0, *spec.shape[1:]))
    if len(spec.shape) != 2 or spec.shape[1] not in (0, columns):
        raise ValueError(
            f"{SIGNATURE_FILE} says {spec.name!r} has the shape {show_shape(spec.shape)}; the "
            f"estimator was fitted with {show_shape((0, columns))}"
        )
    return spec._replace(shape=(0, int(columns)))


def _check_methods(names: Sequence[str], estimator: Any) -> None:
    missing = [name for name in names if name not in _METHODS or not hasattr(estimator, name)]
    if missing or not names:
        known = [name for name in _METHODS if hasattr(estimator, name)]
        raise ValueError(
            f"{SIGNATURE_FILE} has {', '.join(missing) or 'nothing'} in outputs; "
            f"{type(estimator).__name__} has {', '.join(known) or 'no method to serve'}"
        )

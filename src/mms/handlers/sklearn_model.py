"""Serves a scikit-learn estimator; an archive that names this handler needs no code.

A `.joblib` or `.pkl` file is a pickle: loading it runs whatever it says, so an archive with one
must be trusted like one with code. A `.skops` file holds no code, and names its types.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.engine import Engine, find_file
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, read_section, read_specs
from mms.handlers.tensor_handler import TensorHandler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILES = ("model.skops", "model.joblib", "model.pkl")
_DEFAULT_METHODS = ("predict", "predict_proba")
_METHODS = (*_DEFAULT_METHODS, "decision_function", "score_samples", "transform")
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
    and `predict_proba` where there is one, unless the signature names others.

    Raises MissingPackageError, ValueError for a file or signature that does not fit, OSError for a
    missing file, and whatever unpickling raises.
    """

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

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the methods of these names on all rows."""
        asarray = require("numpy", "numpy").asarray
        (rows,) = arrays.values()
        found = [getattr(self.estimator, name)(rows) for name in names]
        return [asarray(each.toarray() if hasattr(each, "toarray") else each) for each in found]


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
    if specs:
        return [each._replace(shape=(0, *each.shape[1:])) for each in specs]
    columns = getattr(estimator, "n_features_in_", None)
    if columns is None:
        raise ValueError(
            f"{SIGNATURE_FILE}: expected the input, because the estimator does not tell it: "
            '"inputs": [{"data_name": "x", "data_shape": [0], "data_type": "object"}] for text'
        )
    return [TensorSpec("x", (0, int(columns)), "float64")]


def _check_methods(names: Sequence[str], estimator: Any) -> None:
    missing = [name for name in names if name not in _METHODS or not hasattr(estimator, name)]
    if missing or not names:
        known = [name for name in _METHODS if hasattr(estimator, name)]
        raise ValueError(
            f"{SIGNATURE_FILE} has {', '.join(missing) or 'nothing'} in outputs; "
            f"{type(estimator).__name__} has {', '.join(known) or 'no method to serve'}"
        )

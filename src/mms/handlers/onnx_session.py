"""Opens ONNX models the way a worker should: with its share of threads, and without telemetry."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mms.handlers.base import require
from mms.handlers.cores import choose_threads
from mms.handlers.engine import Engine
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, choose_specs, read_section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILE = "model.onnx"
_CPU = "CPUExecutionProvider"
_ON_GPU = ("CUDAExecutionProvider", "TensorrtExecutionProvider", "ROCMExecutionProvider")
_ERROR = 3  # onnxruntime's logging severity
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
_KEYS = {"batched": bool, "file": str, "providers": list, "threads": object}
_FAULTS = ("Fail", "InvalidArgument", "RuntimeException")
_PLACE = re.compile(r"(^\S+:\d+ )|(.* was false\. )")
"""Where in onnxruntime's source an error is from, and what was tested there."""
_STOPS_SPINNING = "session.force_spinning_stop"
"""See onnxruntime's onnxruntime_session_options_config_keys.h."""
_DTYPES = {"float": "float32", "double": "float64", "string": "object"}
"""Where onnxruntime's name of a type is not numpy's."""


def open_session(
    path: str, *, threads: int = 0, providers: Sequence[Any] = ()
) -> onnxruntime.InferenceSession:
    """Open a model, on the CPU unless providers are given.

    Uses as many threads as OMP_NUM_THREADS says unless a number is given, else one: several
    workers that each take every core hinder each other. Between two runs they sleep: by default
    they go on for 50 ms looking for work, on cores that others could use. onnxruntime 1.32 collects
    telemetry from its import on (its `Privacy.md`): that is turned off, unless the environment
    already says something about it.

    Raises MissingPackageError without onnxruntime, ValueError for providers that it lacks, and
    onnxruntime's own errors for a file that it cannot load.
    """
    os.environ.setdefault(_NO_TELEMETRY, "1")
    runtime = require("onnxruntime", "onnxruntime")
    _check_providers(providers, runtime.get_available_providers())
    options = runtime.SessionOptions()
    said = os.environ.get("OMP_NUM_THREADS", "1")
    options.intra_op_num_threads = threads or max(1, int(said) if said.isdecimal() else 1)
    options.inter_op_num_threads = 1
    options.add_session_config_entry(_STOPS_SPINNING, "1")
    options.log_severity_level = _ERROR
    return runtime.InferenceSession(path, options, providers=list(providers) or [_CPU])


class OnnxEngine(Engine):
    """An ONNX model, as its file and the object `onnx` of its signature describe it.

    `onnx` may have `file` (`model.onnx` unless said), `threads` (a number, or `share`: see
    `cores`), `providers` (names of onnxruntime's, in the order of preference, or [name, options]
    pairs; on a GPU the worker's own device is used) and `batched` (false where the first size of
    the inputs is not the batch).

    Sizes that the file leaves open and the signature fills in are tried on zeros, once.

    Raises what `open_session` does, and ValueError for settings that make no sense or a signature
    that does not fit.
    """

    def __init__(self, context: Context, signature: Mapping[str, Any]) -> None:
        settings = read_section(dict(signature), "onnx", _KEYS)
        path = os.path.join(
            context.system_properties["model_dir"], settings.get("file", MODEL_FILE)
        )
        self.session = open_session(
            path,
            threads=choose_threads(context, settings.get("threads")),
            providers=with_device(
                settings.get("providers", ()), context.system_properties["gpu_id"]
            ),
        )
        self.inputs = [_spec(each) for each in self.session.get_inputs()]
        tensors = [each for each in self.session.get_outputs() if each.type.startswith("tensor(")]
        self.outputs = [_spec(each) for each in tensors]
        self.is_batched = settings.get("batched", _has_batch(self.inputs))
        errors = require("onnxruntime.capi.onnxruntime_pybind11_state", "onnxruntime")
        self._faults = tuple(getattr(errors, name) for name in _FAULTS)
        wanted = choose_specs(dict(signature), "inputs", self.inputs)
        if {each.name: each for each in wanted} != {each.name: each for each in self.inputs}:
            self.warm_up(wanted)

    def infer(self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
        """Call the model once: the outputs of these names, in order."""
        try:
            return self.session.run(list(names), dict(arrays))  # type: ignore[no-any-return]  # onnxruntime is untyped
        except self._faults as exc:
            if not self.is_refusal(exc):
                raise
            raise self.refuse(arrays, exc) from exc

    def explain(self, error: BaseException) -> str:
        """Take the reason out of an error, which begins with a number and a node."""
        said = super().explain(error)
        return _PLACE.sub("", said.rpartition("Status Message: ")[2])


def _spec(argument: Any) -> TensorSpec:
    """Take one of the graph's own inputs or outputs; a size that has a name is open."""
    kind = argument.type[len("tensor(") : -1]
    shape = tuple(size if isinstance(size, int) and size > 0 else 0 for size in argument.shape)
    return TensorSpec(argument.name, shape, _DTYPES.get(kind, kind))


def _has_batch(inputs: Sequence[TensorSpec]) -> bool:
    return all(each.shape for each in inputs) and len({each.shape[0] for each in inputs}) == 1


def _check_providers(providers: Sequence[Any], available: Sequence[str]) -> None:
    """Refuse a provider that onnxruntime would pass over, with the CPU slow in its place."""
    names = [each if isinstance(each, str) else each[0] for each in providers]
    missing = [name for name in names if name not in available]
    if missing:
        raise ValueError(
            f"{SIGNATURE_FILE}: onnxruntime has no {', '.join(missing)} here; "
            f"it has {', '.join(available)}"
        )


def _check_form(providers: Sequence[Any]) -> None:
    wrong = [each for each in providers if not (isinstance(each, str) or _is_pair(each))]
    if wrong:
        raise ValueError(
            f"{SIGNATURE_FILE}: onnx: providers: expected names, or [name, {{option: value}}] "
            f"pairs; saw {wrong[0]!r}"
        )


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], dict)
    )


def with_device(providers: Sequence[Any], gpu_id: int | None) -> list[Any]:
    """Give the worker's own GPU to the providers that run on one, unless a device is named.

    Raises ValueError for what is neither a name nor a name with options.
    """
    _check_form(providers)
    chosen: list[Any] = []
    for each in providers:
        name, options = (each, {}) if isinstance(each, str) else each
        if name in _ON_GPU and gpu_id is not None:
            options = {"device_id": gpu_id, **options}
        chosen.append((name, options) if options else name)
    return chosen

"""Services of Multi Model Server 0.x for MXNet: names and behaviour of its 0.4.

They differ in one thing: parameters that cannot be loaded fail the load, where a Gluon service
only logged it and then failed each request.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

from mms.handlers.mxnet_files import load_network
from mms.handlers.mxnet_runtime import first_line, import_mxnet, open_device
from mms.model_service.model_service import SingleNodeService, read_signature
from mms.service import PredictionException

__all__ = [
    "GluonImperativeBaseService",
    "MXNetBaseService",
    "SingleNodeService",
    "check_input_shape",
]

_SYMBOL_SUFFIX = "-symbol.json"
_EPOCH = re.compile(r"-(\d+)\.params$")


class InputShapeError(PredictionException, AssertionError):
    """A request's arrays do not fit the signature: that is answered with 400.

    Multi Model Server asserts, and answers 503; services that catch its AssertionError catch this.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, 400)


def check_input_shape(inputs: Any, signature: dict[str, Any]) -> None:
    """Check arrays against a signature, in which 0 means any size; the batch may have any.

    Raises InputShapeError with what was expected and seen.
    """
    kind = import_mxnet().nd.NDArray
    expected = signature["inputs"]
    _expect(isinstance(inputs, list), "Input data must be a list.")
    _expect(
        len(inputs) == len(expected),
        f"Input number mismatches with signature. {len(expected)} expected but got {len(inputs)}.",
    )
    for array, each in zip(inputs, expected):
        name, shape = each["data_name"], each["data_shape"]
        _expect(isinstance(array, kind), "Each input must be NDArray.")
        _expect(
            len(array.shape) == len(shape),
            f"Shape dimension of input {name} mismatches with signature. "
            f"{len(shape)} expected but got {len(array.shape)}.",
        )
        fits = all(want in (0, seen) for want, seen in zip(shape[1:], array.shape[1:]))
        _expect(
            fits,
            f"Input {name} has different shape with signature. "
            f"{shape} expected but got {array.shape}.",
        )


def _expect(is_so: bool, message: str) -> None:
    if not is_so:
        raise InputShapeError(message)


class _MXNetService(SingleNodeService):
    """What both kinds have: device, signature, labels."""

    def __init__(
        self, model_name: str, model_dir: str, manifest: dict[str, Any], gpu: int | None = None
    ) -> None:
        super().__init__(model_name, model_dir, manifest, gpu)
        self.model_name = model_name
        self.param_filename: str | None = manifest["Model"].get("Parameters")
        self.ctx = open_device(None if gpu is None else int(gpu))
        self._signature = read_signature(model_dir, manifest)
        labels = os.path.join(model_dir, "synset.txt")
        if os.path.isfile(labels):
            with open(labels, encoding="utf-8") as file:
                self.labels = [line.strip() for line in file]

    def ping(self) -> Any:
        """Say which MXNet serves the model."""
        return import_mxnet().__version__

    @property
    def signature(self) -> Any:  # a method there, a property here: as in Multi Model Server
        """The parsed signature."""
        return self._signature


class MXNetBaseService(_MXNetService):
    """Serves a checkpoint: the manifest's `Symbol`, and its `Parameters`.

    `mx_model` is a Module bound for a batch of 1, with 1 for every size that the signature leaves
    open; it binds itself anew for other shapes. Answers each output's numbers as text.
    """

    def __init__(
        self, model_name: str, model_dir: str, manifest: dict[str, Any], gpu: int | None = None
    ) -> None:
        super().__init__(model_name, model_dir, manifest, gpu)
        mx = import_mxnet()
        for each in self._signature["inputs"]:
            each["data_shape"] = [1, *(size or 1 for size in each["data_shape"][1:])]
        shapes = [
            (each["data_name"], tuple(each["data_shape"])) for each in self._signature["inputs"]
        ]
        symbol, weights, states = _load_checkpoint(model_dir, manifest["Model"])
        self.mx_model = mx.mod.Module(
            symbol=symbol,
            context=self.ctx,
            data_names=[name for name, _ in shapes],
            label_names=None,
        )
        self.mx_model.bind(for_training=False, data_shapes=shapes)
        self.mx_model.set_params(weights, states, allow_missing=True, allow_extra=True)

    def _preprocess(self, data: Any) -> Any:
        return [_to_array(each, spec) for each, spec in zip(data, self.signature["inputs"])]

    def _inference(self, data: Any) -> Any:
        check_input_shape(data, self.signature)
        mx = import_mxnet()
        try:
            self.mx_model.forward(mx.io.DataBatch([each.as_in_context(self.ctx) for each in data]))
        except mx.base.MXNetError as exc:  # of sizes that the signature leaves open
            seen = " and ".join(
                f"{spec['data_name']} of {each.shape}"
                for each, spec in zip(data, self.signature["inputs"])
            )
            raise InputShapeError(f"The model cannot take {seen}: {first_line(exc)}") from exc
        outputs = self.mx_model.get_outputs()
        for output in outputs:
            output.wait_to_read()  # or the log would have the time of postprocessing too long
        return outputs

    def _postprocess(self, data: Any) -> Any:
        return [str(output.asnumpy().tolist()) for output in data]


class GluonImperativeBaseService(_MXNetService):
    """Serves a Gluon network that the subclass makes and hands over as `net`.

    The manifest's `Parameters` are loaded into it; without them, or without a network, it is the
    subclass's to do so.
    """

    def __init__(
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any],
        net: Any = None,
        gpu: int | None = None,
    ) -> None:
        super().__init__(model_name, model_dir, manifest, gpu)
        self.net = net
        if self.param_filename and net is not None:
            path = os.path.join(model_dir, self.param_filename)
            _check_exists(path)
            load_network(net, path, self.ctx)
        else:
            logging.info("No parameters file given for this imperative service")

    def _preprocess(self, data: Any) -> Any:
        return None

    def _inference(self, data: Any) -> Any:
        check_input_shape(data, self.signature)

    def _postprocess(self, data: Any) -> Any:
        return None


def _to_array(value: Any, spec: dict[str, Any]) -> Any:
    """Make an MXNet array of a request's value. Raises PredictionException with 400."""
    mx = import_mxnet()
    if value is None:
        raise PredictionException(f"The request has no input {spec['data_name']}.", 400)
    try:
        return mx.nd.array(value)
    except (TypeError, ValueError, mx.base.MXNetError) as exc:
        raise PredictionException(
            f"The input is no array of numbers: {first_line(exc)}", 400
        ) from exc


def _load_checkpoint(model_dir: str, model: dict[str, Any]) -> Any:
    """Load what MXNet calls a checkpoint; the epoch is in the name of the parameters' file."""
    symbol = model["Symbol"]
    if not symbol.endswith(_SYMBOL_SUFFIX):
        raise ValueError(f"MANIFEST.json names the Symbol {symbol}: expected NAME{_SYMBOL_SUFFIX}.")
    found = _EPOCH.search(model.get("Parameters") or "")
    prefix = os.path.join(model_dir, symbol[: -len(_SYMBOL_SUFFIX)])
    epoch = int(found.group(1)) if found else 0
    _check_exists(os.path.join(model_dir, symbol))
    _check_exists(f"{prefix}-{epoch:04d}.params")
    return import_mxnet().model.load_checkpoint(prefix, epoch)


def _check_exists(path: str) -> None:
    if not os.path.isfile(path):
        raise ValueError(f"The archive has no {os.path.basename(path)}.")

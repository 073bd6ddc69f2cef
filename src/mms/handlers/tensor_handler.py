"""Serves any model that takes and gives arrays; what runs it is a subclass's to say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mms.handlers.base import Handler, RequestError
from mms.handlers.inputs import Item, TensorReader
from mms.handlers.outputs import NPY, encode_json, encode_npy, wants_npy
from mms.handlers.signature import choose_specs, find_signature

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine

logger = logging.getLogger(__name__)


class TensorHandler(Handler):
    """Takes arrays as JSON or `.npy` files, and answers in the one that the client accepts.

    The members of a batch whose rows have equal shapes run in one call.
    """

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the model in `context.system_properties["model_dir"]`."""
        raise NotImplementedError

    def initialize(self, context: Context) -> None:
        """Load model and signature.

        Raises MissingPackageError, OSError for a missing file, ValueError for files that do not
        fit together, and the engine's own errors for a model that it cannot load.
        """
        signature = find_signature(context.system_properties["model_dir"])
        self._engine = self.open_engine(context, signature)
        inputs = choose_specs(signature, "inputs", self._engine.inputs)
        self._outputs = [
            each.name for each in choose_specs(signature, "outputs", self._engine.outputs)
        ]
        self._reader = TensorReader(
            inputs, is_batched=self._engine.is_batched, takes_gaps=self._engine.takes_gaps
        )

    def preprocess(self, request: dict[str, Any]) -> Item:
        """Read one request's arrays."""
        return self._reader.read(request)

    def inference(self, inputs: list[Item]) -> list[Any]:
        """Run the model: for each input, the outputs by name.

        When an engine fails on several requests, each is run alone, so that one whose values it
        cannot take does not fail the others; in place of its outputs is the RequestError.
        """
        if len(inputs) == 1:
            return self._run_one(inputs[0])
        outputs: list[Any] = [None] * len(inputs)
        for places in self._groups(inputs):
            group = [inputs[place] for place in places]
            for place, output in zip(places, self._run_or_part(group)):
                outputs[place] = output
        return outputs

    def postprocess(self, output: dict[str, Any]) -> Any:
        """Encode the outputs as JSON."""
        return encode_json(output)

    def respond(self, output: Any, context: Context, place: int) -> Any:
        """Answer in the format that the client accepts; one array only fits into an `.npy`."""
        if isinstance(output, RequestError):
            raise output
        if not wants_npy(context, place):
            return self.postprocess(output)
        if len(output) != 1 or any(array.dtype.hasobject for array in output.values()):
            raise RequestError(
                f"The output {', '.join(output)} can be had as JSON only.", status=406
            )
        context.set_response_content_type(place, NPY)
        return encode_npy(next(iter(output.values())))

    def _groups(self, inputs: list[Item]) -> list[list[int]]:
        """Divide the batch into what can run together: rows of equal shapes."""
        if not self._engine.is_batched:
            return [[place] for place in range(len(inputs))]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, item in enumerate(inputs):
            shapes = tuple(array.shape[1:] for array in item.arrays.values())
            groups.setdefault(shapes, []).append(place)
        return list(groups.values())

    def _run_or_part(self, items: list[Item]) -> list[Any]:
        try:
            return list(self._run(items))
        except MemoryError:  # the server answers 507; to try again would not help
            raise
        except RequestError as exc:
            if len(items) == 1:
                return [exc]
        except Exception:  # each engine has its own; who caused it shows when each is run alone
            if len(items) == 1:
                logger.exception("A request failed")
                return [RequestError("Prediction failed", status=503)]  # as the server says it
            logger.warning("%d requests failed together; each is run alone", len(items))
        return [output for item in items for output in self._run_or_part([item])]

    def _run_one(self, item: Item) -> list[Any]:
        """Run the only request of a batch; what the engine raises is for the server to answer."""
        try:
            return list(self._run([item]))
        except RequestError as exc:
            return [exc]

    def _run(self, items: list[Item]) -> list[dict[str, Any]]:
        if len(items) == 1:
            arrays = items[0].arrays
        else:
            concatenate = self._reader.concatenate
            arrays = {
                name: concatenate([item.arrays[name] for item in items]) for name in items[0].arrays
            }
        outputs = dict(zip(self._outputs, self._engine.run(arrays, self._outputs)))
        if not self._engine.is_batched:
            return [outputs]
        _check_rows(outputs, sum(item.rows for item in items))
        answers, start = [], 0
        for item in items:
            end = start + item.rows
            answers.append({name: array[start:end] for name, array in outputs.items()})
            start = end
        return [
            {name: array.reshape(array.shape[1:]) for name, array in answer.items()}
            if item.is_single
            else answer
            for item, answer in zip(items, answers)
        ]


def _check_rows(outputs: dict[str, Any], rows: int) -> None:
    """Find a model whose outputs are not one row for each of the inputs'."""
    wrong = {name: array.shape for name, array in outputs.items() if array.shape[:1] != (rows,)}
    if wrong:
        raise ValueError(
            f"the model was given {rows} rows and returned {wrong}: if the first size of its "
            'inputs is not the batch, say "batched": false in signature.json'
        )

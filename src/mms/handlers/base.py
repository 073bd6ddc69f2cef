"""The frame of a handler: what happens to a batch, in steps that a subclass replaces one by one."""

from __future__ import annotations

import importlib
import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mms.context import Context

logger = logging.getLogger(__name__)


class RequestError(Exception):
    """One request of a batch is wrong: its client gets this status, the others their answers."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class MissingPackageError(ImportError):
    """The interpreter that runs the model lacks a package that the handler needs."""


class Handler:
    """Serves a model in three steps: preprocess each request, infer once, postprocess each output.

    A handler file holds one subclass; the server makes one object of it per worker and calls
    `initialize`, then `handle` for every batch, always on the same thread.
    """

    content_type = "application/json"
    """Of every answer."""

    def initialize(self, context: Context) -> None:
        """Load the model from `context.system_properties["model_dir"]`.

        What it raises is shown to the operator, and the worker is not used.
        """

    def preprocess(self, request: dict[str, Any]) -> Any:
        """Turn one request's inputs into what the model takes. Raise RequestError to refuse it."""
        return request

    def inference(self, inputs: list[Any]) -> list[Any]:
        """Run the model on the whole batch: one output for each input, in order."""
        raise NotImplementedError

    def postprocess(self, output: Any) -> Any:
        """Turn one output into an answer: bytes, text, or anything that JSON can hold."""
        return output

    def respond(self, output: Any, context: Context, place: int) -> Any:
        """Answer one request by `postprocess`; a subclass may look at its headers, and set some.

        Raise RequestError where the client asked for what cannot be had.
        """
        return self.postprocess(output)

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[Any]:
        """Answer a batch."""
        answers: list[Any] = [None] * len(data)
        inputs, places = [], []
        for place, request in enumerate(data):
            context.set_response_content_type(place, self.content_type)
            try:
                inputs.append(self.preprocess(request))
                places.append(place)
            except RequestError as exc:
                answers[place] = refuse(context, place, exc)
        if inputs:
            for place, output in zip(places, self.inference(inputs)):
                try:
                    answers[place] = self.respond(output, context, place)
                except RequestError as exc:
                    answers[place] = refuse(context, place, exc)
        return answers


def refuse(context: Context, place: int, error: RequestError) -> str:
    """Set the status of one answer and return its body, in the form of the server's own errors."""
    context.set_response_status(error.status, "Bad Request" if error.status == 400 else "", place)
    context.set_response_content_type(place, "application/json")
    kind = "BadRequestException" if error.status < 500 else "InternalServerException"
    body = {"code": error.status, "type": kind, "message": str(error)}
    return json.dumps(body, indent=2) + "\n"


def find_header(context: Context, place: int, name: str) -> str:
    """Find a header of one request, in whatever letter case the client wrote it; "" without one."""
    for key, value in context.get_all_request_header(place).items():
        if key.lower() == name and isinstance(value, str):
            return value
    return ""


def find_input(request: dict[str, Any], *names: str) -> Any:
    """Find a request's input: by the first of these names that it has, else its only one.

    Raises RequestError when there is none, or several without any of the names.
    """
    for name in names:
        if name in request:
            return request[name]
    if len(request) == 1:
        return next(iter(request.values()))
    seen = ", ".join(request) or "nothing: does its Content-Type say what it is?"
    raise RequestError(f"Expected an input called {' or '.join(names)}; the request has {seen}")


def require(module: str, package: str) -> Any:
    """Import a module that a handler needs, or say how to install it.

    Raises MissingPackageError.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise MissingPackageError(
            f"This handler needs the package {package}, which this interpreter lacks ({exc}). "
            f"Install it with: pip install {package}; or list it in the archive's "
            "requirements.txt, for a server with allow_model_environments=true."
        ) from exc

"""Multi Model Server's inference dialect: predictions by name, and its older routes to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mms import wire
from mms_server.api.answers import answer_bytes, answer_error, encode_json, request_fields
from mms_server.api.openapi.model_document import model_document
from mms_server.errors import BadRequestError, MMSError, ResourceNotFoundError
from mms_server.http.connection import Exchange
from mms_server.http.forms import (
    Field,
    MultipartReader,
    media_type,
    parse_query,
    parse_urlencoded,
    read_multipart,
)
from mms_server.http.request import Request
from mms_server.http.response import status_line
from mms_server.http.router import ANY, Endpoint, Router
from mms_server.serving.job import Answer, Input, Job
from mms_server.serving.model import Model
from mms_server.serving.registry import Registry

QUEUE_TIMEOUT_FIELD = b"x-mms-queue-timeout"
"""Seconds that a client will wait for its request to begin, in place of the model's setting."""

_LONGEST_WAIT_S = 24 * 3600.0
"""More counts as this: nobody waits so long, and the loop's timers cannot express any number."""

_MULTIPART = "multipart/form-data"
_URLENCODED = "application/x-www-form-urlencoded"

# What this server decides, whatever a handler sets; framing most of all.
_RESERVED = frozenset(
    (
        b"cache-control",
        b"connection",
        b"content-length",
        b"expires",
        b"pragma",
        b"transfer-encoding",
        b"x-request-id",
    )
)

_DOCUMENT_FIELDS = (
    b"content-type: application/json\r\n"
    b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n"
)

_HOW_IT_CAME = (b"expect", b"transfer-encoding")
_LENGTH = b"content-length" + wire.SEPARATOR

ModelChooser = Callable[[Request, tuple[str, ...]], Model]


class PredictionSink:
    """Takes a job's answer to its HTTP client (`mms_server.serving.job.Sink`)."""

    __slots__ = ("_exchange", "_request_id")

    def __init__(self, exchange: Exchange, request_id: bytes) -> None:
        self._exchange = exchange
        self._request_id = request_id

    def answer(self, answer: Answer) -> None:
        """Send what the handler answered: its status, even 4xx and 5xx, keeps its body."""
        status, phrase, block, body = answer
        fields = request_fields(self._request_id)
        if block:
            fields = _field_lines(block) + fields
        line = status_line(status, phrase.decode("latin-1"))
        self._exchange.respond(line, fields, body, close=status >= 400)

    def fail(self, error: MMSError) -> None:
        """Send an error body."""
        answer_error(self._exchange, self._request_id, error)


class Inference:
    """The predict routes; all verbs run inference, as in Multi Model Server."""

    def __init__(self, registry: Registry, ids: Iterator[bytes], body_limit_bytes: int) -> None:
        self._registry = registry
        self._ids = ids
        self._body_limit_bytes = body_limit_bytes

    def add_routes(self, router: Router) -> None:
        """Add the predict routes; `/{model}/predict` goes last, being the greediest."""
        self._add(router, "/predictions/{model}/**", self._by_path, with_query=False)
        self._add(router, "/invocations", self._by_query, with_query=True)
        self._add(router, "/models/{model}/invoke", self._by_path, with_query=True)
        self._add(router, "/{model}/predict", self._by_path, with_query=True)

    def _add(self, router: Router, pattern: str, choose: ModelChooser, *, with_query: bool) -> None:
        def serve(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
            model = choose(request, parameters)
            inputs, size_bytes = self._read_inputs(request, with_query=with_query)
            self._submit(model, request, exchange, inputs, size_bytes)

        def preview(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
            choose(request, parameters)
            if media_type(request.content_type).lower() == _MULTIPART:
                request.consumer = reader = MultipartReader(
                    request.content_type, self._body_limit_bytes
                )
                for chunk in request.body:
                    reader.feed(chunk)
                request.body = []

        def describe(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
            document = model_document(choose(request, parameters).name)
            body = [encode_json(document)]
            answer_bytes(exchange, next(self._ids), 200, _DOCUMENT_FIELDS, body)

        router.add(ANY, pattern, Endpoint(serve, preview))
        router.add(b"OPTIONS", pattern, Endpoint(describe))

    def _by_path(self, request: Request, parameters: tuple[str, ...]) -> Model:
        return self._registry.find(parameters[0])

    def _by_query(self, request: Request, parameters: tuple[str, ...]) -> Model:
        """Choose by `model_name`, else the only model loaded at startup."""
        for field in parse_query(request.query):
            if field.name == "model_name":
                return self._registry.find(b"".join(field.chunks).decode("utf-8", "replace"))
        startup = [model for model in self._registry.models() if model.is_loaded_at_startup]
        if len(startup) != 1:
            raise BadRequestError("Parameter model_name is required.")
        return startup[0]

    def _submit(
        self,
        model: Model,
        request: Request,
        exchange: Exchange,
        inputs: Sequence[Input],
        size_bytes: int,
    ) -> None:
        request_id = next(self._ids)
        fields = wire.join_fields(request.fields)
        lowered = fields.lower()
        timeout_s = None
        if QUEUE_TIMEOUT_FIELD in lowered:
            timeout_s = _queue_timeout_s(request)
        if request.expects_continue or _LENGTH not in lowered:
            fields = wire.join_fields(_aggregated(request))
        job = Job(request_id, fields, inputs, size_bytes, PredictionSink(exchange, request_id))
        dispatcher = model.dispatcher
        exchange.on_gone = lambda: dispatcher.abandon(job)
        dispatcher.submit(job, timeout_s)

    def _read_inputs(self, request: Request, *, with_query: bool) -> tuple[Sequence[Input], int]:
        """Turn query and body into named inputs; of equal names the last one counts."""
        content_type = request.content_type
        kind = media_type(content_type) if content_type else ""
        lowered = kind.lower()
        if lowered == _MULTIPART:
            consumer = request.consumer
            if isinstance(consumer, MultipartReader):
                form = consumer.finish()
            else:
                form = read_multipart(request, self._body_limit_bytes)
        elif lowered == _URLENCODED:
            form = parse_urlencoded(request.body)
        else:
            body = Input(b"body", kind.encode("latin-1"), request.body_bytes, request.body)
            if not (with_query and request.query):
                return (body,), request.body_bytes
            query = _as_inputs(parse_query(request.query))
            return _last_of_each([*query, body])
        query = _as_inputs(parse_query(request.query)) if with_query else []
        return _last_of_each([*query, *_as_inputs(form)])


def _as_inputs(fields: list[Field]) -> list[Input]:
    return [
        Input(
            name.encode(), content_type.encode("latin-1", "replace"), sum(map(len, chunks)), chunks
        )
        for name, content_type, chunks in fields
    ]


def _last_of_each(inputs: list[Input]) -> tuple[Sequence[Input], int]:
    by_name = {each.name: each for each in inputs}
    size_bytes = sum(each.size_bytes for each in by_name.values())
    return list(by_name.values()), size_bytes


def _queue_timeout_s(request: Request) -> float | None:
    text = request.field(QUEUE_TIMEOUT_FIELD)
    if text is None:
        return None
    try:
        timeout_s = float(text)
    except ValueError:
        timeout_s = -1.0
    if not 0 < timeout_s < float("inf"):
        raise BadRequestError(
            f"Header X-MMS-Queue-Timeout is {text.decode('latin-1')!r}: "
            "a number of seconds above 0 is expected."
        )
    return min(timeout_s, _LONGEST_WAIT_S)


def _aggregated(request: Request) -> list[bytes]:
    """Tell a handler of the whole body, not of how it came, as Netty's aggregator does."""
    fields = request.fields
    kept: list[bytes] = []
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        if name.lower() not in _HOW_IT_CAME:
            kept += (name, value)
    if request.field(b"content-length") is None:
        kept += (b"content-length", b"%d" % request.body_bytes)
    return kept


def _field_lines(block: bytes) -> bytes:
    """Render a handler's fields, less those that are the server's to set."""
    parts = block.split(wire.SEPARATOR)
    return b"".join(
        b"%s: %s\r\n" % (name, value)
        for name, value in zip(parts[::2], parts[1::2], strict=True)
        if name.lower() not in _RESERVED
    )


def add_not_found(router: Router) -> None:
    """Answer the paths that look like a route but are none."""

    def missing(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        raise ResourceNotFoundError

    router.add(ANY, "/predictions", Endpoint(missing, missing))

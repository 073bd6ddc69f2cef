"""Multi Model Server's inference dialect: predictions by name, and its older routes to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mms import wire
from mms_server.api.answers import answer_bytes, answer_error, encode_json, request_fields
from mms_server.api.openapi.model_document import model_document
from mms_server.errors import BadRequestError, MMSError, ResourceNotFoundError
from mms_server.http.exchange import Exchange
from mms_server.http.forms import (
    Field,
    MultipartReader,
    media_type,
    parse_query,
    parse_urlencoded,
    read_multipart,
)
from mms_server.http.head import Head
from mms_server.http.request import Chunk, Request
from mms_server.http.response import status_line
from mms_server.http.router import ANY, Endpoint, Router
from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.job import Job
from mms_server.serving.model import Model
from mms_server.serving.registry import Registry

QUEUE_TIMEOUT_FIELD = b"x-mms-queue-timeout"
"""Seconds that a client will wait for its request to begin, in place of the model's setting."""

_LONGEST_WAIT_S = 24 * 3600.0
"""More counts as this: nobody waits so long, and the loop's timers cannot express any number."""

_BODY: Final = b"body"
"""The name of the input that a body is which is no form."""

_MULTIPART: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"

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
_OK: Final = status_line(200, "")

ModelChooser = Callable[[Request, tuple[str, ...]], Model]


class PredictionSink:
    """Takes a job's answer to its HTTP client (`mms_server.serving.job.Sink`)."""

    __slots__ = ("_dispatcher", "_exchange", "_job", "_request_id")

    def __init__(self, exchange: Exchange, request_id: bytes) -> None:
        self._exchange = exchange
        self._request_id = request_id
        self._dispatcher: Dispatcher | None = None
        self._job: Job | None = None

    def wait(self, dispatcher: Dispatcher, job: Job) -> None:
        """Give the job up if the client goes first."""
        self._dispatcher = dispatcher
        self._job = job
        self._exchange.waiter = self

    def client_gone(self) -> None:
        """Give the job up (`mms_server.http.exchange.Waiter`)."""
        job, self._job = self._job, None
        if self._dispatcher is not None and job is not None:
            self._dispatcher.abandon(job)

    def answer(self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]) -> None:
        """Send what the handler answered: its status, even 4xx and 5xx, keeps its body."""
        self._job = None  # it leads back here: without it there is no cycle to collect
        lines = request_fields(self._request_id)
        if fields:
            lines = _field_lines(fields) + lines
        line = status_line(status, phrase.decode("latin-1")) if phrase or status != 200 else _OK
        self._exchange.respond(line, lines, body, status >= 400)

    def fail(self, error: MMSError) -> None:
        """Send an error body."""
        self._job = None
        answer_error(self._exchange, self._request_id, error)


class Preamble:
    """What a request's head says about a prediction. Raises BadRequestError.

    `job_head` goes to the worker where the body is the one input; `fields` is what the handler will
    see of the head, as `wire.join_fields` makes it; `timeout_s` the queue timeout that the client
    asks for, None where it does not.
    """

    __slots__ = ("fields", "job_head", "kind", "media_type", "timeout_s")

    def __init__(self, request: Request) -> None:
        head = request.head
        self.media_type = media_type(head.content_type)
        self.kind = self.media_type.lower()
        self.timeout_s = _queue_timeout_s(head)
        is_plain = not head.expects_continue and head.field(b"content-length") is not None
        self.fields = wire.join_fields(head.fields if is_plain else _aggregated(request))
        body = wire.encode_parameter(_BODY, self.media_type.encode("latin-1"), request.body_bytes)
        self.job_head = wire.JobHead(self.fields, (body,), request.body_bytes)


def _read_preamble(request: Request) -> Preamble:
    """Read it once for all requests that repeat a head: their bodies are of one size, too."""
    known = request.head.memo
    if isinstance(known, Preamble):
        return known
    request.head.memo = preamble = Preamble(request)
    return preamble


class _PredictRoute:
    """One route to models, all of whose verbs run inference, as in Multi Model Server."""

    def __init__(
        self, choose: ModelChooser, ids: Iterator[bytes], body_limit_bytes: int, *, with_query: bool
    ) -> None:
        self._choose = choose
        self._ids = ids
        self._body_limit_bytes = body_limit_bytes
        self._with_query = with_query

    def serve(self, request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        """Make a job of a whole request."""
        dispatcher = self._choose(request, parameters).dispatcher
        preamble = _read_preamble(request)
        head, values = self._read_inputs(request, preamble)
        request_id = next(self._ids)
        sink = PredictionSink(exchange, request_id)
        job = Job(request_id, head, values, sink)
        sink.wait(dispatcher, job)
        dispatcher.submit(job, preamble.timeout_s)

    def preview(self, request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        """Refuse what has no model, and parse a form as it comes."""
        self._choose(request, parameters)
        content_type = request.head.content_type
        if media_type(content_type).lower() == _MULTIPART:
            request.consumer = reader = MultipartReader(content_type, self._body_limit_bytes)
            for chunk in request.body:
                reader.feed(chunk)
            request.body = []

    def describe(self, request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        """Answer OPTIONS: the document of the model."""
        document = model_document(self._choose(request, parameters).name)
        answer_bytes(exchange, next(self._ids), 200, _DOCUMENT_FIELDS, [encode_json(document)])

    def _read_inputs(
        self, request: Request, preamble: Preamble
    ) -> tuple[wire.JobHead, list[Chunk]]:
        """Turn query and body into named inputs."""
        query = request.head.query if self._with_query else b""
        if preamble.kind == _MULTIPART:
            form = self._read_multipart(request)
        elif preamble.kind == _URLENCODED:
            form = parse_urlencoded(request.body)
        elif not query:
            return preamble.job_head, request.body
        else:
            form = [Field(_BODY.decode(), preamble.media_type, request.body)]
        return _join_inputs(preamble.fields, [*parse_query(query), *form])

    def _read_multipart(self, request: Request) -> list[Field]:
        consumer = request.consumer
        if isinstance(consumer, MultipartReader):
            return consumer.finish()
        return read_multipart(request, self._body_limit_bytes)


class Inference:
    """The predict routes, by the names that Multi Model Server and its forebears gave them."""

    def __init__(self, registry: Registry, ids: Iterator[bytes], body_limit_bytes: int) -> None:
        self._registry = registry
        self._models = registry.answering
        self._ids = ids
        self._body_limit_bytes = body_limit_bytes

    def add_routes(self, router: Router) -> None:
        """Add the predict routes; `/{model}/predict` goes last, being the greediest."""
        self._add(router, "/predictions/{model}/**", self._by_path, with_query=False)
        self._add(router, "/invocations", self._by_query, with_query=True)
        self._add(router, "/models/{model}/invoke", self._by_path, with_query=True)
        self._add(router, "/{model}/predict", self._by_path, with_query=True)

    def _add(self, router: Router, pattern: str, choose: ModelChooser, *, with_query: bool) -> None:
        route = _PredictRoute(choose, self._ids, self._body_limit_bytes, with_query=with_query)
        router.add(ANY, pattern, Endpoint(route.serve, route.preview))
        router.add(b"OPTIONS", pattern, Endpoint(route.describe))

    def _by_path(self, request: Request, parameters: tuple[str, ...]) -> Model:
        model = self._models.get(parameters[0])
        return self._registry.find(parameters[0]) if model is None else model

    def _by_query(self, request: Request, parameters: tuple[str, ...]) -> Model:
        """Choose by `model_name`, else the only model loaded at startup."""
        for field in parse_query(request.head.query):
            if field.name == "model_name":
                return self._registry.find(b"".join(field.chunks).decode("utf-8", "replace"))
        startup = [model for model in self._registry.models() if model.is_loaded_at_startup]
        if len(startup) != 1:
            raise BadRequestError("Parameter model_name is required.")
        return startup[0]


def _join_inputs(fields: bytes, inputs: list[Field]) -> tuple[wire.JobHead, list[Chunk]]:
    """Make one job of many inputs; of equal names the last one counts."""
    parameters, values = [], []
    value_bytes = 0
    for name, content_type, chunks in {each.name: each for each in inputs}.values():
        size_bytes = sum(map(len, chunks))
        media = content_type.encode("latin-1", "replace")
        parameters.append(wire.encode_parameter(name.encode(), media, size_bytes))
        values += chunks
        value_bytes += size_bytes
    return wire.JobHead(fields, parameters, value_bytes), values


def _queue_timeout_s(head: Head) -> float | None:
    text = head.field(QUEUE_TIMEOUT_FIELD)
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
    fields = request.head.fields
    kept: list[bytes] = []
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        if name.lower() not in _HOW_IT_CAME:
            kept += (name, value)
    if request.head.field(b"content-length") is None:
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

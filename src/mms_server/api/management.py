"""Multi Model Server's management dialect: register, list, describe, scale and unregister."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from mms_server.api.answers import answer_error, answer_json
from mms_server.api.descriptions import describe, list_page
from mms_server.api.guard import Guard
from mms_server.api.parameters import Parameters
from mms_server.errors import (
    BadRequestError,
    MMSError,
    ModelEnvironmentError,
    OutOfResourcesError,
    WorkerError,
)
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import Endpoint, Router
from mms_server.serving.registration import Registration
from mms_server.serving.registry import Registry
from mms_server.workers.pool import Outcome

logger = logging.getLogger("mms_server.api")

_PARTIAL_SUCCESS = 210
_STATUS = "status"


@dataclass(frozen=True, slots=True)
class Answered:
    """What an operation ended with."""

    status: int
    document: object


_ACCEPTED = Answered(202, {_STATUS: "Processing worker updates..."})
_SCALED = Answered(200, {_STATUS: "Workers scaled"})
_SUPERSEDED = Answered(_PARTIAL_SUCCESS, {_STATUS: "Workers scaling in progress..."})


class Management:
    """The `/models` routes. What takes long runs as a task: a client that leaves cancels nothing.

    `default_workers` is what `initial_workers` defaults to; `drain_s` bounds how long the work of
    an unregistered model may go on.
    """

    def __init__(
        self, registry: Registry, ids: Iterator[bytes], default_workers: int, drain_s: float
    ) -> None:
        self._registry = registry
        self._ids = ids
        self._default_workers = default_workers
        self._drain_s = drain_s
        self._tasks: set[asyncio.Task[None]] = set()

    def add_routes(self, router: Router, guard: Guard) -> None:
        """Add the routes, each behind the guard."""
        for verb, pattern, endpoint in (
            (b"GET", "/models", Endpoint(self._list)),
            (b"POST", "/models", Endpoint(self._register)),
            (b"GET", "/models/{model}", Endpoint(self._describe)),
            (b"PUT", "/models/{model}", Endpoint(self._scale)),
            (b"DELETE", "/models/{model}", Endpoint(self._unregister)),
        ):
            router.add(verb, pattern, guard.protect(endpoint))

    def _list(self, request: Request, exchange: Exchange, _: tuple[str, ...]) -> None:
        parameters = Parameters.of_query(request)
        page = list_page(
            self._registry.models(),
            parameters.integer("limit", default=100),
            parameters.integer("next_page_token", default=0),
        )
        answer_json(exchange, next(self._ids), 200, page)

    def _describe(self, request: Request, exchange: Exchange, path: tuple[str, ...]) -> None:
        model = self._registry.find(path[0])
        answer_json(exchange, next(self._ids), 200, describe(model))

    def _register(self, request: Request, exchange: Exchange, _: tuple[str, ...]) -> None:
        parameters = Parameters.of_query_or_json(request)
        location = parameters.text("url")
        if location is None and not parameters.has("url"):
            raise BadRequestError("Parameter url is required.")
        registration = _registration(location or "", parameters)
        workers = parameters.integer("initial_workers", default=self._default_workers)
        wait = parameters.boolean("synchronous", default=True)
        self._run(exchange, lambda: self._register_model(registration, workers, wait))

    async def _register_model(
        self, registration: Registration, workers: int, wait: bool
    ) -> Answered:
        model, outcome = await self._registry.register_and_scale(
            registration, max(workers, 0), wait=wait
        )
        if workers <= 0:
            return Answered(200, {_STATUS: f'Model "{model.name}" registered'})
        return _scaling_answer(outcome)

    def _scale(self, request: Request, exchange: Exchange, path: tuple[str, ...]) -> None:
        parameters = Parameters.of_query(request)
        low = parameters.integer("min_worker", "min_workers", default=1)
        high = parameters.integer("max_worker", "max_workers", default=low)
        if low < 0 or high < 0:
            raise BadRequestError(
                f"min_worker is {low} and max_worker {high}: neither can be negative."
            )
        if high < low:
            raise BadRequestError("max_worker cannot be less than min_worker.")
        wait = parameters.boolean("synchronous", default=False)
        model = self._registry.find(path[0])

        async def scale() -> Answered:
            return _scaling_answer(await model.scale(low, high, wait=wait))

        self._run(exchange, scale)

    def _unregister(self, request: Request, exchange: Exchange, path: tuple[str, ...]) -> None:
        name = path[0]
        self._registry.find(name)

        async def remove() -> Answered:
            await self._registry.remove(name, self._drain_s)
            return Answered(200, {_STATUS: f'Model "{name}" unregistered'})

        self._run(exchange, remove)

    def _run(self, exchange: Exchange, operation: Callable[[], Awaitable[Answered]]) -> None:
        request_id = next(self._ids)

        async def run() -> None:
            try:
                answered = await operation()
            except WorkerError as error:
                answer_error(exchange, request_id, *_failed_start(error))
            except MMSError as error:
                answer_error(exchange, request_id, error)
            except Exception as error:
                logger.exception("A management request failed unexpectedly")
                answer_error(exchange, request_id, MMSError(f"Internal error: {error!r}"))
            else:
                answer_json(exchange, request_id, answered.status, answered.document)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _registration(location: str, parameters: Parameters) -> Registration:
    preload = parameters.text("preload_model")
    response_timeout_s = parameters.integer("response_timeout", default=-1)
    batch_size = parameters.integer("batch_size", default=1)
    if batch_size < 1:
        raise BadRequestError(f"batch_size is {batch_size}: at least 1 is expected.")
    return Registration(
        location=location,
        model_name=parameters.text("model_name"),
        handler=parameters.text("handler"),
        runtime=parameters.text("runtime"),
        batch_size=batch_size,
        max_batch_delay_s=max(parameters.integer("max_batch_delay", default=100), 0) / 1000,
        response_timeout_s=response_timeout_s if response_timeout_s >= 0 else None,
        startup_timeout_s=_positive(parameters, "startup_timeout"),
        queue_timeout_s=_positive(parameters, "queue_timeout"),
        preload=None if preload is None else preload.lower() == "true",
    )


def _positive(parameters: Parameters, name: str) -> float | None:
    seconds = parameters.integer(name, default=-1)
    return float(seconds) if seconds > 0 else None


def _scaling_answer(outcome: Outcome | None) -> Answered:
    if outcome is None:
        return _ACCEPTED
    return _SCALED if outcome is Outcome.SCALED else _SUPERSEDED


def _failed_start(error: WorkerError) -> tuple[MMSError, dict[str, str]]:
    """Word a failed start as Multi Model Server does; what went wrong goes beside it.

    `type` is what it reports for 500 and 507 alike. Where no worker could be started for want of
    an environment, which it does not know, the message says so itself.
    """
    if isinstance(error, ModelEnvironmentError):
        return error, {}
    cls = OutOfResourcesError if isinstance(error, OutOfResourcesError) else WorkerError
    return cls("Failed to start workers"), {"reason": error.message}

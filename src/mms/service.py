"""What handlers raise to choose their error, and a way to run a handler without a server.

The names are those of `mms.service` in Multi Model Server 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.context import Context, RequestProcessor
from mms.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PredictionException(Exception):  # noqa: N818 - the name that handlers raise
    """Raise in a handler to answer a whole batch with this HTTP status and message.

    Any other exception is answered with 503 `Prediction failed`: its text stays in the log.
    """

    def __init__(self, message: str, error_code: int = 500) -> None:
        self.message = message
        self.error_code = error_code
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} : {self.error_code}"


class Service:
    """One handler and its context, called in this process: for tests of handlers.

    `entry_point` is `handle(data, context)`. Nothing is converted on the way in or out, and what
    the handler raises is raised.
    """

    def __init__(  # the signature of MMS, which users' tests call
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None,
        entry_point: Callable[[Any, Context], Any],
        gpu: int | None,
        batch_size: int,
    ) -> None:
        self._context = Context(model_name, model_dir, manifest, batch_size, gpu, __version__)
        self._entry_point = entry_point

    @property
    def context(self) -> Context:
        """The context that the handler is given; holds the statuses and headers it sets."""
        return self._context

    def predict(
        self, batch: Sequence[dict[str, Any]], headers: Sequence[dict[str, Any]] | None = None
    ) -> Any:
        """Handle one batch: a dict of inputs, and optionally one of headers, per request.

        Request ids are the indices, as text. Returns what the handler returns.
        """
        per_request = headers if headers is not None else [{} for _ in batch]
        if len(per_request) != len(batch):
            raise ValueError(f"{len(batch)} requests need as many headers, not {len(per_request)}")
        ids = {idx: str(idx) for idx in range(len(batch))}
        self._context.begin_batch(ids, [RequestProcessor(header) for header in per_request])
        return self._entry_point(list(batch), self._context)

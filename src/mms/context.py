"""What a handler sees of its model and of the requests of one batch.

Names and meanings are those of `mms.context` in Multi Model Server 1.1, which handlers import.
One Context lives as long as its worker; one RequestProcessor is made per request, so making one
decodes nothing. Both belong to the thread that runs the handler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.metrics.metrics_store import MetricsStore

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER_NAME = "MMS"
"""What `system_properties["server_name"]` has always said; handlers branch on it."""

LOAD_REQUEST_ID = "load"
"""Stands in the place of a request id in metrics that a handler adds while it is loaded."""

_OK = (200, None)


class RequestProcessor:
    """One request's headers, and the status and headers of its answer.

    `request_header` holds header values by name (case-sensitive, as the client wrote them) and,
    for each input, name -> {"content-type": type}. A function without arguments may stand for it:
    it is called once, when the handler first asks for a header.
    """

    __slots__ = ("_request_header", "_response_header", "_status")

    # Values are `str`, but those of inputs are dicts: Any, so that typed handlers need no cast.
    def __init__(self, request_header: dict[str, Any] | Callable[[], dict[str, Any]]) -> None:
        self._request_header = request_header
        self._status: tuple[int, str | None] | None = None
        self._response_header: dict[str, str] | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether the answer is still the default: 200, no phrase, no headers."""
        return self._status is None and self._response_header is None

    def get_request_property(self, key: str) -> Any:
        """Return the request's header of exactly that name, or None."""
        return self.get_request_properties().get(key)

    def get_request_properties(self) -> dict[str, Any]:
        """Return all request headers by name."""
        header = self._request_header
        if callable(header):
            header = self._request_header = header()
        return header

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        """Set the HTTP status of the answer; the body is still what the handler returns."""
        self._status = (code, reason_phrase)

    def get_response_status_code(self) -> int:
        """Return the HTTP status of the answer: 200 unless set."""
        return (self._status or _OK)[0]

    def get_response_status_phrase(self) -> str | None:
        """Return the reason phrase of the answer, None unless set."""
        return (self._status or _OK)[1]

    def add_response_property(self, key: str, value: str) -> None:
        """Set one header of the answer, in place of an earlier one of that name."""
        self.get_response_headers()[key] = value

    def get_response_headers(self) -> dict[str, str]:
        """Return the headers of the answer; what the caller changes in it is sent."""
        if self._response_header is None:
            self._response_header = {}
        return self._response_header

    def get_response_header(self, key: str) -> str | None:
        """Return the answer's header of exactly that name, or None."""
        return self._response_header.get(key) if self._response_header else None


class Context:
    """The model that is served and the batch that is being handled.

    `manifest` is the parsed MANIFEST.json or None; `gpu` the device number or None;
    `request_ids` maps the index in the batch to the request's id and `request_processor` lists one
    RequestProcessor per request: both are None while the model is loaded. Handlers may keep
    attributes of their own here. `workers` is how many workers the model had when this one was
    loaded: they share the machine's cores.
    """

    def __init__(  # the signature of MMS, which users' tests call
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None,
        batch_size: int,
        gpu: int | None,
        mms_version: str,
    ) -> None:
        self.model_name = model_name
        self.manifest = manifest
        self.system_properties: dict[str, Any] = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": batch_size,
            "server_name": SERVER_NAME,
            "server_version": mms_version,
        }
        self.workers = 1
        self.request_ids: dict[int, str] | None = None
        self.request_processor: list[RequestProcessor] | None = None
        self._metrics: MetricsStore | None = None

    # In MMS, too, contexts are told apart by what they hold, so they cannot be hashed.
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and vars(self) == vars(other)

    def begin_batch(self, request_ids: dict[int, str], processors: list[RequestProcessor]) -> None:
        """Turn to the next batch: its requests, and no metrics yet."""
        self.request_ids = request_ids
        self.request_processor = processors
        self._metrics = None

    @property
    def metrics(self) -> MetricsStore:
        """The metrics of this batch; made when a handler first asks."""
        if self._metrics is None:
            ids = LOAD_REQUEST_ID if self.request_ids is None else self.request_ids
            self._metrics = MetricsStore(ids, self.model_name)
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: MetricsStore | None) -> None:
        self._metrics = metrics

    @property
    def used_metrics(self) -> MetricsStore | None:
        """The metrics of this batch if a handler asked for them, else None."""
        return self._metrics

    def get_request_id(self, idx: int = 0) -> str | None:
        """Return the id of the request at that index, None when there is none."""
        return None if self.request_ids is None else self.request_ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> Any:
        """Return the request's header of exactly that name, or None."""
        return self._processors[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, Any]:
        """Return all headers of the request by name."""
        return self._processors[idx].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Set the answer's content type; there is no default."""
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        """Return the answer's content type, or None."""
        return self._processors[idx].get_response_header("content-type")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Set one header of the answer, in place of an earlier one of that name."""
        self._processors[idx].add_response_property(key, value)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        """Return the headers of the answer; what the caller changes in it is sent."""
        return self._processors[idx].get_response_headers()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the HTTP status of one answer; without effect while the model is loaded."""
        if self.request_processor is not None:
            self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """Set the HTTP status of every answer of the batch."""
        for processor in self._processors:
            processor.report_status(code, phrase)

    def get_response_status(self, idx: int) -> tuple[int, str | None]:
        """Return the HTTP status and the reason phrase of one answer."""
        processor = self._processors[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    @property
    def _processors(self) -> list[RequestProcessor]:
        if self.request_processor is None:
            raise TypeError("there is no request: the model is being loaded, data is None")
        return self.request_processor
